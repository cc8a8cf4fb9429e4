"""The `dns` check: a name resolves to what it should; tells a missing name from a broken server."""

from __future__ import annotations

import asyncio
import time
from ipaddress import ip_address
from typing import Annotated, Any, Literal

import anyio
from msgspec import Meta

from auscult import Check, CheckContext, Measurement, MissingDependency, Reading, Status, hookimpl

__all__ = ["DnsCheck", "auscult_checks"]

_SHARE = 0.9
"""Share of the probe's time for the question: what is wrong is then said before the cut."""


class DnsCheck(Check):
    """A name server answers for a name."""

    kind = "dns"
    requires = {"dns": "dns"}
    measurements = (
        Measurement("records", "records", "Records in the answer."),
        Measurement("ttl_seconds", "seconds", "How long the answer may be kept."),
    )

    name: Annotated[str, Meta(min_length=1)]
    """Name to ask for; for ``PTR`` an address will do."""
    record: Literal["A", "AAAA", "CNAME", "MX", "NS", "TXT", "SRV", "SOA", "PTR", "CAA"] = "A"
    """Type of record."""
    expect: str | list[str] = []
    """Values that have to be in the answer, as text: ``"192.0.2.1"``, ``"10 mail.example.com"``. Case and a dot at the
    end do not matter."""
    server: str = ""
    """Address of the name server to ask, with an optional port: ``"127.0.0.1:5353"``, ``"[::1]:53"``. Default: the
    system's."""

    def __post_init__(self) -> None:
        if self.server:
            _address(self.server)

    async def probe(self, ctx: CheckContext) -> Reading:
        """Ask once."""
        try:
            import dns.asyncresolver
            import dns.exception
            import dns.resolver
        except ImportError as error:
            raise MissingDependency("dnspython", "dns") from error
        resolver, limit = await self._resolver(dns.asyncresolver.Resolver, ctx), ctx.timeout * _SHARE
        begin = time.perf_counter()
        try:
            with anyio.fail_after(limit):  # the library sleeps beyond its own limit
                answer = await resolver.resolve(self._question(), self.record, search=False, backend=_backend())
        except dns.resolver.NXDOMAIN:
            return Reading.unhealthy(f"the name {self.name} does not exist (NXDOMAIN)")
        except dns.resolver.NoAnswer:
            return Reading.unhealthy(f"{self.name} has no {self.record} record")
        except dns.resolver.NoNameservers as error:
            return Reading.unhealthy(f"the name server cannot answer for {self.name}: {_reason(error)}")
        except (TimeoutError, dns.exception.Timeout):
            return Reading.unhealthy(f"no name server answered within {limit:.2g} s")
        except dns.exception.DNSException as error:
            return Reading.unhealthy(f"{self.name} cannot be asked for: {str(error).rstrip('.')}")
        return self._judge(answer, {"query": time.perf_counter() - begin})

    def _question(self) -> Any:
        import dns.reversename

        try:
            return dns.reversename.from_address(str(ip_address(self.name))) if self.record == "PTR" else self.name
        except ValueError:
            return self.name

    async def _resolver(self, kind: Any, ctx: CheckContext) -> Any:
        resolver = kind(configure=not self.server)
        if self.server:
            host, port = _address(self.server)
            await ctx.resolve(host, port)  # the egress policy has its say
            resolver.nameservers, resolver.port = [host], port
        resolver.lifetime = ctx.timeout
        resolver.timeout = min(resolver.timeout, ctx.timeout / 3)  # so that a lost packet is sent once more
        resolver.cache = None
        return resolver

    def _judge(self, answer: Any, stages: dict[str, float]) -> Reading:
        found = [_text(record) for record in answer]
        counted = {"records": float(len(found)), "ttl_seconds": float(answer.rrset.ttl)}
        wanted = [self.expect] if isinstance(self.expect, str) else self.expect
        known = {_plain(value) for value in found}
        missing = [value for value in wanted if _plain(value) not in known]
        if missing:
            message = f"{self.record} of {self.name} is {_some(found)}; missing {_some(missing)}"
            return Reading(Status.UNHEALTHY, message, counted, stages)
        return Reading(Status.HEALTHY, _some(found), counted, stages)


def _backend() -> Any:
    """For the loop we are on: the library settles on one for the whole process."""
    import dns.asyncbackend

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return dns.asyncbackend.get_backend("trio")
    return dns.asyncbackend.get_backend("asyncio")


def _address(text: str) -> tuple[str, int]:
    """Host and port of a name server. Raises ValueError."""
    host, _, port = text.rpartition(":") if text.count(":") == 1 or "]:" in text else (text, "", "")
    try:
        return str(ip_address(host.strip("[]"))), int(port or 53)
    except ValueError:
        raise ValueError(
            f'`server` is the address of a name server such as "192.0.2.53" or "[::1]:53", not {text!r}'
        ) from None


def _text(record: Any) -> str:
    """A record for people. The parts of a TXT record are one text (RFC 7208, 3.3)."""
    strings = getattr(record, "strings", None)
    return b"".join(strings).decode(errors="replace") if strings is not None else str(record.to_text())


def _plain(value: str) -> str:
    """What is compared."""
    try:
        return str(ip_address(value.strip()))
    except ValueError:
        return " ".join(value.split()).rstrip(".").lower()


def _some(values: list[str]) -> str:
    return ", ".join(value[:100] for value in values[:4]) + (f" and {len(values) - 4} more" if len(values) > 4 else "")


def _reason(error: Any) -> str:
    """The server's own word: SERVFAIL, REFUSED."""
    words = {item[3] if isinstance(item[3], str) else type(item[3]).__name__ for item in error.kwargs.get("errors", [])}
    return ", ".join(sorted(word.removeprefix("answered ") for word in words)) or str(error)


@hookimpl
def auscult_checks() -> list[type[Check]]:
    """Offer the check."""
    return [DnsCheck]
