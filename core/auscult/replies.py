"""What channels and exporters do with HTTP: send one request, and turn what comes of it into a `DeliveryError`.

`deliver` sends and judges; `raise_for_reply` judges a reply that was got some other way; `deliver_each` is for
receivers that take one alert at a time, `deliver_parts` for those that take a snapshot in pieces. None tries again:
that is the core's work, and the `DeliveryError` says whether it can help, and when. What is in the address's path, in
the options typed `SecretStr` and in the headers is in no message and in no log.
"""

from __future__ import annotations

import base64
import json as _json
import math
import re
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote

from auscult.errors import DeliveryError, EgressRefused
from auscult.options import scrub, secret_values

if TYPE_CHECKING:
    import httpx

    from auscult.alert import Notice, Notification
    from auscult.kinds import Channel, ChannelContext, Exporter, ExporterContext, Source

__all__ = [
    "LONGEST_WAIT",
    "channel_secrets",
    "deliver",
    "deliver_each",
    "deliver_parts",
    "mask",
    "raise_for_reply",
    "request_secrets",
    "retry_after",
]

T = TypeVar("T")
LONGEST_WAIT = 86_400.0
"""Seconds; a receiver that asks for more is tried again after this."""
_MAX_BODY = 16_384
"""Bytes of a refusal that are read."""
_MAX_SAID = 200
"""Characters of a refusal that are repeated."""
_SHORTEST_SECRET = 8
"""Characters from which on a piece of an address or a header is taken for a secret."""
_LATER = frozenset({408, 425, 429})
"""The 4xx that say "not now"."""


