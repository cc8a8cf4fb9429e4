"""auscult inside a Litestar application: the plugin adds the routes and runs the monitor."""

from litestar import Litestar, get

from auscult import AuscultPlugin, Monitor

monitor = Monitor()
monitor.health.register("cache", check=lambda: True)


@get("/")
async def home() -> str:
    """The application's own page."""
    return "the application"


app = Litestar(route_handlers=[home], plugins=[AuscultPlugin(monitor, path="/monitoring")])
