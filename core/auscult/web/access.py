"""Who may do what. Default deny: one guard on the root router asks for a role, and only ``public=True`` on a handler
opens it.

Without any token configured, callers on loopback are administrators; but the ``Host`` must then be a loopback name and
changes must come from the same origin, or any web page somebody visits could post to us (decision 13).
"""

from __future__ import annotations

import hmac
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Self

import anyio
from anyio import to_thread
from litestar.exceptions import NotAuthorizedException, PermissionDeniedException, TooManyRequestsException
from litestar.handlers.base import BaseRouteHandler

from auscult.config.settings import ServerSettings
from auscult.config.tokens import TokenBook, allows
from auscult.monitor import Monitor
from auscult.runtime.asking import NoReceiver
from auscult.web.attempts import Attempts
from auscult.web.caller import Caller
from auscult.web.origin import Connection, require_host, require_loopback, require_same_origin
from auscult.web.sessions import COOKIE, Sessions

if TYPE_CHECKING:
    from auscult.config import Settings
    from auscult.config.settings import Token

__all__ = ["Access"]

_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="auscult"'}


class Access:
    """Decides for one application, by the settings that `current` gives at the time of the request."""

    def __init__(self, monitor: Monitor, current: Callable[[], Settings | None], *, trust_host: bool = False) -> None:
        self._monitor, self._current = monitor, current
        self._trust_host = trust_host
        self._tokens: tuple[Token, ...] = ()
        self._book = TokenBook(())
        self._attempts = Attempts(monitor.clock.monotonic)
        self._searching = anyio.Lock()
        self.sessions = Sessions(monitor, current)

    async def guard(self, connection: Connection, handler: BaseRouteHandler) -> None:
        """An async Litestar guard: let the request through, or raise 400, 401, 403 or 429 with a sentence."""
        if handler.opt.get("public") is True:
            return
        settings = self._current()
        if handler.opt.get("status_page") is True and settings is not None and settings.status_page.enabled:
            return
        if handler.opt.get("receiver") is True and self._takes_from_anybody(connection):
            return
        self.require_proper(connection)
        if handler.opt.get("metrics") is True and settings is not None and settings.server.public_metrics:
            return
        caller = await self._caller(connection)
        wanted = handler.opt.get("role", "viewer")
        if not allows(caller.role, wanted):
            raise PermissionDeniedException(f"This needs the role `{wanted}`; {_called(caller)} has `{caller.role}`")
        self._require_csrf(connection, caller)
        connection.scope.setdefault("state", {}).update(
            caller=caller.name, auscult_caller=caller, auscult_still=lambda: self._still(caller)
        )

    def _takes_from_anybody(self, connection: Connection) -> bool:
        """Whether requests to that source prove themselves."""
        where = connection.path_params
        try:
            return self._monitor.metrics.receiver(where["source"], where.get("path", "")).public
        except NoReceiver:
            return False

    def require_proper(self, connection: Connection) -> None:
        """Refuse what is meant for another host, and changes that another site asks for. Raises 400, 403."""
        if not self._trust_host:
            server = self._server()
            require_host(connection, server.allowed_hosts, anybody=self._anybody())
            require_same_origin(connection)

    async def identify(self, connection: Connection) -> Caller | None:
        """Who asks; None for a stranger. Raises 400, 403 for what nobody may ask, 429 for guesses."""
        self.require_proper(connection)
        try:
            return await self._caller(connection)
        except (NotAuthorizedException, PermissionDeniedException):
            return None

    async def session_of(self, connection: Connection) -> Caller | None:
        """Whose session the cookie holds, if it holds one."""
        cookie = connection.cookies.get(COOKIE)
        return await self.sessions.find(cookie) if cookie else None

    async def _caller(self, connection: Connection) -> Caller:
        """Who asks. Raises 401 where nothing proves it, 403 where this machine alone may ask."""
        if self._trust_host:
            return Caller(name="host", role="admin", via="host")
        if not self._anybody():
            require_loopback(connection, self._server().trusted_proxies)
            return Caller(name="local", role="admin", via="local")
        header = connection.headers.get("authorization", "")
        if not header and (caller := await self.session_of(connection)) is not None:
            return caller
        token = await self._token(header)
        return Caller(name=token.name, role=token.role, via="token")

    def _still(self, caller: Caller) -> bool:
        """Whether the caller may go on listening, as things are now."""
        if caller.via == "session":
            now = self.sessions.still(caller.session)
            return now is not None and now.role == caller.role
        if caller.via == "token":
            self._tokens_in_force()
            return any(token.name == caller.name and token.role == caller.role for token in self._tokens)
        return self._trust_host or not self._anybody()

    def _require_csrf(self, connection: Connection, caller: Caller) -> None:
        """A cookie comes along by itself; that the page asks and nobody else, only this header proves."""
        if caller.via != "session" or connection.scope.get("method", "GET") in ("GET", "HEAD", "OPTIONS"):
            return
        if not hmac.compare_digest(connection.headers.get("x-csrf-token", "").encode(), caller.csrf.encode()):
            raise PermissionDeniedException(
                "Send the header `X-CSRF-Token` with the value that `/api/v1/session` gives"
            )

    def _server(self) -> ServerSettings:
        settings = self._current()
        return settings.server if settings is not None else ServerSettings()

    def _anybody(self) -> bool:
        settings = self._current()
        return settings is not None and settings.auth.anybody

    def __deepcopy__(self, _: object) -> Self:
        """Litestar copies its routers; what has been counted and remembered is one for all of them."""
        return self

    def _tokens_in_force(self) -> TokenBook:
        """The book of the tokens that are configured now; a reload makes another."""
        settings = self._current()
        tokens = settings.auth.tokens if settings is not None else ()
        if tokens != self._tokens:
            self._tokens, self._book = tokens, TokenBook(tokens)
        return self._book

    async def _token(self, header: str) -> Token:
        scheme, _, presented = header.partition(" ")
        if scheme.lower() != "bearer" or not presented.strip():
            raise NotAuthorizedException(
                "Send a token: `Authorization: Bearer TOKEN`; `auscult token NAME` makes one", headers=_CHALLENGE
            )
        while True:
            book = self._tokens_in_force()
            token = await self._find(book, presented.strip())
            if book is self._tokens_in_force():  # else it may have been revoked meanwhile
                break
        if token is None:
            raise NotAuthorizedException("This token is not known", headers=_CHALLENGE)
        return token

    async def _find(self, book: TokenBook, presented: str) -> Token | None:
        """One search at a time: a burst of guesses queues up here, and most of it is refused at no cost."""
        known, token = book.recall(presented)
        if known:
            return token
        async with self._searching:
            known, token = book.recall(presented)
            if known:
                return token
            if wait := self._attempts.wait():
                raise TooManyRequestsException(
                    "Too many unknown tokens were tried; those in use go on working",
                    headers={"Retry-After": str(math.ceil(wait))},
                )
            self._attempts.begin()
            token = await to_thread.run_sync(book.find, presented)
            if token is not None:
                self._attempts.forgive()
            return token


def _called(caller: Caller) -> str:
    return "the token" if caller.via == "token" else f"`{caller.name}`"
