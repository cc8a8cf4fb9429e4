"""A FastAPI application whose requests are counted: ``uvicorn record_requests:app``."""

from fastapi import FastAPI
from prometheus_client import make_asgi_app

from auscult import RequestMetrics

api = FastAPI()


@api.get("/rooms/{name}")
async def room(name: str) -> dict[str, str]:
    return {"room": name}


api.mount("/metrics", make_asgi_app())  # for a `prometheus-scrape` source, or for Prometheus
app = RequestMetrics(api)
