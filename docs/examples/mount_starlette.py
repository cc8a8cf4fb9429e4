"""auscult inside a Starlette application, under a path of its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from auscult import Monitor, create_app

monitor = Monitor()
monitor.health.register("cache", check=lambda: True)


@asynccontextmanager
async def lifespan(_app: Starlette) -> AsyncIterator[None]:
    """The host application starts and stops the monitor."""
    await monitor.run()
    yield
    await monitor.stop()


def home(_request: object) -> PlainTextResponse:
    """The application's own page."""
    return PlainTextResponse("the application")


app = Starlette(
    routes=[Route("/", home), Mount("/monitoring", app=create_app(monitor))],
    lifespan=lifespan,
)
