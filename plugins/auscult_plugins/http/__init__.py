"""The `http` check: a request over a fresh connection, judged by status and content, with the time of each phase."""

from __future__ import annotations

import base64
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote, unquote, urljoin, urlsplit

from msgspec import Meta

from auscult import Check, CheckContext, Measurement, Reading, SecretStr, Status, __version__, hookimpl
from auscult_plugins._certificate import days_left
from auscult_plugins._network import authorities, place, tls_failure
from auscult_plugins.http.exchange import Answer, Request, exchange
from auscult_plugins.http.expect import complaints, decoded, status_ranges
from auscult_plugins.http.parse import MalformedAnswer

__all__ = ["HttpCheck", "auscult_checks"]

MAX_HOPS = 10
_REDIRECTS = (301, 302, 303, 307, 308)
_SAFE = "/%:@!$&'()*+,;=~?"
"""What stays as it is in a path and a query (RFC 3986)."""


class HttpCheck(Check):
    """A web address answers as it should."""

    kind = "http"
    measurements = (
        Measurement("http_status", "", "The status code of the answer."),
        Measurement("body_bytes", "bytes", "Size of the body that was read."),
        Measurement("certificate_days_left", "days", "Time until the server's certificate ends."),
        Measurement("redirects", "hops", "Redirects that were followed."),
    )

    url: Annotated[str, Meta(pattern=r"^https?://[^\s/]+")]
    """Address to ask, for example ``https://example.com/health``."""
    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] = "GET"
    """Method to ask with."""
    headers: dict[str, SecretStr] = {}
    """Headers to send; values are treated as secrets."""
    body: str = ""
    """Body to send."""
    status: str | int = "200-299"
    """Status codes that are right: codes and ranges such as ``"200-299, 401"``."""
    contains: str | list[str] = []
    """Text that the body has to contain, or several."""
    not_contains: str | list[str] = []
    """Text that the body must not contain, or several."""
    json: dict[str, Any] = {}
    """Values that the JSON body has to have, by path: ``{"status" = "ok", "items.0.id" = 7}``. Dots separate keys and
    list positions; the empty path is the whole document."""
    expect_headers: dict[str, str] = {}
    """Headers that the answer has to have, with a text their value contains; an empty text asks for presence."""
    username: str = ""
    """For basic authentication."""
    password: SecretStr = ""
    """For basic authentication."""
    token: SecretStr = ""
    """Sent as a bearer token."""
    follow_redirects: bool = False
    """Follow redirects, at most ten. Credentials and headers of yours go to the first host, port and scheme only."""
    certificate_days: float = 14
    """The component is degraded when the certificate ends within so many days; 0 to not care."""
    verify: bool = True
    """Verify the server's certificate."""
    ca_file: str = ""
    """PEM file of authorities to believe instead of the system's."""
    client_cert: str = ""
    """PEM file of a client certificate."""
    client_key: str = ""
    """PEM file of its key, when it is not in the same file."""
    server_name: str = ""
    """Name to ask for and verify in TLS instead of the URL's host."""
    max_body: Annotated[int, Meta(ge=0, le=64 << 20)] = 1 << 20
    """Bytes of the body to read; the rest is not waited for."""

    def __post_init__(self) -> None:
        status_ranges(str(self.status))
        for name, value in self.headers.items():
            if any(c in "\r\n\0" for c in name + value) or not name.isascii() or ":" in name or not name.strip():
                raise ValueError(f"the header `{name}` holds a character that no header may have")
        urlsplit(self.url).port  # noqa: B018 - raises ValueError for a port that is none

    async def probe(self, ctx: CheckContext) -> Reading:
        """Ask once."""
        return await _Prepared(self).probe(ctx)

    async def open(self, ctx: CheckContext) -> AsyncIterator[Callable[[], Awaitable[Reading]]]:
        """Prepare once what every probe needs: no connection is kept."""
        yield partial(_Prepared(self).probe, ctx)


