"""Reporting from a thread: `report` never blocks, and any thread may call it."""

import asyncio
import threading

from auscult import Monitor, Reading


def worker(monitor: Monitor) -> None:
    """Something that has no event loop."""
    monitor.report("worker", Reading.healthy("batch done", rows=500))


async def main() -> None:
    """The thread reports, the loop sees it."""
    monitor = Monitor()
    monitor.health.register("worker", successes=1)
    async with monitor:
        thread = threading.Thread(target=worker, args=(monitor,))
        thread.start()
        while not monitor.recent_results("worker"):  # noqa: ASYNC110 - the monitor has no event for this
            await asyncio.sleep(0.01)
        thread.join()
        print(monitor.component_health("worker").measurements)


if __name__ == "__main__":
    asyncio.run(main())
