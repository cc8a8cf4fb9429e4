"""The `newrelic` exporter: metrics, custom events, or both."""

from __future__ import annotations

import re
from functools import partial
from typing import Annotated, Any, Literal

from msgspec import Meta

from auscult import (
    DeliveryError,
    Duration,
    Exporter,
    ExporterContext,
    Growth,
    Increases,
    SecretStr,
    Snapshot,
    deliver,
    deliver_parts,
)
from auscult_newrelic import events, metrics
from auscult_newrelic.requests import Listed, clipped, packed

__all__ = ["NewRelicExporter"]

_METRICS = {"us": "https://metric-api.newrelic.com", "eu": "https://metric-api.eu.newrelic.com"}
_EVENTS = {"us": "https://insights-collector.newrelic.com", "eu": "https://insights-collector.eu01.nr-data.net"}
_MAX_COMMON = 50
_TYPE = re.compile(r"[A-Za-z][A-Za-z0-9_:]{0,254}")


class NewRelicExporter(Exporter, dict=True):
    """Sends all metrics to New Relic, as metrics, as custom events, or both.

    What New Relic missed is kept on disk and sent later with its own times. A snapshot that is lost loses no counts:
    they are in the next one.
    """

    kind = "newrelic"
    buffers = True

    license_key: Annotated[SecretStr, Meta(pattern=r"^\S+$")]
    """License key for ingest of the account."""
    region: Literal["us", "eu"] = "us"
    """Where the account's data is kept."""
    send: Literal["metrics", "events", "both"] = "metrics"
    """Metrics, custom events with the numbers of each component, or both."""
    account_id: Annotated[int, Meta(ge=0)] = 0
    """Number of the account; needed for events."""
    event_type: str = "AuscultSample"
    """Type of the events, by which NRQL finds them."""
    metrics_url: Annotated[str, Meta(pattern=r"^(https?://[^\s/]+.*)?$")] = ""
    """Where the Metric API is instead of the region's address, for a proxy."""
    events_url: Annotated[str, Meta(pattern=r"^(https?://[^\s/]+.*)?$")] = ""
    """Where the Event API is instead of the region's address."""
    push_interval: Duration | None = None
    """Time between pushes. Default: `interval`, else `defaults.metrics_export_interval`."""
    prefix: str = ""
    """What stands before every metric's name: ``auscult.``."""
    attributes: dict[str, str] = {}
    """Attributes of everything: ``{ "service.name" = "voice-agent" }``."""
    histogram_buckets: bool = False
    """Send the buckets of histograms, too, as counts with the attribute `le`."""
    timeout: Duration = Duration(30)
    """How long sending everything may take."""

    def __post_init__(self) -> None:
        for name, allowed in (("region", ("us", "eu")), ("send", ("metrics", "events", "both"))):
            if getattr(self, name) not in allowed:
                raise ValueError(f"`{name}` = {getattr(self, name)!r}: expected {' or '.join(allowed)}")
        if self.send != "metrics" and not self.account_id:
            raise ValueError("`account_id` is needed for events: the number of the account")
        if not _TYPE.fullmatch(self.event_type):
            raise ValueError(f"`event_type` = {self.event_type!r}: expected letters, digits, `_` and `:`")

    def every(self) -> float | None:
        """See `Exporter.every`."""
        return float(self.push_interval) if self.push_interval else None

    def push_timeout(self) -> float:
        """See `Exporter.push_timeout`."""
        return float(self.timeout)

    async def push(self, snapshot: Snapshot, ctx: ExporterContext) -> None:
        """Send in requests within New Relic's limits; one that is refused for good keeps no other back."""
        age = ctx.clock.now_ms() - snapshot.at
        oldest = events.OLDEST_MS if self.send == "events" else metrics.OLDEST_MS
        if age >= oldest:
            hours = "day" if self.send == "events" else "two days"
            raise DeliveryError(f"the snapshot is older than the {hours} that New Relic takes", retry=False)

        async def make() -> list[tuple[str, bytes]]:
            return await ctx.in_thread(partial(self._requests, snapshot, age))

        await deliver_parts(self, snapshot.at, make, partial(self._send, ctx))
        self._took()

    async def _send(self, ctx: ExporterContext, request: tuple[str, bytes]) -> None:
        url, body = request
        headers = {"Api-Key": self.license_key, "Content-Type": "application/json", "Content-Encoding": "gzip"}
        await deliver(self, ctx, url, content=body, headers=headers)
        self._took()

    def _took(self) -> None:
        """From here on, what counters grew by is New Relic's; a part that was refused is lost with its counts."""
        growth: Growth | None = vars(self).pop("_growth", None)
        if growth is not None:
            self._increases.took(growth)

    @property
    def _increases(self) -> Increases:
        found: Increases = vars(self).setdefault("_counted", Increases())
        return found

    def _requests(self, snapshot: Snapshot, age: int) -> list[tuple[str, bytes]]:
        growth = vars(self)["_growth"] = self._increases.growth(snapshot)
        common = clipped(self.attributes, _MAX_COMMON)
        found: list[tuple[str, bytes]] = []
        if self.send != "events":
            url = f"{(self.metrics_url or _METRICS[self.region]).rstrip('/')}/metric/v1"
            listed = metrics.metrics_of(snapshot, growth, prefix=self.prefix, buckets=self.histogram_buckets)
            found += [(url, body) for body in packed(listed, partial(_document, common))]
        if self.send != "metrics" and age < events.OLDEST_MS:
            url = f"{(self.events_url or _EVENTS[self.region]).rstrip('/')}/v1/accounts/{self.account_id}/events"
            told = events.events_of(snapshot, growth, self.event_type, common)
            found += [(url, body) for body in packed(told, list)]
        return found


def _document(common: dict[str, str], listed: Listed) -> list[dict[str, Any]]:
    block: dict[str, Any] = {"metrics": list(listed)}
    return [{"common": {"attributes": common}, **block}] if common else [block]
