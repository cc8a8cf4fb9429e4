"""Metrics of your own: plain prometheus_client objects in a registry that the monitor is given once."""

import asyncio

from prometheus_client import CollectorRegistry, Counter, Histogram

from auscult import Monitor

registry = CollectorRegistry()
TURNS = Counter("agent_turns", "Turns of conversations.", ["outcome"], registry=registry)
WAITED = Histogram(
    "agent_turn_wait_seconds",
    "From the caller's last word to the agent's first.",
    buckets=(0.2, 0.4, 0.6, 0.8, 1.0, 1.5, 2.0, 3.0, 5.0),
    registry=registry,
)


async def turn(number: int) -> None:
    """Something worth counting. Recording costs what prometheus_client costs: nothing stands in between."""
    with WAITED.time():
        await asyncio.sleep(0.001)
    TURNS.labels("interrupted" if number % 3 == 0 else "answered").inc()


async def main() -> None:
    """Hand the registry over, and work."""
    monitor = Monitor()
    monitor.metrics.add_registry(registry, name="agent")
    async with monitor:
        for number in range(6):
            await turn(number)
        snapshot = await monitor.metrics.snapshot()
        print("answered:", snapshot.value("agent_turns_total", outcome="answered"))


if __name__ == "__main__":
    asyncio.run(main())
