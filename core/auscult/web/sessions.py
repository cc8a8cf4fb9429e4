"""Sessions of people who logged in: kept by the server, known to the browser by a random cookie.

A session is nothing but a claim until it is looked at: each time the user must still be configured with the same
password hash, or the provider with the same issuer, and the role is the one that the configuration gives now. So a new
password, a new role and a removed user take effect with the next request. Only hashes of cookies are kept, in the
store, so that a restart logs nobody out.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import anyio
import msgspec
from anyio import to_thread
from msgspec import Struct

from auscult.config.settings import AuthSettings, OidcTable
from auscult.config.tokens import ROLES
from auscult.monitor import Monitor
from auscult.store import Document
from auscult.web.caller import Caller

if TYPE_CHECKING:
    from auscult.config import Settings

__all__ = ["COOKIE", "Sessions", "role_of"]

COOKIE = "auscult_session"
KIND = "session"
MOST = 10_000
"""Sessions at a time; the oldest one makes room."""
SAVED_EVERY = 600_000
"""ms between notes of when a session was last used."""


class Session(Struct, frozen=True, kw_only=True):
    """One login."""

    user: str
    proof: str
    """What it rests on: a digest of the password's hash, or of the provider's issuer."""
    csrf: str
    created_at: int
    claims: Sequence[str] | None = None
    """The values that decide about the role, for a login through the provider."""


class _Known:
    __slots__ = ("saved_at", "session", "used_at")

    def __init__(self, session: Session, used_at: int) -> None:
        self.session, self.used_at, self.saved_at = session, used_at, used_at


class Sessions:
    """Belongs to the loop."""

    def __init__(self, monitor: Monitor, current: Callable[[], Settings | None]) -> None:
        self._monitor, self._current = monitor, current
        self._known: dict[str, _Known] = {}
        self._loaded_from: object = None
        self._loading = anyio.Lock()

    async def begin(self, user: str, proof: str, claims: Sequence[str] | None = None) -> str:
        """A new session; returns what the cookie holds. Raises StoreError."""
        await self._load()
        now = self._monitor.clock.now_ms()
        token = secrets.token_urlsafe(32)
        session = Session(
            user=user, proof=proof, csrf=secrets.token_urlsafe(24), created_at=now, claims=claims and tuple(claims)
        )
        await self._drop(self._over(), ())
        while len(self._known) >= MOST:
            await self._drop([min(self._known, key=lambda key: self._known[key].used_at)], ())
        key = digest(token)
        await self._save(key, session, now, [(now, user, "login", user, "provider" if claims is not None else "")])
        self._known[key] = _Known(session, now)
        return token

    async def find(self, token: str) -> Caller | None:
        """Who holds that cookie; None for one that means nothing, or nothing any more."""
        await self._load()
        key = digest(token)
        caller = self.still(key)
        known = self._known.get(key)
        if caller is None or known is None:
            return None
        known.used_at = now = self._monitor.clock.now_ms()
        if now - known.saved_at > SAVED_EVERY and (store := self._monitor.store) is not None:
            known.saved_at = now
            store.documents.write([self._document(key, known.session, now)])  # nobody waits for it
        return caller

    def still(self, key: str) -> Caller | None:
        """Who holds the session of that key now; for streams, which look again and again. Never slow."""
        known = self._known.get(key)
        auth = self._auth()
        if known is None or auth is None:
            return None
        session, now = known.session, self._monitor.clock.now_ms()
        expires = min(session.created_at + auth.session_lifetime * 1000, known.used_at + auth.session_idle * 1000)
        role = _role_now(session, auth)
        if role is None or now >= expires:
            return None
        return Caller(
            name=session.user,
            role=role,
            via="session",
            session=key,
            csrf=session.csrf,
            expires_at=int(session.created_at + auth.session_lifetime * 1000),
        )

    async def end(self, key: str) -> None:
        """Log out."""
        known = self._known.get(key)
        if known is not None:
            now = self._monitor.clock.now_ms()
            await self._drop([key], [(now, known.session.user, "logout", known.session.user, "")])

    def _auth(self) -> AuthSettings | None:
        settings = self._current()
        return settings.auth if settings is not None else None

    def _over(self) -> list[str]:
        return [key for key in self._known if self.still(key) is None]

    async def _load(self) -> None:
        """Take in what was kept, once for each start of the monitor."""
        store = self._monitor.store
        if store is None or store is self._loaded_from:
            return
        async with self._loading:
            if store is self._loaded_from:
                return
            for document in await to_thread.run_sync(store.documents.read, KIND):
                try:
                    session = msgspec.json.decode(document.body, type=Session)
                except msgspec.MsgspecError:
                    continue
                self._known.setdefault(document.id, _Known(session, document.updated_at))
            self._loaded_from = store

    def _document(self, key: str, session: Session, used_at: int) -> Document:
        return Document(
            kind=KIND,
            id=key,
            body=msgspec.json.encode(session),
            created_at=session.created_at,
            updated_at=used_at,
            who=session.user,
        )

    async def _save(
        self, key: str, session: Session, now: int, audits: Iterable[tuple[int, str, str, str, str]]
    ) -> None:
        if (store := self._monitor.store) is not None:
            future = store.documents.write([self._document(key, session, now)], audits=audits)
            await to_thread.run_sync(future.result)

    async def _drop(self, keys: Iterable[str], audits: Iterable[tuple[int, str, str, str, str]]) -> None:
        gone = list(keys)
        for key in gone:  # before anything is waited for: nobody gets in any more
            self._known.pop(key, None)
        if gone and (store := self._monitor.store) is not None:
            future = store.documents.write((), drop=[(KIND, key) for key in gone], audits=audits)
            await to_thread.run_sync(future.result)


def digest(text: str) -> str:
    """SHA-256 in hexadecimal: of 256 random bits nobody finds the original."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def _role_now(session: Session, auth: AuthSettings) -> str | None:
    if session.claims is not None:
        oidc = auth.oidc
        if oidc is None or not hmac.compare_digest(digest(oidc.issuer), session.proof):
            return None
        return role_of(session.claims, oidc)
    user = next((user for user in auth.users if user.name == session.user), None)
    return user.role if user is not None and hmac.compare_digest(digest(user.hash), session.proof) else None


def role_of(values: Iterable[str], oidc: OidcTable) -> str | None:
    """The most powerful role that these values of the claim give; None for nobody."""
    given = [oidc.roles[value] for value in values if value in oidc.roles]
    if not given:
        return oidc.default_role or None
    return max(given, key=ROLES.index)
