"""The same monitor inside a trio process, without the server."""

import trio

from auscult import Monitor


async def greeting() -> bool:
    """A check is any function."""
    await trio.sleep(0.001)
    return True


async def main() -> None:
    """`async with` is for scripts: start and stop happen in the same task."""
    monitor = Monitor()
    monitor.health.register("greeting", check=greeting)
    async with monitor:
        await monitor.check_now("greeting")
        await monitor.check_now("greeting")
        print(monitor.component_health("greeting").status)


if __name__ == "__main__":
    trio.run(main)
