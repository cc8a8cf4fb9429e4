"""A monitor inside an asyncio agent process, beside the agent's own work."""

import asyncio
import sys

from auscult import HealthThreshold, Monitor, Reading


async def vector_index() -> dict[str, float]:
    """A check is any function; a dict gives measurements."""
    await asyncio.sleep(0.001)
    return {"documents": 1200}


def licence_file() -> bool:
    """A function that blocks runs in a thread."""
    return True


async def handle_calls(monitor: Monitor) -> None:
    """The agent's own work reports what it sees."""
    for turn in range(3):
        await asyncio.sleep(0.01)
        monitor.report("agent", Reading.healthy(turn=turn))


async def main() -> None:
    """Start, work, stop."""
    monitor = Monitor()
    monitor.health.register("vector_index", check=vector_index, interval="10s")
    monitor.health.register("licence", check=licence_file, threshold=HealthThreshold(response_time_ms=3000.0))
    monitor.health.register("agent")  # nothing to probe: results are reported
    await monitor.run()
    try:
        await handle_calls(monitor)
        await monitor.check_now("vector_index")
        await monitor.check_now("vector_index")
        print(monitor.component_health("vector_index").status)
    finally:
        await monitor.stop()


if __name__ == "__main__":
    asyncio.run(main())
    sys.exit(0)
