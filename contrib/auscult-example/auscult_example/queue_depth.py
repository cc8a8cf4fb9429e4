"""The `queue-depth` check: a number in a JSON document stays below its levels.

Everything that a plugin does is in this file: a class with options, measurements and one probe; what it finds in an
environment; and a hook that offers the class.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from msgspec import Meta

from auscult import Check, CheckContext, Discovered, Duration, Measurement, Preferences, Reading, SecretStr, hookimpl

__all__ = ["QueueDepthCheck", "auscult_checks"]


# The class's docstring says what it means when the component is healthy.
class QueueDepthCheck(Check):
    """A queue is worked off: few jobs wait in it, and none for too long."""

    # Configuration finds the class by this name: check = "queue-depth".
    kind = "queue-depth"
    # Every number that a reading may carry, so that units and meaning are known before the first one comes.
    measurements = (
        Measurement("queue_depth", "jobs", "Jobs that wait."),
        Measurement("oldest_job_seconds", "seconds", "How long the oldest of them has waited."),
    )

    # The fields are the options; the string below each is its documentation. Without a default it has to be given.
    url: Annotated[str, Meta(pattern="^https?://")]
    """Address of the queue's statistics, a JSON document: ``http://127.0.0.1:9000/stats``."""
    depth: Annotated[str, Meta(min_length=1)] = "waiting"
    """Where the number stands in it, keys and positions joined by dots: ``queues.0.waiting``."""
    oldest: str = ""
    """Where the oldest job's age in seconds stands, in the same way; empty where the document has none."""
    degraded_above: Annotated[float, Meta(ge=0)] = 100.0
    """More waiting jobs than this are degraded."""
    unhealthy_above: Annotated[float, Meta(ge=0)] | None = None
    """More waiting jobs than this are unhealthy; without it they are never more than degraded."""
    max_age: Duration = Duration("5m")
    """An oldest job that has waited longer is degraded."""
    token: SecretStr = ""
    """Sent as a bearer token; empty for none. Nobody but this class ever sees it."""

    def __post_init__(self) -> None:
        # What types cannot say. The sentence is shown to whoever wrote the configuration.
        if self.unhealthy_above is not None and self.unhealthy_above < self.degraded_above:
            raise ValueError(
                f"`unhealthy_above` = {self.unhealthy_above:g} lies below `degraded_above` = {self.degraded_above:g}"
            )

    async def probe(self, ctx: CheckContext) -> Reading:
        """Read the document once and judge it."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        reply = await ctx.http.get(self.url, headers=headers)
        # No `try` around any of this: what is raised is an unhealthy reading with the exception's message. Time-outs,
        # refused connections and bad answers speak for themselves.
        reply.raise_for_status()
        document = reply.json()
        measured = {"queue_depth": _number(document, self.depth)}
        if self.oldest:
            measured["oldest_job_seconds"] = _number(document, self.oldest)
        return self._judge(measured)

    def _judge(self, measured: dict[str, float]) -> Reading:
        """Pure, so that a test needs no server for it."""
        depth, age = measured["queue_depth"], measured.get("oldest_job_seconds", 0.0)
        if self.unhealthy_above is not None and depth > self.unhealthy_above:
            return Reading.unhealthy(f"{depth:g} jobs wait, more than {self.unhealthy_above:g}", **measured)
        if depth > self.degraded_above:
            return Reading.degraded(f"{depth:g} jobs wait, more than {self.degraded_above:g}", **measured)
        if age > self.max_age:
            text = f"the oldest job has waited {Duration(age)}, longer than {self.max_age}"
            return Reading.degraded(text, **measured)
        return Reading.healthy(f"{depth:g} jobs wait", **measured)

    def prefers(self) -> Preferences:
        """A backlog grows slowly: look once a minute unless the user says otherwise."""
        return Preferences(interval=60.0)

    @classmethod
    def discover(cls, environ: Mapping[str, str]) -> Iterable[Discovered]:
        """``QUEUE_STATS_URL``, with ``QUEUE_STATS_TOKEN``: for `auscult serve` without a file, and `auscult init`."""
        url = environ.get("QUEUE_STATS_URL", "").strip()
        if not url.startswith(("http://", "https://")):
            return
        settings = {"url": "${QUEUE_STATS_URL}"}
        if token := environ.get("QUEUE_STATS_TOKEN", ""):
            # A reference, never the value: `auscult init` writes these settings into a file.
            settings["token"] = "${QUEUE_STATS_TOKEN}"  # noqa: S105 - a reference
        yield Discovered(
            name="queue", check=cls(url=url, token=token), because="QUEUE_STATS_URL is set", settings=settings
        )


def _number(document: Any, path: str) -> float:
    """The number at `path`. Raises ValueError with what is there instead."""
    value = document
    for key in path.split("."):
        if isinstance(value, dict) and key in value:
            value = value[key]
        elif isinstance(value, list) and key.isdecimal() and int(key) < len(value):
            value = value[int(key)]
        else:
            raise ValueError(f"the document has no `{path}`: {_offer(value, key)}")
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"`{path}` is not a number in the document, but {str(value)[:80]!r}")
    return float(value)


def _offer(value: Any, key: str) -> str:
    if isinstance(value, dict):
        return f"instead of `{key}` there is {', '.join(f'`{known}`' for known in list(value)[:10]) or 'nothing'}"
    if isinstance(value, list):
        return f"`{key}` is no position in a list of {len(value)}"
    return f"`{key}` would be inside {str(value)[:80]!r}"


@hookimpl
def auscult_checks() -> list[type[Check]]:
    """What this plugin offers. Called once; returns classes."""
    return [QueueDepthCheck]