class _Prepared:
    """A check with its request in bytes and its TLS context made."""

    __slots__ = ("_check", "_contains", "_first", "_judges_body", "_not_contains", "_ranges", "_tls")

    def __init__(self, check: HttpCheck) -> None:
        self._check = check
        self._ranges = status_ranges(str(check.status))
        self._contains = [check.contains] if isinstance(check.contains, str) else check.contains
        self._not_contains = [check.not_contains] if isinstance(check.not_contains, str) else check.not_contains
        self._judges_body = bool(self._contains or self._not_contains or check.json or check.expect_headers)
        self._tls: ssl.SSLContext | None = None
        self._first = self._request(check.url, trusted=True)

    async def probe(self, ctx: CheckContext) -> Reading:
        """Ask, follow, judge."""
        request, url, hops = self._first, self._check.url, 0
        stages: dict[str, float] = {}
        while True:
            try:
                answer = await exchange(request, ctx)
            except (MalformedAnswer, ssl.SSLError, OSError, ValueError) as error:
                return Reading(Status.UNHEALTHY, _failure(error, request), {}, stages)
            stages = answer.stages if not hops else {key: stages.get(key, 0) + t for key, t in answer.stages.items()}
            target = answer.parser.headers.get("location")
            if not (self._check.follow_redirects and answer.parser.status in _REDIRECTS and target):
                return self._judge(answer, stages, hops, ctx)
            hops += 1
            if hops > MAX_HOPS:
                return Reading(Status.UNHEALTHY, f"more than {MAX_HOPS} redirects, the last to {target}", {}, stages)
            following = urljoin(url, target)
            if urlsplit(following).scheme not in ("http", "https") or not urlsplit(following).hostname:
                return Reading(Status.UNHEALTHY, f"redirected to {target!r}, which is no web address", {}, stages)
            request = self._request(following, trusted=_same_origin(self._check.url, following))
            if answer.parser.status == 303 and request.method != "HEAD":
                request = self._request(following, trusted=_same_origin(self._check.url, following), method="GET")
            url = following

    def _request(self, url: str, *, trusted: bool, method: str | None = None) -> Request:
        check, parts = self._check, urlsplit(url)
        method = method or check.method
        host = parts.hostname or ""
        secure = parts.scheme == "https"
        port = parts.port or (443 if secure else 80)
        if secure and self._tls is None:
            self._tls = _tls_context(check)
        path = quote(f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}", safe=_SAFE)
        lines = [f"{method} {path} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in self._headers(parts.netloc, trusted=trusted).items()]
        body = check.body.encode() if trusted and method not in ("GET", "HEAD") else b""
        if body or method in ("POST", "PUT", "PATCH"):
            lines.append(f"Content-Length: {len(body)}")
        content = ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8") + body
        return Request(
            host, port, method, content, self._tls if secure else None, check.server_name or host, check.max_body
        )

    def _headers(self, netloc: str, *, trusted: bool) -> dict[str, str]:
        check = self._check
        host = netloc.rpartition("@")[2]
        headers = {"Host": host, "User-Agent": f"auscult/{__version__}", "Accept": "*/*", "Connection": "close"}
        if not trusted:
            return headers
        userinfo = urlsplit(check.url)
        username = check.username or unquote(userinfo.username or "")
        password = check.password or unquote(userinfo.password or "")
        if username or password:
            headers["Authorization"] = f"Basic {base64.b64encode(f'{username}:{password}'.encode()).decode()}"
        if check.token:
            headers["Authorization"] = f"Bearer {check.token}"
        lowered = {name.lower() for name in check.headers}
        return {name: value for name, value in headers.items() if name.lower() not in lowered} | check.headers

    def _judge(self, answer: Answer, stages: dict[str, float], hops: int, ctx: CheckContext) -> Reading:
        parser, check = answer.parser, self._check
        measurements = {"http_status": float(parser.status), "body_bytes": float(len(parser.body))}
        if hops:
            measurements["redirects"] = float(hops)
        status = parser.status
        said = f"HTTP {status} {parser.reason}".strip()
        if not any(low <= status <= high for low, high in self._ranges):
            where = parser.headers.get("location")
            more = f" to {where}" if status in _REDIRECTS and where else ""
            return Reading(Status.UNHEALTHY, f"{said}{more}, expected {check.status}", measurements, stages)
        if self._judges_body and (wrong := "; ".join(self._complaints(answer))):
            return Reading(Status.UNHEALTHY, wrong, measurements, stages)
        if answer.certificate is not None:
            measurements["certificate_days_left"] = left = days_left(answer.certificate, ctx.clock.now_ms())
            if check.certificate_days and left < check.certificate_days:
                return Reading(Status.DEGRADED, _ending(left), measurements, stages)
        return Reading(Status.HEALTHY, said, measurements, stages)

    def _complaints(self, answer: Answer) -> list[str]:
        check, parser = self._check, answer.parser
        try:
            body = decoded(parser.body, parser.headers.get("content-encoding", ""), check.max_body)
        except ValueError as error:
            return [str(error)]
        found = list(
            complaints(
                body,
                parser.headers,
                contains=self._contains,
                not_contains=self._not_contains,
                json=check.json,
                wanted_headers=check.expect_headers,
            )
        )
        if found and parser.cut:
            found[-1] += f" (only its first {check.max_body} bytes were read: raise `max_body`)"
        return found


def _ending(days: float) -> str:
    return f"the certificate ends in {days:.0f} days" if days > 0 else f"the certificate ended {-days:.0f} days ago"


def _failure(error: Exception, request: Request) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate of {request.server_name} does not verify: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return tls_failure(error, place(request.host, request.port))
    if isinstance(error, ConnectionResetError):
        return f"{place(request.host, request.port)} reset the connection"
    return str(error) or type(error).__name__


def _same_origin(one: str, other: str) -> bool:
    a, b = urlsplit(one), urlsplit(other)
    return (a.scheme, a.hostname, a.port) == (b.scheme, b.hostname, b.port)


def _tls_context(check: HttpCheck) -> ssl.SSLContext:
    context = authorities(check.ca_file, verify=check.verify)
    for option in ("client_cert", "client_key"):
        path = getattr(check, option)
        if path and not Path(path).is_file():
            raise FileNotFoundError(f"`{option}`: there is no file {path}")
    if check.client_cert:
        try:
            context.load_cert_chain(check.client_cert, check.client_key or None)
        except ssl.SSLError as error:
            raise ValueError("`client_cert` and `client_key` hold no certificate with its key in PEM form") from error
    return context


@hookimpl
def auscult_checks() -> list[type[Check]]:
    """Offer the check."""
    return [HttpCheck]
