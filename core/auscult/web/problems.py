"""Errors as problem documents (RFC 9457): one clear sentence each, never a traceback, never a 500 for bad input."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.openapi.datastructures import ResponseSpec
from msgspec import Struct

from auscult.errors import (
    AlertNotFound,
    AuscultError,
    ComponentNotFound,
    ConfigurationError,
    DashboardConflict,
    DashboardNotFound,
    SilenceNotFound,
    StoreError,
)

__all__ = [
    "BODY_ERRORS",
    "CONFLICT",
    "ERRORS",
    "FINDINGS",
    "MAX_BODY",
    "MEDIA_TYPE",
    "Problem",
    "problem",
    "problem_handlers",
]

log = logging.getLogger("auscult.web")
_TITLES = {int(status): status.phrase for status in HTTPStatus}
MEDIA_TYPE = "application/problem+json"
MAX_BODY = 1 << 20
"""Bytes of a request's body."""


class Problem(Struct, frozen=True, kw_only=True):
    """What went wrong."""

    title: str
    """The status in words."""
    status: int
    detail: str
    """One sentence: what was found, what was expected."""
    type: str = "about:blank"
    errors: list[dict[str, str]] = []
    """Where there are several: each with its place and its sentence."""


def _spec(text: str) -> ResponseSpec:
    return ResponseSpec(Problem, generate_examples=False, description=text, media_type=MEDIA_TYPE)


ERRORS = {
    code: _spec(text)
    for code, text in (
        (400, "The request cannot be understood"),
        (401, "A token is needed"),
        (403, "The role does not suffice, or the caller may not ask from there"),
        (404, "There is nothing of that name"),
        (429, "Too many unknown tokens were tried"),
        (503, "The store cannot write now"),
    )
}
"""What any operation may answer instead of what was asked for, for the OpenAPI document."""
BODY_ERRORS = {413: _spec(f"The body is larger than {MAX_BODY} bytes"), 415: _spec("The body is not JSON")}
"""What an operation that takes a body may answer besides."""
CONFLICT = {409: _spec("It is taken, was changed by somebody else meanwhile, or comes from the configuration")}
"""What an operation that changes dashboards may answer besides."""
FINDINGS = _spec("The configuration has mistakes; nothing was changed")


def problem(
    status: int, detail: str, *, errors: list[dict[str, str]] | None = None, headers: dict[str, str] | None = None
) -> Response[Any]:
    """A problem document as an answer."""
    title = _TITLES.get(status, "Error")
    body = Problem(title=title, status=status, detail=detail, errors=errors or [])
    all_headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"} | (headers or {})
    return Response(msgspec.json.encode(body), status_code=status, media_type=MEDIA_TYPE, headers=all_headers)


def _http(_: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    if isinstance(error.__cause__, RecursionError):
        return _nested(_, error.__cause__)
    errors = []
    if isinstance(error, ValidationException) and isinstance(error.extra, list):
        errors = [{"key": str(item.get("key", "")), "message": str(item.get("message", ""))} for item in error.extra]
    headers = _with_head(error.headers or {})
    detail = "; ".join(f"{item['key']}: {item['message']}".strip(": ") for item in errors) or error.detail
    if detail == _TITLES.get(error.status_code):
        detail = _sentence(error.status_code, headers) or detail
    return problem(error.status_code, detail, errors=errors, headers=headers)


def _with_head(headers: dict[str, str]) -> dict[str, str]:
    """HEAD works wherever GET does, which the router does not know."""
    allowed = headers.get("allow", "")
    return headers | {"allow": f"{allowed}, HEAD"} if "GET" in allowed and "HEAD" not in allowed else headers


def _sentence(status: int, headers: dict[str, str]) -> str:
    """What the router says in no more than the status' own words."""
    if status == 404:
        return "There is nothing at this address; `/api/docs` lists what there is"
    if status == 405:
        return f"What works here: {headers.get('allow', '')}"
    return f"The body is larger than {MAX_BODY} bytes" if status == 413 else ""


def _not_found(_: Request[Any, Any, Any], error: AuscultError) -> Response[Any]:
    return problem(404, str(error))


def _conflict(_: Request[Any, Any, Any], error: DashboardConflict) -> Response[Any]:
    return problem(409, str(error))


def _configuration(_: Request[Any, Any, Any], error: ConfigurationError) -> Response[Any]:
    errors = [{"key": finding.key, "message": str(finding)} for finding in error.findings]
    return problem(422, "The configuration cannot be used; nothing was changed", errors=errors)


def _store(_: Request[Any, Any, Any], error: StoreError) -> Response[Any]:
    return problem(503, str(error), headers={"Retry-After": "5"})


def _auscult(_: Request[Any, Any, Any], error: AuscultError) -> Response[Any]:
    return problem(400, str(error))


def _nested(_: Request[Any, Any, Any], error: RecursionError) -> Response[Any]:
    return problem(400, "The body is nested too deeply")


def _encoding(_: Request[Any, Any, Any], error: UnicodeDecodeError) -> Response[Any]:
    return problem(400, "The request is not valid UTF-8")


def _unexpected(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return problem(500, "Something went wrong on our side; the log has the details")


problem_handlers: dict[Any, Any] = {
    HTTPException: _http,
    ComponentNotFound: _not_found,
    AlertNotFound: _not_found,
    SilenceNotFound: _not_found,
    DashboardNotFound: _not_found,
    DashboardConflict: _conflict,
    ConfigurationError: _configuration,
    StoreError: _store,
    AuscultError: _auscult,
    RecursionError: _nested,
    UnicodeDecodeError: _encoding,
    Exception: _unexpected,
}
