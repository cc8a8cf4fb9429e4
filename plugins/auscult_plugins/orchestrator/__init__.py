"""The `orchestrator` check: the health endpoint of an agent worker or service, read in its own convention."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from auscult import Check, CheckContext, Discovered, Measurement, Reading, SecretStr, hookimpl
from auscult_plugins.orchestrator.conventions import CONVENTIONS, detect

__all__ = ["OrchestratorCheck", "auscult_checks"]

_VARIABLES = ("ORCHESTRATOR_URL", "AGENT_HEALTH_URL", "LIVEKIT_AGENT_URL")


class OrchestratorCheck(Check):
    """An agent worker says that it is well, and is not seen to contradict itself."""

    kind = "orchestrator"
    component_type: ClassVar[str] = "orchestrator"
    measurements = (
        Measurement("active_jobs", "jobs", "Jobs that the worker runs now (LiveKit Agents)."),
        Measurement("worker_load", "", "The worker's load, 0 to 1 (LiveKit Agents)."),
        Measurement("checks_passed", "checks", "Parts that the service reports as well (health+json, Kubernetes)."),
        Measurement("checks_failed", "checks", "Parts that the service reports as not well (health+json, Kubernetes)."),
    )

    url: Annotated[str, Meta(pattern=r"^https?://[^\s/]+")]
    """Address of the service, ``http://127.0.0.1:8081``, or of its health endpoint, ``http://agent:8080/health``."""
    convention: Literal["auto", "plain", "ietf", "kubernetes", "livekit-agents", "pipecat"] = "auto"
    """How the service tells its health; ``auto`` finds out from the answer."""
    token: SecretStr = ""
    """Sent as a bearer token."""
    full_load: Annotated[float, Meta(gt=0, le=1)] = 0.95
    """Load from which on a LiveKit Agents worker counts as full: it then takes no calls, and still says it is well."""

    @classmethod
    def discover(cls, environ: Mapping[str, str]) -> Iterable[Discovered]:
        """From ``ORCHESTRATOR_URL``, ``AGENT_HEALTH_URL`` or ``LIVEKIT_AGENT_URL``."""
        for name in _VARIABLES:
            if url := environ.get(name):
                yield Discovered(
                    name="orchestrator",
                    check=cls(url=url),
                    because=f"{name} is set",
                    settings={"url": f"${{{name}}}"},
                )
                return

    async def probe(self, ctx: CheckContext) -> Reading:
        """Ask once, in the service's convention."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        base = self.url.rstrip("/")
        convention = self.convention if self.convention != "auto" else await detect(ctx.http, base, headers)
        return await CONVENTIONS[convention](ctx.http, base, headers, self.full_load)


@hookimpl
def auscult_checks() -> list[type[Check]]:
    """Offer the check."""
    return [OrchestratorCheck]