async def deliver(
    channel: Channel | Exporter,
    ctx: ChannelContext | ExporterContext,
    url: str,
    *,
    json: Any = None,
    content: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    method: str = "POST",
    answer: bool = False,
) -> httpx.Response:
    """Send one request; return when the receiver took it (any 2xx), without its body, or with `answer` as far as it has
    up to 16 KiB.

    `json` is encoded as UTF-8; or give `content` and its ``Content-Type``. Raises `DeliveryError`: to be tried again
    for a failed connection, 5xx, 408, 425 and 429, permanent for every other answer, for an address that is none, and
    for one that the egress policy forbids. Redirects are not followed, and are permanent.
    """
    import httpx

    secrets = request_secrets(channel, url, headers or {})
    sent = httpx.Headers({"Accept-Encoding": "identity"})
    if json is not None:
        content = _json.dumps(json, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        sent["Content-Type"] = "application/json"
    try:
        origin, target, login = _split(url)
        sent.update({**login, **(headers or {})})
        # httpx logs the address of every request: the path is not in it, for vendors put their secrets there.
        # Whoever stands in for the network in a test finds it in `request.extensions["target"]`.
        async with ctx.http.stream(
            method, origin, content=content, headers=sent, extensions={"target": target}
        ) as response:
            if response.is_success and not answer:
                return response
            body = await _beginning(response)
            whole = httpx.Response(response.status_code, headers=_plain(response), content=body)
            raise_for_reply(whole, who=origin.host, secrets=secrets, now=ctx.clock.now_ms())
            return whole
    except EgressRefused as error:
        raise DeliveryError(scrub(str(error), secrets), retry=False) from None
    except httpx.InvalidURL:
        raise DeliveryError("the address is not one of http:// or https://", retry=False) from None
    except (httpx.LocalProtocolError, UnicodeEncodeError):
        # Says what it found there, which may be a secret.
        raise DeliveryError("a header holds characters that HTTP forbids", retry=False) from None
    except httpx.TransportError as error:
        said = scrub(str(error), secrets) or "no more is known"
        raise DeliveryError(f"{origin.host}: {type(error).__name__}: {said}") from None


async def deliver_each(
    channel: Channel, notification: Notification, send: Callable[[Notice], Awaitable[object]]
) -> None:
    """Call `send` with each notice in turn, for a receiver that takes one alert a request.

    What is to be tried again ends the attempt, and the next attempt goes on where this one stopped: the class of
    `channel` is declared with ``dict=True``, so that its objects can remember it. What is refused for good does not
    keep the others back; it is raised at the end, as one permanent `DeliveryError`.
    """
    key, done, refused = vars(channel).get("_told", ("", set(), []))
    if key != notification.key or notification.attempt == 1:
        done, refused = set(), []
        vars(channel)["_told"] = (notification.key, done, refused)
    for notice in notification.notices:
        if notice.key in done:
            continue
        try:
            await send(notice)
        except DeliveryError as error:
            if error.retry:
                raise
            refused.append(str(error))
        done.add(notice.key)
    vars(channel).pop("_told", None)
    if refused:
        more = f" ({len(refused)} of {len(notification.notices)} alerts)" if len(notification.notices) > 1 else ""
        raise DeliveryError(f"{refused[0]}{more}", retry=False)


async def deliver_parts(
    exporter: Exporter,
    key: object,
    make: Callable[[], Awaitable[Iterable[T]]],
    send: Callable[[T], Awaitable[object]],
    *,
    smaller: Callable[[], bool] | None = None,
) -> None:
    """Send what `key` names, a snapshot's time say, in several requests: `make` gives the parts, `send` sends one.

    What is to be tried again ends the attempt; the next attempt with the same key goes on with the part at which this
    one stopped, and makes none anew: the class of `exporter` is declared with ``dict=True``, so that its objects can
    remember them. What is refused for good does not keep the other parts back; it is raised at the end, as one
    permanent `DeliveryError`. When the first part is too large (413) `smaller` is called, which has `make` give smaller
    ones from now on, or says False when it cannot; then everything is made anew.
    """
    memory: _Parts | None = vars(exporter).get("_parts")
    if memory is None or memory.key != key:
        memory = vars(exporter)["_parts"] = _Parts(key, deque(await make()))
    while memory.left:
        try:
            await send(memory.left[0])
        except DeliveryError as error:
            if error.retry:
                raise
            if error.too_large and smaller is not None and memory.is_whole and smaller():
                memory = vars(exporter)["_parts"] = _Parts(key, deque(await make()))
                continue
            memory.refused.append(str(error))
        memory.left.popleft()
    vars(exporter).pop("_parts", None)
    if memory.refused:
        more = f" ({len(memory.refused)} of {memory.count} parts)" if memory.count > 1 else ""
        raise DeliveryError(f"{memory.refused[0]}{more}", retry=False)


class _Parts:
    """What is left of a snapshot that goes out in parts."""

    def __init__(self, key: object, left: deque[Any]) -> None:
        self.key, self.left, self.count = key, left, len(left)
        self.refused: list[str] = []

    @property
    def is_whole(self) -> bool:
        """Whether nothing of it has been taken or refused yet."""
        return len(self.left) == self.count


def raise_for_reply(
    response: httpx.Response, *, who: str = "", secrets: tuple[str, ...] = (), now: int | None = None
) -> None:
    """Nothing for a 2xx; a `DeliveryError` for everything else, to be tried again for 5xx, 408, 425 and 429.

    The body must have been read. `who` begins the message; `secrets` are masked in it; `now` (ms) is for a
    ``Retry-After`` that names a date.
    """
    if response.is_success:
        return
    status = f"{response.status_code} {response.reason_phrase}".strip()
    said = " ".join(scrub(response.text[:_MAX_BODY], secrets).split())
    said = "".join(letter for letter in said if letter.isprintable())
    said = said if len(said) <= _MAX_SAID else said[: _MAX_SAID - 1] + "…"
    hint = " (redirects are not followed)" if response.is_redirect else ""
    wait = retry_after(response, now)
    raise DeliveryError(
        f"{who or 'the receiver'} answered {status}{hint}" + (f": {said}" if said else ""),
        retry=response.is_server_error or response.status_code in _LATER,
        retry_after=wait,
        too_large=response.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    )


def request_secrets(channel: Channel | Exporter, url: str, headers: Mapping[str, str]) -> tuple[str, ...]:
    """What no message about a request may repeat, for `raise_for_reply`: of the channel, the address, the headers."""
    return (*secret_values(channel), *_pieces(url, headers))


def retry_after(response: httpx.Response, now: int | None = None) -> float | None:
    """Seconds that the receiver asks to wait, at most a day; None when it does not say.

    Understands the header ``Retry-After`` (seconds or a date), Discord's ``retry_after`` and Telegram's
    ``parameters.retry_after`` in a JSON body; the longest wins. A date is counted from the reply's own ``Date``.
    """
    found = [_header(response, now), *_from_body(response)]
    waits = [seconds for seconds in found if seconds is not None and math.isfinite(seconds)]
    return min(max(0.0, *waits), LONGEST_WAIT) if waits else None


def _header(response: httpx.Response, now: int | None) -> float | None:
    text = response.headers.get("retry-after", "").strip()
    if not text:
        return None
    try:
        return float(text)
    except ValueError:
        pass
    asked, theirs = _date(text), _date(response.headers.get("date", ""))
    if asked is None:
        return None
    ours = datetime.fromtimestamp(now / 1000, UTC) if now is not None else datetime.now(UTC)
    return (asked - (theirs or ours)).total_seconds()


def _date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return date if date.tzinfo is not None else date.replace(tzinfo=UTC)


def _from_body(response: httpx.Response) -> list[float]:
    try:
        body = _json.loads(response.content)
    except (ValueError, RecursionError):
        return []
    if not isinstance(body, dict):
        return []
    inner = body.get("parameters")
    said = [body.get("retry_after"), inner.get("retry_after") if isinstance(inner, dict) else None]
    return [_number(value) for value in said if isinstance(value, int | float) and not isinstance(value, bool)]


def _number(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return LONGEST_WAIT


def _split(url: str) -> tuple[httpx.URL, bytes, dict[str, str]]:
    """The bare address, path and query as they go on the wire, the login as a header. Raises httpx.InvalidURL."""
    import httpx

    whole = httpx.URL(url)
    if whole.scheme not in ("http", "https") or not whole.host:
        raise httpx.InvalidURL("not http")
    login = {}
    if whole.userinfo:
        pair = f"{whole.username}:{whole.password}".encode()
        login["Authorization"] = "Basic " + base64.b64encode(pair).decode()
    origin = httpx.URL(scheme=whole.scheme, host=whole.host, port=whole.port, path="/")
    return origin, whole.raw_path, login


def _pieces(url: str, headers: Mapping[str, str]) -> tuple[str, ...]:
    """What of an address and of headers may be a secret: whole, and in the pieces that a receiver could repeat."""
    found = {url}
    _, _, rest = url.partition("://")
    authority, _, path = rest.partition("/")
    for text in (path, unquote(path)):
        found.update(*(re.split(between, text) for between in ("[/?&]", "[/?&=:;,]")))
    if "@" in authority:
        found |= set(authority.rpartition("@")[0].split(":"))
    for name, value in headers.items():
        if name.lower() not in ("content-type", "accept", "user-agent"):
            found |= {value, value.rpartition(" ")[2]}
    return tuple(sorted((piece for piece in found if len(piece) >= _SHORTEST_SECRET), key=len, reverse=True))


def channel_secrets(channel: Channel | Exporter | Source) -> tuple[str, ...]:
    """What no message about `channel` may repeat: its secrets, and of secret addresses the pieces but for the host."""
    whole = secret_values(channel)
    pieces = {piece for secret in whole if "://" in secret for piece in _pieces(secret, {})}
    return tuple(sorted({*whole, *pieces}, key=len, reverse=True))


def mask(channel: Channel, text: str) -> str:
    """`text` with the secrets of `channel` as ``***``; of a secret address its pieces as well, the host among them.

    For what another library says of a failure; `deliver` does so by itself.
    """
    whole = secret_values(channel)
    pieces = {piece for secret in whole for part in (secret, unquote(secret)) for piece in re.split("[/?&=:@;,]", part)}
    return scrub(text, (*whole, *sorted((p for p in pieces if len(p) >= _SHORTEST_SECRET), key=len, reverse=True)))


def _plain(response: httpx.Response) -> list[tuple[str, str]]:
    """The headers that judging needs; not the encoding, for the body is taken as it came."""
    kept = ("retry-after", "date", "content-type", "location")
    return [(name, value) for name, value in response.headers.items() if name.lower() in kept]


async def _beginning(response: httpx.Response) -> bytes:
    """The first bytes of a body, as many as are needed; what came before a failure when the connection fails."""
    import httpx

    if response.is_stream_consumed:  # one that a test made whole
        return response.content[:_MAX_BODY]
    body = b""
    try:
        async for part in response.aiter_raw():
            body += part
            if len(body) >= _MAX_BODY:
                break
    except httpx.TransportError:
        pass
    return body[:_MAX_BODY]
