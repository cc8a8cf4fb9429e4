"""Who am I, logging in with a password, logging out."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import anyio
from anyio import to_thread
from litestar import Request, Response, get, post
from litestar.datastructures import Cookie
from litestar.exceptions import NotAuthorizedException, TooManyRequestsException
from litestar.handlers import BaseRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody
from msgspec import Meta, Struct

from auscult import __version__
from auscult.clock import iso_millis
from auscult.config.tokens import check_password
from auscult.monitor import Monitor
from auscult.web.access import Access
from auscult.web.attempts import Attempts
from auscult.web.caller import Caller, caller_of
from auscult.web.json_bodies import require_json
from auscult.web.origin import Connection, caller_address, is_secure
from auscult.web.problems import BODY_ERRORS, ERRORS
from auscult.web.sessions import COOKIE, digest

if TYPE_CHECKING:
    from auscult.config import Settings

__all__ = ["LoginBody", "login_routes", "session_cookie"]

PER_ACCOUNT = 10
"""Failed logins of one name within `WINDOW`."""
PER_ADDRESS = 20
WINDOW = 300.0
REMEMBERED = 2000
"""Names and addresses whose failures are counted."""
_NOBODY = "scrypt$n=16384,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
"""Looked at for names that do not exist, so that the time says nothing."""


class LoginBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A name and a password."""

    name: Annotated[str, Meta(min_length=1, max_length=64)]
    password: Annotated[str, Meta(min_length=1, max_length=1024)]


class WaysBody(Struct, frozen=True, kw_only=True):
    """How one may log in."""

    password: bool
    oidc: str | None
    """What stands on the button; null without a provider."""


class SessionBody(Struct, frozen=True, kw_only=True):
    """Who asks, and how to become somebody."""

    authenticated: bool
    name: str | None
    role: str | None
    via: str | None
    csrf: str | None
    """For the header `X-CSRF-Token` of every change."""
    expires_at: str | None
    login: WaysBody
    status_page: bool
    version: str
    now_ms: int


class Throttle:
    """Failures by name and by address; the ones heard of longest ago are forgotten."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._attempts: OrderedDict[tuple[str, str], Attempts] = OrderedDict()

    def of(self, what: str, name: str, limit: int) -> Attempts:
        """The attempts of one name or address."""
        found = self._attempts.pop((what, name), None) or Attempts(self._now, limit=limit, window=WINDOW)
        self._attempts[what, name] = found
        while len(self._attempts) > REMEMBERED:
            self._attempts.popitem(last=False)
        return found


def login_routes(monitor: Monitor, access: Access, current: Callable[[], Settings | None]) -> list[BaseRouteHandler]:
    """The three routes."""
    throttle, turn = Throttle(monitor.clock.monotonic), anyio.Lock()

    def body(caller: Caller | None) -> SessionBody:
        return _session_body(monitor, current(), caller)

    @get(
        "/api/v1/session",
        public=True,
        operation_id="getSession",
        summary="Who asks, and how to log in",
        responses={code: ERRORS[code] for code in (400, 403, 429)},
        security=[{}],
        tags=["api"],
    )
    async def session(request: Request[Any, Any, Any]) -> SessionBody:
        return body(await access.identify(request))

    @post(
        "/api/v1/login",
        public=True,
        status_code=200,
        operation_id="login",
        summary="Log in with a password",
        responses={code: ERRORS[code] for code in (400, 401, 403, 429, 503)} | BODY_ERRORS,
        security=[{}],
        before_request=require_json,
        tags=["api"],
    )
    async def login(data: JSONBody[LoginBody], request: Request[Any, Any, Any]) -> Response[SessionBody]:
        """Sets a cookie that scripts cannot read."""
        access.require_proper(request)
        settings = current()
        proxies = settings.server.trusted_proxies if settings is not None else ()
        counters = [
            throttle.of("name", data.name, PER_ACCOUNT),
            throttle.of("address", caller_address(request, proxies) or "unknown", PER_ADDRESS),
        ]
        if wait := max(counter.wait() for counter in counters):
            raise TooManyRequestsException(
                "There were too many failed logins; wait a little", headers={"Retry-After": str(math.ceil(wait))}
            )
        for counter in counters:
            counter.begin()
        users = {user.name: user for user in settings.auth.users} if settings is not None else {}
        user = users.get(data.name)
        async with turn:  # one derivation at a time: guessing must not cost us all our processors
            hashed = user.hash if user is not None else _NOBODY
            right = await to_thread.run_sync(check_password, data.password, hashed)
        if user is None or not right:
            raise NotAuthorizedException("The name or the password is wrong")
        for counter in counters:
            counter.forgive()
        if (old := await access.session_of(request)) is not None:
            await access.sessions.end(old.session)
        token = await access.sessions.begin(user.name, digest(user.hash))
        return Response(body(await access.sessions.find(token)), cookies=[session_cookie(request, token, current())])

    @post(
        "/api/v1/logout",
        status_code=204,
        operation_id="logout",
        summary="End the session",
        responses=ERRORS | {204: ResponseSpec(None, generate_examples=False, description="logged out")},
        tags=["api"],
    )
    async def logout(request: Request[Any, Any, Any]) -> Response[None]:
        caller = caller_of(request)
        if caller is not None and caller.session:
            await access.sessions.end(caller.session)
        return Response(None, cookies=[session_cookie(request, "", current())])

    return [session, login, logout]


def session_cookie(request: Connection, token: str, settings: Settings | None) -> Cookie:
    """The cookie that holds `token`; an empty one takes it back."""
    proxies = settings.server.trusted_proxies if settings is not None else ()
    lifetime = int(settings.auth.session_lifetime) if settings is not None else 0
    return Cookie(
        key=COOKIE,
        value=token,
        max_age=lifetime if token else 0,
        path=request.scope.get("root_path") or "/",
        httponly=True,
        samesite="strict",
        secure=is_secure(request, proxies),
    )


def _session_body(monitor: Monitor, settings: Settings | None, caller: Caller | None) -> SessionBody:
    auth = settings.auth if settings is not None else None
    now = monitor.clock.now_ms()
    return SessionBody(
        authenticated=caller is not None,
        name=caller.name if caller is not None else None,
        role=caller.role if caller is not None else None,
        via=caller.via if caller is not None else None,
        csrf=caller.csrf or None if caller is not None else None,
        expires_at=iso_millis(caller.expires_at) if caller is not None and caller.expires_at else None,
        login=WaysBody(
            password=bool(auth and auth.users),
            oidc=auth.oidc.title if auth is not None and auth.oidc is not None else None,
        ),
        status_page=settings is not None and settings.status_page.enabled,
        version=__version__,
        now_ms=now,
    )
