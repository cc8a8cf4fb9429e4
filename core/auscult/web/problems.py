"""Errors as problem documents (RFC 9457): one clear sentence each, never a traceback, never a 500 for bad input."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from msgspec import Struct

from auscult.errors import AuscultError, ComponentNotFound, ConfigurationError, StoreError

__all__ = ["MEDIA_TYPE", "Problem", "problem", "problem_handlers"]

log = logging.getLogger("auscult.web")
_TITLES = {int(status): status.phrase for status in HTTPStatus}
MEDIA_TYPE = "application/problem+json"


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


def problem(status: int, detail: str, *, errors: list[dict[str, str]] | None = None, **headers: str) -> Response[Any]:
    """A problem document as an answer."""
    title = _TITLES.get(status, "Error")
    body = Problem(title=title, status=status, detail=detail, errors=errors or [])
    return Response(msgspec.json.encode(body), status_code=status, media_type=MEDIA_TYPE, headers=headers)


def _http(_: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    if isinstance(error.__cause__, RecursionError):
        return _nested(_, error.__cause__)
    errors = []
    if isinstance(error, ValidationException) and isinstance(error.extra, list):
        errors = [{"key": str(item.get("key", "")), "message": str(item.get("message", ""))} for item in error.extra]
    detail = "; ".join(f"{item['key']}: {item['message']}".strip(": ") for item in errors) or error.detail
    return problem(error.status_code, detail, errors=errors, **(error.headers or {}))


def _not_found(_: Request[Any, Any, Any], error: ComponentNotFound) -> Response[Any]:
    return problem(404, str(error))


def _configuration(_: Request[Any, Any, Any], error: ConfigurationError) -> Response[Any]:
    errors = [{"key": finding.key, "message": str(finding)} for finding in error.findings]
    return problem(422, "The configuration cannot be used; nothing was changed", errors=errors)


def _store(_: Request[Any, Any, Any], error: StoreError) -> Response[Any]:
    return problem(503, str(error), **{"Retry-After": "5"})


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
    ConfigurationError: _configuration,
    StoreError: _store,
    AuscultError: _auscult,
    RecursionError: _nested,
    UnicodeDecodeError: _encoding,
    Exception: _unexpected,
}
