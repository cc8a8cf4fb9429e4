"""The `tls` check: a server's certificate verifies and lasts, told also for one that does not."""

from __future__ import annotations

import ssl
import time
from typing import Annotated

import anyio
from anyio.streams.tls import TLSAttribute
from msgspec import Meta

from auscult import Check, CheckContext, Measurement, Preferences, Reading, Status, hookimpl
from auscult_plugins._certificate import days_left
from auscult_plugins._network import authorities, connect_tcp, secured

__all__ = ["TlsCheck", "auscult_checks"]

_VERSIONS = ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")


class TlsCheck(Check):
    """A server's certificate is valid for its name, and for some time to come."""

    kind = "tls"
    measurements = (Measurement("certificate_days_left", "days", "Time until the certificate ends, negative after."),)

    host: Annotated[str, Meta(min_length=1)]
    """Name or address to connect to."""
    port: Annotated[int, Meta(ge=1, le=65535)] = 443
    """Port."""
    server_name: str = ""
    """Name to ask for and verify instead of the host."""
    ca_file: str = ""
    """PEM file of authorities to believe instead of the system's."""
    days: float = 14
    """The component is degraded when the certificate ends within so many days."""
    minimum_version: str = "TLSv1.2"
    """Oldest protocol version that is right."""

    def __post_init__(self) -> None:
        if self.minimum_version not in _VERSIONS:
            raise ValueError(f"`minimum_version` is one of {', '.join(_VERSIONS)}, not {self.minimum_version!r}")

    def prefers(self) -> Preferences:
        """Certificates end by the day: every five minutes is plenty."""
        return Preferences(interval=300.0)

    async def probe(self, ctx: CheckContext) -> Reading:
        """Shake hands and verify; when that fails, once more without verifying, to tell the certificate's end."""
        context = authorities(self.ca_file)
        stages: dict[str, float] = {}
        try:
            certificate, version = await self._shake(ctx, context, stages)
        except ssl.SSLCertVerificationError as error:
            return await self._invalid(ctx, error, stages)
        left = days_left(certificate, ctx.clock.now_ms())
        counted = {"certificate_days_left": left}
        if _VERSIONS.index(version) < _VERSIONS.index(self.minimum_version):
            message = f"the server speaks {version}, older than {self.minimum_version}"
            return Reading(Status.DEGRADED, message, counted, stages)
        if left < self.days:
            return Reading(Status.DEGRADED, f"the certificate ends in {left:.0f} days", counted, stages)
        return Reading(Status.HEALTHY, f"{version}, {left:.0f} days left", counted, stages)

    async def _invalid(
        self, ctx: CheckContext, error: ssl.SSLCertVerificationError, stages: dict[str, float]
    ) -> Reading:
        context = authorities("", verify=False)
        certificate, _ = await self._shake(ctx, context, stages)
        counted = {"certificate_days_left": days_left(certificate, ctx.clock.now_ms())}
        return Reading(Status.UNHEALTHY, f"the certificate does not verify: {error.verify_message}", counted, stages)

    async def _shake(self, ctx: CheckContext, context: ssl.SSLContext, stages: dict[str, float]) -> tuple[bytes, str]:
        begin = time.perf_counter()
        addresses = await ctx.resolve(self.host, self.port)
        stages["dns"] = time.perf_counter() - begin
        begin = time.perf_counter()
        stream = await connect_tcp(addresses)
        stages["connect"] = time.perf_counter() - begin
        begin = time.perf_counter()
        try:
            secure = await secured(stream, self.host, self.port, context, self.server_name)
            stages["tls"] = time.perf_counter() - begin
            certificate = secure.extra(TLSAttribute.peer_certificate_binary)  # noqa: S610
            assert certificate is not None
            return certificate, secure.extra(TLSAttribute.tls_version)  # noqa: S610
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.aclose_forcefully(stream)


@hookimpl
def auscult_checks() -> list[type[Check]]:
    """Offer the check."""
    return [TlsCheck]
