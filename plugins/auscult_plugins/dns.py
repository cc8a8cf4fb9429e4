"""The `dns` check: a name resolves to what it should; tells a missing name from a broken server."""

from __future__ import annotations

import time
from typing import Annotated, Any, Literal

from msgspec import Meta

from auscult import Check, CheckContext, Measurement, MissingDependency, Reading, Status, hookimpl

__all__ = ["DnsCheck", "auscult_checks"]


class DnsCheck(Check):
    """A name server answers for a name."""

    kind = "dns"
    requires = {"dns": "dns"}
    measurements = (
        Measurement("records", "records", "Records in the answer."),
        Measurement("ttl_seconds", "seconds", "How long the answer may be kept."),
    )

    name: Annotated[str, Meta(min_length=1)]
    """Name to ask for."""
    record: Literal["A", "AAAA", "CNAME", "MX", "NS", "TXT", "SRV", "SOA", "PTR", "CAA"] = "A"
    """Type of record."""
    expect: str | list[str] = []
    """Values that have to be in the answer, as text: ``"192.0.2.1"``, ``"10 mail.example.com."``."""
    server: str = ""
    """Address of the name server to ask, with an optional port: ``"127.0.0.1:5353"``. Default: the system's."""

    async def probe(self, ctx: CheckContext) -> Reading:
        """Ask once."""
        try:
            import dns.asyncresolver
            import dns.exception
            import dns.resolver
        except ImportError as error:
            raise MissingDependency("dnspython", "dns") from error
        resolver = self._resolver(dns.asyncresolver.Resolver, ctx)
        begin = time.perf_counter()
        try:
            answer = await resolver.resolve(self.name, self.record, search=False)
        except dns.resolver.NXDOMAIN:
            return Reading.unhealthy(f"the name {self.name} does not exist (NXDOMAIN)")
        except dns.resolver.NoAnswer:
            return Reading.unhealthy(f"{self.name} has no {self.record} record")
        except dns.resolver.NoNameservers as error:
            return Reading.unhealthy(f"the name server cannot answer for {self.name}: {_reason(error)}")
        except dns.exception.Timeout:
            return Reading.unhealthy(f"no name server answered within {resolver.lifetime:g} s")
        return self._judge(answer, {"query": time.perf_counter() - begin})

    def _resolver(self, kind: Any, ctx: CheckContext) -> Any:
        resolver = kind(configure=not self.server)
        if self.server:
            host, _, port = self.server.rpartition(":") if self.server.count(":") == 1 else (self.server, "", "")
            resolver.nameservers = [host or self.server]
            resolver.port = int(port or 53)
        resolver.lifetime = max(ctx.timeout - 0.1, 0.1)
        resolver.cache = None
        return resolver

    def _judge(self, answer: Any, stages: dict[str, float]) -> Reading:
        found = [record.to_text().strip('"') for record in answer]
        counted = {"records": float(len(found)), "ttl_seconds": float(answer.rrset.ttl)}
        wanted = [self.expect] if isinstance(self.expect, str) else self.expect
        missing = [value for value in wanted if value not in found]
        if missing:
            message = f"{self.record} of {self.name} is {', '.join(found)}; missing {', '.join(missing)}"
            return Reading(Status.UNHEALTHY, message, counted, stages)
        return Reading(Status.HEALTHY, ", ".join(found[:4]), counted, stages)


def _reason(error: Any) -> str:
    """The server's own word: SERVFAIL, REFUSED."""
    words = {str(item[3]) for item in error.kwargs.get("errors", [])}
    return ", ".join(sorted(words)) or str(error)


@hookimpl
def auscult_checks() -> list[type[Check]]:
    """Offer the check."""
    return [DnsCheck]
