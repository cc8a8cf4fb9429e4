"""An agent worker's HTTP, as LiveKit Agents serves it: ``/`` and ``/worker``."""

from __future__ import annotations

from typing import Any

from auscult_rehearsal import AGENT_NAME
from auscult_rehearsal.asgi import Answer, Request, answer_json, answer_text
from auscult_rehearsal.standin import WebStandIn

__all__ = ["AgentWorker"]


class AgentWorker(WebStandIn):
    """Runs one job. ``lying``: ``/`` says OK while the worker is gone; ``silent``: accepts and never answers."""

    name = "orchestrator"

    def __init__(self) -> None:
        super().__init__()
        self.note = "one job runs"
        self.active_jobs = 1

    def is_health(self, request: Request) -> bool:
        """``/`` is what a liar keeps up."""
        return request.path == "/" and self.fault == "lying"

    def refusal(self) -> Answer:
        """A gateway in front of it wants a login."""
        return answer_text("Unauthorized", 401)

    def throttle(self) -> Answer:
        """A gateway in front of it has enough."""
        answer = answer_text("Too Many Requests", 429)
        answer.headers["retry-after"] = "20"
        return answer

    def failure(self) -> Answer:
        """The worker behind the health endpoint is gone."""
        return answer_text("failed to connect to livekit", 503)

    async def work(self, request: Request) -> Answer | None:
        """See `WebStandIn.work`."""
        if self.fault == "silent":
            await request.gone()
            return None
        if request.path == "/":
            return answer_text("OK")
        if request.path == "/worker":
            return answer_json(self._worker())
        return answer_text("404: Not Found", 404)

    def _worker(self) -> dict[str, Any]:
        """Zero-valued fields are left out, as the original does."""
        said = {
            "worker_type": "JT_ROOM",
            "agent_name": AGENT_NAME,
            "active_jobs": self.active_jobs,
            "sdk_version": "1.8.9",
            "worker_load": 0.12,
            "protocol_version": 1,
        }
        return {name: value for name, value in said.items() if value}
