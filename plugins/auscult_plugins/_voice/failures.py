"""What a vendor answers when it does not do the work, as a sentence: what happened, and who must act.

The table is made of documented error shapes. A shape that is not in it is judged by its HTTP status; one that says
nothing even then is "unclassified", never fine.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from msgspec import Struct

__all__ = ["Cause", "Failure", "classify", "classify_error", "retry_after"]


class Cause(StrEnum):
    """Why a vendor did not do the work."""

    KEY = "key"
    MONEY = "money"
    THROTTLED = "throttled"
    OVERLOADED = "overloaded"
    MODEL = "model"
    ADDRESS = "address"
    REQUEST = "request"
    SERVER = "server"
    UNCLASSIFIED = "unclassified"


_WHAT_AND_WHO: dict[Cause, tuple[str, str]] = {
    Cause.KEY: ("the API key is refused", "you must act: check `api_key`"),
    Cause.MONEY: (
        "the account is out of money",
        "you must act: pay or raise the spending limit; trying again does not help",
    ),
    Cause.THROTTLED: ("requests are throttled", "you must act: send fewer, or raise the plan"),
    Cause.OVERLOADED: ("the service is overloaded", "the vendor must act: wait, or use another vendor meanwhile"),
    Cause.MODEL: ("the model or voice is not there", "you must act: name one that this account has"),
    Cause.ADDRESS: (
        "there is no such endpoint",
        "you must act: check `base_url`; for an OpenAI-compatible server it usually ends in /v1",
    ),
    Cause.REQUEST: ("the request is refused", "you must act: compare the options with what this server takes"),
    Cause.SERVER: ("the server failed", "the vendor must act"),
    Cause.UNCLASSIFIED: ("the answer is not one we know", "unclassified: look at what it says"),
}

_CODES: dict[str, Cause] = {
    code: cause
    for cause, codes in {
        Cause.MONEY: (
            "insufficient_quota credit_balance_exhausted billing_hard_limit_reached billing_not_active billing_error "
            "project_spend_limit_exceeded organization_spend_limit_exceeded enforced_spend_limit_reached "
            "contract_spend_limit_reached quota_exceeded"
        ),
        Cause.THROTTLED: "rate_limit_exceeded rate_limit_error ramp_limit_exceeded too_many_concurrent_requests",
        Cause.OVERLOADED: "overloaded_error system_busy server_overloaded",
        Cause.KEY: "invalid_api_key authentication_error account_deactivated permission_error",
        Cause.MODEL: "model_not_found voice_not_found not_found_error",
        Cause.REQUEST: "invalid_request_error request_too_large",
    }.items()
    for code in codes.split()
}
_STATUSES: dict[int, Cause] = {
    400: Cause.REQUEST,
    401: Cause.KEY,
    402: Cause.MONEY,
    403: Cause.KEY,
    404: Cause.ADDRESS,
    405: Cause.ADDRESS,
    413: Cause.REQUEST,
    415: Cause.REQUEST,
    422: Cause.REQUEST,
    429: Cause.THROTTLED,
    503: Cause.OVERLOADED,
    529: Cause.OVERLOADED,
}
# Says no more than the HTTP status does; the status is the better judge beside it.
_VAGUE = frozenset({"invalid_request_error", "not_found_error"})
_CODE_KEYS = ("code", "type", "status", "error", "err_code", "error_code", "category")
_TEXT_KEYS = ("message", "msg", "err_msg", "title", "details")
_NESTS = ("error", "detail")
_MAX_SAID = 200


class Failure(Struct, frozen=True, kw_only=True):
    """One refusal, classified."""

    cause: Cause
    status: int | None = None
    code: str = ""
    """The vendor's own word for it, where it has one."""
    said: str = ""
    """The vendor's message, shortened."""
    retry_after: float | None = None
    """Seconds the vendor asks to wait."""
    request_id: str = ""

    def sentence(self, who: str, *, hint: str = "") -> str:
        """For a person: ``api.openai.com: the API key is refused (401 invalid_api_key: …); you must act: …``."""
        what, todo = _WHAT_AND_WHO[self.cause]
        wait = f"; it asks to wait {self.retry_after:g} s" if self.retry_after is not None else ""
        quote = f"; request id {self.request_id}" if self.request_id and todo.startswith("the vendor") else ""
        return f"{who}: {what}{self._evidence()}; {hint or todo}{wait}{quote}"

    def _evidence(self) -> str:
        head = " ".join(str(part) for part in (self.status, self.code) if part)
        inside = ": ".join(part for part in (head, self.said) if part)
        return f" ({inside})" if inside else ""


