"""What the tests of the web application share: a monitor behind its application, and tokens of each role."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from auscult import Monitor, create_app
from auscult.config.settings import AuthSettings, ServerSettings, Settings, Token

TOKENS = {role: f"aus_test-token-of-the-{role}" for role in ("viewer", "operator", "admin")}
"""What the bearers of each role present."""
HERE = ("127.0.0.1", 50123)
ELSEWHERE = ("203.0.113.7", 50123)


def cheap_hash(token: str) -> str:
    """As `hash_token`, with next to no work in it."""
    salt = b"0123456789abcdef"
    key = hashlib.scrypt(token.encode(), salt=salt, n=2, r=1, p=1, dklen=32)
    encoded = [base64.b64encode(part).decode().rstrip("=") for part in (salt, key)]
    return f"scrypt$n=2,r=1,p=1${encoded[0]}${encoded[1]}"


def with_tokens(*roles: str, **server: Any) -> Settings:
    """Settings with a token of each of these roles; all of them without any."""
    tokens = tuple(
        Token(name=role, role=role, hash=cheap_hash(TOKENS[role])) for role in roles or ("viewer", "operator", "admin")
    )
    return Settings(auth=AuthSettings(tokens=tokens), server=ServerSettings(**server))


def bearer(role: str) -> dict[str, str]:
    """The headers of a bearer of `role`; none for ``anonymous``."""
    return {} if role == "anonymous" else {"Authorization": f"Bearer {TOKENS[role]}"}


def client_of(app: Any, *, caller: tuple[str, int] | None = HERE, host: str = "127.0.0.1:8420") -> httpx.AsyncClient:
    """A client whose requests reach `app` as if from `caller`, for `host`."""
    transport = httpx.ASGITransport(app, client=caller, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url=f"http://{host}")


@asynccontextmanager
async def asking(
    monitor: Monitor | None = None, *, settings: Settings | None = None, caller: Any = HERE, **options: Any
) -> AsyncIterator[httpx.AsyncClient]:
    """A running monitor with one component ``a``, and a client of its application."""
    if monitor is None:
        monitor = Monitor()
        monitor.health.register("a", check=lambda: True)
    monitor.settings = settings
    async with monitor, client_of(create_app(monitor, **options), caller=caller) as client:
        yield client


def assert_problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    """The answer is a problem document (RFC 9457) of this status with a sentence in it; its body."""
    assert answer.status_code == status, (answer.status_code, answer.text)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    body = answer.json()
    assert body["status"] == status
    assert body["type"] == "about:blank"
    assert body["title"]
    assert len(body["detail"].split()) > 2, f"{body['detail']!r} is no sentence"
    assert "Traceback" not in answer.text
    return body


def routes_of(app: Any) -> Iterator[tuple[str, str]]:
    """Method and path of everything that is registered, OPTIONS left out."""
    for route in app.app.routes:
        for method in sorted(route.methods):
            if method != "OPTIONS":
                yield method, route.path
