"""The `prometheus-scrape` source: what another process exposes for Prometheus, text format or OpenMetrics."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import partial
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from auscult import Duration, SecretStr, Source, SourceContext, hookimpl
from auscult_plugins.prometheus_scrape.text import parsed

if TYPE_CHECKING:
    import httpx
    from prometheus_client import Metric

__all__ = ["PrometheusScrapeSource", "auscult_sources"]

_ACCEPT = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)


class PrometheusScrapeSource(Source):
    """Asks an address that exposes metrics for Prometheus: your agent's, a LiveKit server's, an exporter's."""

    kind = "prometheus-scrape"

    url: SecretStr
    """Address: ``http://127.0.0.1:6789/metrics``; redirects are not followed."""
    headers: dict[str, SecretStr] = {}
    """Headers to send; values are treated as secrets."""
    token: SecretStr = ""
    """Bearer token to send."""
    labels: dict[str, str] = {}
    """Labels that every series gets, to tell several processes apart: ``{ instance = "agent-1" }``. A label of that
    name in what is scraped gives way and is kept as ``exported_NAME``, as Prometheus has it."""
    keep: list[str] = []
    """Names of metrics to take in, patterns with ``*``. Empty: all."""
    drop: list[str] = []
    """Names of metrics to leave out, patterns with ``*``."""
    timeout: Duration = Duration(10)
    """How long one look may take."""
    max_body: Annotated[int, Meta(ge=1024)] = 32 * 1024 * 1024
    """Bytes that are read at most, uncompressed; more is a failure."""

    def __post_init__(self) -> None:
        if not self.url.startswith(("http://", "https://")):
            raise ValueError("`url` is an address that begins with http:// or https://")

    def collect_timeout(self) -> float:
        """See `Source.collect_timeout`."""
        return float(self.timeout)

    async def collect(self, ctx: SourceContext) -> None:
        """Fetch, read, take in."""
        headers = {"Accept": _ACCEPT, **self.headers}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        async with ctx.http.stream("GET", self.url, headers=headers) as response:
            if response.status_code != 200:
                raise ValueError(f"it answered {response.status_code} {response.reason_phrase}")
            body = await self._read(response)
            content_type = response.headers.get("content-type", "")
        ctx.put(await ctx.in_thread(partial(self._families, body, content_type)))

    async def _read(self, response: httpx.Response) -> bytes:
        body = bytearray()
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > self.max_body:
                raise ValueError(f"it sends more than {self.max_body} bytes (`max_body`)")
        return bytes(body)

    def _families(self, body: bytes, content_type: str) -> list[Metric]:
        families = [family for family in parsed(body, content_type) if self._wants(family)]
        for family in families:
            if self.labels:
                family.samples = [
                    sample._replace(labels=_labelled(sample.labels, self.labels)) for sample in family.samples
                ]
        return families

    def _wants(self, family: Metric) -> bool:
        names = {family.name, *(sample.name for sample in family.samples[:1])}
        if any(fnmatchcase(name, pattern) for name in names for pattern in self.drop):
            return False
        return not self.keep or any(fnmatchcase(name, pattern) for name in names for pattern in self.keep)


def _labelled(found: Mapping[str, str], ours: Mapping[str, str]) -> dict[str, str]:
    return {(f"exported_{name}" if name in ours else name): value for name, value in found.items()} | dict(ours)


@hookimpl
def auscult_sources() -> list[type[Source]]:
    """Offer the source."""
    return [PrometheusScrapeSource]
