"""Login through an OpenID Connect provider: the authorization code flow with PKCE, state and nonce.

The library is Authlib with joserfc (the extra `oidc`). What leaves the provider's hands is checked: signature by its
published keys, issuer, audience, times, nonce. The browser that comes back must be the one that was sent away: a cookie
of ten minutes proves it.
"""

from __future__ import annotations

import base64
import hmac
import logging
import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from litestar import Request, Response, get
from litestar.datastructures import Cookie
from litestar.exceptions import NotFoundException
from litestar.handlers import BaseRouteHandler
from msgspec import Struct

from auscult.config.settings import OidcTable
from auscult.errors import MissingDependency
from auscult.monitor import Monitor
from auscult.runtime.egress import EgressPolicy
from auscult.web.access import Access
from auscult.web.login import session_cookie
from auscult.web.origin import is_secure
from auscult.web.sessions import digest, role_of

if TYPE_CHECKING:
    import httpx

    from auscult.config import Settings

__all__ = ["oidc_routes"]

log = logging.getLogger("auscult.web")

BOUND = "auscult_login"
"""The cookie of the browser that was sent to the provider."""
PATIENCE = 600
"""Seconds that somebody may take at the provider's."""
WAITING = 1000
"""Logins under way; the oldest makes room."""
DISCOVERED = 3600.0
"""Seconds for which the provider's addresses and keys are believed."""
LEEWAY = 60
"""Seconds that clocks may differ."""
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Signatures with a public key; what is signed with a shared secret, or not at all, is refused."""


class _Trip(Struct, frozen=True, kw_only=True):
    """One login under way."""

    browser: str
    """Digest of the cookie."""
    nonce: str
    verifier: str
    back: str
    """The address that the provider was given."""
    until: float


class _Refused(Exception):
    """The provider, or what it says, lets nobody in; `word` is what the page is told."""

    def __init__(self, word: str, message: str) -> None:
        self.word = word
        super().__init__(message)


class _Provider:
    """What the provider says about itself, asked again now and then."""

    def __init__(self, clock: Any) -> None:
        self._clock = clock
        self._known: tuple[OidcTable, float, Mapping[str, Any], Any] | None = None

    async def about(
        self, oidc: OidcTable, client: httpx.AsyncClient, *, anew: bool = False
    ) -> tuple[Mapping[str, Any], Any]:
        """Its metadata and its keys."""
        now = self._clock.monotonic()
        if self._known is None or self._known[0] != oidc or now - self._known[1] > DISCOVERED or anew:
            from joserfc.jwk import KeySet

            base = oidc.issuer.rstrip("/")
            metadata = await _json(client, f"{base}/.well-known/openid-configuration")
            if str(metadata.get("issuer", "")).rstrip("/") != base:
                raise _Refused("failed", f"the provider calls itself {metadata.get('issuer')!r}, not {oidc.issuer!r}")
            for key in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
                if not isinstance(metadata.get(key), str):
                    raise _Refused("failed", f"the provider does not name its `{key}`")
            keys = KeySet.import_key_set(await _json(client, metadata["jwks_uri"]))  # type: ignore[arg-type]
            self._known = (oidc, now, metadata, keys)
        return self._known[2], self._known[3]


async def _json(client: httpx.AsyncClient, url: str) -> dict[str, Any]:
    reply = await client.get(url)
    reply.raise_for_status()
    found = reply.json()
    if not isinstance(found, dict):
        raise _Refused("failed", f"{url} does not answer with an object")
    return found


def oidc_routes(monitor: Monitor, access: Access, current: Callable[[], Settings | None]) -> list[BaseRouteHandler]:
    """To the provider, and back."""
    trips: OrderedDict[str, _Trip] = OrderedDict()
    provider = _Provider(monitor.clock)

    @get("/login/oidc", public=True, include_in_schema=False)
    async def away(request: Request[Any, Any, Any]) -> Response[Any]:
        access.require_proper(request)
        settings, oidc = _wanted(current())
        root = request.scope.get("root_path", "")
        try:
            _require_library()
            async with _client(settings) as client:
                metadata, _ = await provider.about(oidc, client)
        except Exception as error:
            log.warning("the login through %s cannot begin: %s", oidc.issuer, error)
            return _home(root, "failed")
        browser, nonce, verifier, state = (secrets.token_urlsafe(32) for _ in range(4))
        back = _back(request, oidc, settings)
        address = _address(metadata, oidc, back, state=state, nonce=nonce, verifier=verifier)
        until = monitor.clock.monotonic() + PATIENCE
        trips[state] = _Trip(browser=digest(browser), nonce=nonce, verifier=verifier, back=back, until=until)
        while len(trips) > WAITING:
            trips.popitem(last=False)
        return Response(
            None, status_code=303, headers={"Location": address}, cookies=[_bound(request, browser, settings)]
        )

    @get("/login/oidc/callback", public=True, include_in_schema=False)
    async def back(request: Request[Any, Any, Any]) -> Response[Any]:
        settings, oidc = _wanted(current())
        root = request.scope.get("root_path", "")
        forget = _bound(request, "", settings)
        trip = trips.pop(request.query_params.get("state", ""), None)
        try:
            claims = await _returned(request, trip, oidc, settings, provider, monitor.clock.monotonic())
            name, values = _person(claims, oidc)
            if role_of(values, oidc) is None:
                raise _Refused("no_role", f"{name} is known to the provider and has no role here")
            token = await access.sessions.begin(name, digest(oidc.issuer), claims=values)
        except _Refused as refused:
            log.warning("a login through %s was refused: %s", oidc.issuer, refused)
            return _home(root, refused.word, forget)
        except Exception as error:
            log.warning("a login through %s failed: %s: %s", oidc.issuer, type(error).__name__, error)
            return _home(root, "failed", forget)
        # A strict cookie is not sent on the way back from elsewhere; the page that is shown next needs none.
        return _home(root, "", forget, session_cookie(request, token, settings))

    return [away, back]


def _wanted(settings: Settings | None) -> tuple[Settings, OidcTable]:
    if settings is None or settings.auth.oidc is None:
        raise NotFoundException("No provider is configured; `[auth.oidc]` names one")
    return settings, settings.auth.oidc


def _require_library() -> None:
    try:
        import authlib
        import joserfc
    except ImportError as error:
        raise MissingDependency("authlib", "oidc") from error
    del authlib, joserfc


def _client(settings: Settings) -> httpx.AsyncClient:
    from auscult.runtime.client import make_client  # httpx: only where somebody logs in that way

    return make_client(EgressPolicy.from_settings(settings.egress))


def _home(root: str, word: str, *cookies: Cookie) -> Response[Any]:
    """To the page, and nowhere else whatever anybody asks for."""
    address = f"{root}/?login_error={word}" if word else f"{root}/"
    return Response(None, status_code=303, headers={"Location": address}, cookies=list(cookies))


def _back(request: Request[Any, Any, Any], oidc: OidcTable, settings: Settings) -> str:
    if oidc.url:
        return f"{oidc.url.rstrip('/')}/login/oidc/callback"
    scheme = "https" if is_secure(request, settings.server.trusted_proxies) else "http"
    host = request.headers.get("host", "127.0.0.1")
    return f"{scheme}://{host}{request.scope.get('root_path', '')}/login/oidc/callback"


def _bound(request: Request[Any, Any, Any], value: str, settings: Settings) -> Cookie:
    """Lax: it must come along when the provider sends the browser back."""
    return Cookie(
        key=BOUND,
        value=value,
        max_age=PATIENCE if value else 0,
        path=f"{request.scope.get('root_path', '')}/login/oidc",
        httponly=True,
        samesite="lax",
        secure=is_secure(request, settings.server.trusted_proxies),
    )


async def _returned(
    request: Request[Any, Any, Any],
    trip: _Trip | None,
    oidc: OidcTable,
    settings: Settings,
    provider: _Provider,
    now: float,
) -> Mapping[str, Any]:
    """The claims about whoever came back, proven. Raises _Refused, and whatever the library does."""
    if trip is None or now > trip.until:
        raise _Refused("failed", "nobody was sent away with that state, or it took too long")
    if not hmac.compare_digest(digest(request.cookies.get(BOUND, "")), trip.browser):
        raise _Refused("failed", "another browser came back than was sent away")
    if error := request.query_params.get("error"):
        raise _Refused("denied", f"the provider says {error[:100]!r}")
    code = request.query_params.get("code")
    if not code:
        raise _Refused("failed", "the provider gave no code")
    from joserfc.errors import JoseError

    async with _client(settings) as client:
        metadata, keys = await provider.about(oidc, client)
        id_token = await _exchange(client, metadata, oidc, trip, code)
        try:
            return _proven(id_token, keys, metadata, oidc, trip.nonce)
        except JoseError:  # the key may have been replaced since it was looked up
            _, keys = await provider.about(oidc, client, anew=True)
            return _proven(id_token, keys, metadata, oidc, trip.nonce)


def _address(metadata: Mapping[str, Any], oidc: OidcTable, back: str, *, state: str, nonce: str, verifier: str) -> str:
    """Where the browser is sent."""
    from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
    from authlib.oauth2.rfc7636 import create_s256_code_challenge

    return str(
        prepare_grant_uri(
            metadata["authorization_endpoint"],
            oidc.client_id,
            "code",
            redirect_uri=back,
            scope=" ".join(oidc.scopes),
            state=state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
        )
    )


async def _exchange(
    client: httpx.AsyncClient, metadata: Mapping[str, Any], oidc: OidcTable, trip: _Trip, code: str
) -> str:
    """The ID token for a code. Over our own client, so that the egress policy holds here, too."""
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": trip.back,
        "code_verifier": trip.verifier,
        "client_id": oidc.client_id,
    }
    methods = metadata.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
    headers = {"Accept": "application/json"}
    if oidc.client_secret and "client_secret_basic" in methods:
        pair = f"{quote(oidc.client_id, safe='')}:{quote(oidc.client_secret, safe='')}"  # RFC 6749, 2.3.1
        headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    elif oidc.client_secret:
        form["client_secret"] = oidc.client_secret
    reply = await client.post(metadata["token_endpoint"], data=form, headers=headers)
    if reply.status_code != 200:
        raise _Refused("failed", f"the provider takes the code for nothing (status {reply.status_code})")
    token = reply.json()
    id_token = token.get("id_token") if isinstance(token, dict) else None
    if not isinstance(id_token, str):
        raise _Refused("failed", "the provider gave no ID token")
    return id_token


def _proven(id_token: str, keys: Any, metadata: Mapping[str, Any], oidc: OidcTable, nonce: str) -> Mapping[str, Any]:
    """The claims of a token whose signature, issuer, audience, times and nonce are right."""
    from authlib.oidc.core import CodeIDToken
    from joserfc import jwt

    decoded = jwt.decode(id_token, keys, algorithms=ALGORITHMS)
    claims = CodeIDToken(
        decoded.claims,
        decoded.header,
        {
            "iss": {"essential": True, "value": metadata["issuer"]},
            "aud": {"essential": True, "value": oidc.client_id},
            "exp": {"essential": True},
        },
        {"nonce": nonce, "client_id": oidc.client_id},
    )
    claims.validate(leeway=LEEWAY)
    return dict(claims)


def _person(claims: Mapping[str, Any], oidc: OidcTable) -> tuple[str, Sequence[str]]:
    """What somebody is called, and the values that decide about the role."""
    for claim in (oidc.name_claim, "email", "sub"):
        name = claims.get(claim)
        if isinstance(name, str) and name.strip():
            break
    else:
        raise _Refused("failed", "the provider does not say who it is")
    found = claims.get(oidc.role_claim)
    values = [found] if isinstance(found, str) else found if isinstance(found, list) else []
    printable = "".join(letter for letter in name if letter.isprintable())[:64]
    return printable, [value for value in values if isinstance(value, str)][:200]
