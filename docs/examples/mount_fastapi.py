"""auscult inside a FastAPI application, under a path of its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.responses import PlainTextResponse

from auscult import Monitor, create_app

monitor = Monitor()
monitor.health.register("cache", check=lambda: True)


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    """The host application starts and stops the monitor."""
    await monitor.run()
    yield
    await monitor.stop()


app = FastAPI(lifespan=lifespan)
app.mount("/monitoring", create_app(monitor))


@app.get("/", response_class=PlainTextResponse)
async def home() -> str:
    """The application's own page."""
    return "the application"