def classify(status: int, headers: Mapping[str, str], body: bytes, *, now_ms: int) -> Failure:
    """The failure that an HTTP answer stands for. `headers` finds names in lower case."""
    try:
        said: Any = json.loads(body)
    except (ValueError, RecursionError):
        said = _plain(body, headers.get("content-type", ""))
    if 300 <= status < 400 and (target := headers.get("location")):
        said = f"redirects to {target}"
    request_id = next(
        (headers[name] for name in ("x-request-id", "request-id", "dg-request-id") if name in headers), ""
    )
    return _failure(status, said, retry_after(headers, now_ms=now_ms), request_id)


def classify_error(said: Any) -> Failure:
    """The failure that an error object inside a stream stands for."""
    return _failure(None, said, None, "")


def _failure(status: int | None, said: Any, wait: float | None, request_id: str) -> Failure:
    objects = _objects(said)
    codes = [text for text in _values(objects, _CODE_KEYS) if " " not in text and not text.isdigit()]
    known = [code for code in codes if code.lower() in _CODES]
    code = next((code for code in known if code.lower() not in _VAGUE), next(iter(known or codes), ""))
    texts = [*_values(objects, _TEXT_KEYS), *_values(objects, _NESTS), *([said] if isinstance(said, str) else [])]
    message = " ".join(next(iter(texts), "").split())
    return Failure(
        cause=_cause(status, code.lower()),
        status=status,
        code=code if code != message else "",
        said=message if len(message) <= _MAX_SAID else message[: _MAX_SAID - 1] + "…",
        retry_after=wait,
        request_id=request_id,
    )


def _cause(status: int | None, code: str) -> Cause:
    by_code = _CODES.get(code)
    if by_code is not None and (code not in _VAGUE or status is None):
        return by_code
    if code == "not_found_error":
        return Cause.MODEL
    if status is None:
        return Cause.UNCLASSIFIED
    return _STATUSES.get(status) or (
        Cause.SERVER if status >= 500 else Cause.ADDRESS if 300 <= status < 400 else Cause.UNCLASSIFIED
    )


def _objects(said: Any) -> list[dict[str, Any]]:
    """The objects of an error body, innermost first: vendors nest them under ``error`` or ``detail``."""
    if isinstance(said, list):
        said = said[0] if said else None
    if not isinstance(said, dict):
        return []
    return [*(inner for name in _NESTS for inner in _objects(said.get(name))), said]


def _values(objects: list[dict[str, Any]], keys: tuple[str, ...]) -> list[str]:
    found = (each.get(key) for each in objects for key in keys)
    return [value for value in found if isinstance(value, str) and value.strip()]


def _plain(body: bytes, content_type: str) -> str:
    """Plain text as it is; a page of HTML says nothing to anybody."""
    text = body[:2000].decode("utf-8", "replace").strip()
    return "" if "html" in content_type or text.startswith("<") else text


def retry_after(headers: Mapping[str, str], *, now_ms: int) -> float | None:
    """Seconds a vendor asks to wait, from ``retry-after-ms`` or ``retry-after`` (seconds or a date); None without."""
    for name, scale in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        if text := headers.get(name, "").strip():
            seconds = _seconds(text, scale, now_ms)
            if seconds is not None and math.isfinite(seconds) and seconds >= 0:
                return seconds
    return None


def _seconds(text: str, scale: float, now_ms: int) -> float | None:
    try:
        return float(text) * scale
    except ValueError:
        from email.utils import parsedate_to_datetime
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    aware = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(0.0, round((aware - datetime.fromtimestamp(now_ms / 1000, UTC)).total_seconds()))
