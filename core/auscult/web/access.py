"""Who may do what. Default deny: one guard on the root router asks for a role, and only ``public=True`` on a handler
opens it.

Without any token configured, callers on loopback are administrators; but the ``Host`` must then be a loopback name and
changes must come from the same origin, or any web page somebody visits could post to us (decision 13).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Self

import anyio
from anyio import to_thread
from litestar.exceptions import NotAuthorizedException, PermissionDeniedException, TooManyRequestsException
from litestar.handlers.base import BaseRouteHandler

from auscult.config.settings import ServerSettings
from auscult.config.tokens import TokenBook, allows
from auscult.web.attempts import Attempts
from auscult.web.origin import Connection, require_host, require_loopback, require_same_origin

if TYPE_CHECKING:
    from auscult.clock import Clock
    from auscult.config import Settings
    from auscult.config.settings import Token

__all__ = ["Access"]

_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="auscult"'}


class Access:
    """Decides for one application, by the settings that `current` gives at the time of the request."""

    def __init__(self, current: Callable[[], Settings | None], clock: Clock, *, trust_host: bool = False) -> None:
        self._current = current
        self._trust_host = trust_host
        self._tokens: tuple[Token, ...] = ()
        self._book = TokenBook(())
        self._attempts = Attempts(clock.monotonic)
        self._searching = anyio.Lock()

    async def guard(self, connection: Connection, handler: BaseRouteHandler) -> None:
        """An async Litestar guard: let the request through, or raise 400, 401, 403 or 429 with a sentence."""
        if handler.opt.get("public") is True or self._trust_host:
            return
        settings = self._current()
        server = settings.server if settings is not None else ServerSettings()
        self._tokens_in_force()
        require_host(connection, server.allowed_hosts, anybody=bool(self._tokens))
        require_same_origin(connection)
        if handler.opt.get("metrics") is True and server.public_metrics:
            return
        if not self._tokens:
            require_loopback(connection, server.trusted_proxies)
            return
        token = await self._token(connection.headers.get("authorization", ""))
        wanted = handler.opt.get("role", "viewer")
        if not allows(token.role, wanted):
            raise PermissionDeniedException(f"This needs the role `{wanted}`; the token has the role `{token.role}`")
        connection.scope.setdefault("state", {})["caller"] = token.name

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
