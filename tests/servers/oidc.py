"""An OpenID Connect provider on the loopback: it logs in whoever comes, and can be told to misbehave."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

__all__ = ["Provider"]


class Provider:
    """Runs as long as the block; `claims` are those of the next person, `change` is done to an ID token's claims."""

    client_id, client_secret = "auscult", "a-secret-of-the-client"

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "first", "use": "sig", "alg": "RS256"})
        self.claims: dict[str, Any] = {"sub": "42", "preferred_username": "ada", "groups": ["staff", "sre"]}
        self.change: dict[str, Any] = {}
        self.sign_with = "key"
        """``key``, ``other`` (a key that is not published), ``secret`` (HS256), ``none``."""
        self.refuse = ""
        """An error to send the browser back with."""
        self.codes: dict[str, dict[str, str]] = {}
        self.asked: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.get(self)

            def do_POST(self) -> None:
                outer.post(self)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"
        self._thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def rotate(self) -> None:
        """Sign with a new key, as providers do from time to time."""
        self.key = RSAKey.generate_key(2048, {"kid": secrets.token_hex(4), "use": "sig", "alg": "RS256"})

    def get(self, handler: BaseHTTPRequestHandler) -> None:
        address = urlsplit(handler.path)
        self.asked.append(address.path)
        if address.path == "/.well-known/openid-configuration":
            return _answer(
                handler,
                {
                    "issuer": self.issuer,
                    "authorization_endpoint": f"{self.issuer}/authorize",
                    "token_endpoint": f"{self.issuer}/token",
                    "jwks_uri": f"{self.issuer}/keys",
                },
            )
        if address.path == "/keys":
            return _answer(handler, {"keys": [self.key.as_dict(private=False)]})
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        back = {"state": query["state"]}
        if self.refuse:
            back["error"] = self.refuse
        else:
            back["code"] = secrets.token_urlsafe(16)
            self.codes[back["code"]] = query
        handler.send_response(302)
        handler.send_header("Location", f"{query['redirect_uri']}?{urlencode(back)}")
        handler.end_headers()
        return None

    def post(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers["Content-Length"])).decode()
        form = {name: values[0] for name, values in parse_qs(body).items()}
        basic = base64.b64encode(f"{self.client_id}:{self.client_secret}".encode()).decode()
        asked = self.codes.pop(form.get("code", ""), None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if (
            asked is None
            or handler.headers.get("Authorization") != f"Basic {basic}"
            or asked["redirect_uri"] != form["redirect_uri"]
            or asked["code_challenge_method"] != "S256"
            or asked["code_challenge"] != challenge.decode().rstrip("=")
        ):
            return _answer(handler, {"error": "invalid_grant"}, 400)
        token = {"access_token": "x", "token_type": "Bearer", "id_token": self._signed(asked["nonce"])}
        return _answer(handler, token)

    def _signed(self, nonce: str) -> str:
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": self.client_id,
            "iat": now,
            "exp": now + 300,
            "nonce": nonce,
            **self.claims,
            **self.change,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        if self.sign_with == "none":
            head, middle = (_part(part) for part in ({"alg": "none", "typ": "JWT"}, claims))
            return f"{head}.{middle}."
        if self.sign_with == "secret":
            return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(self.client_secret.encode() * 2))
        key = RSAKey.generate_key(2048, {"kid": "first"}) if self.sign_with == "other" else self.key
        return jwt.encode({"alg": "RS256", "kid": key.kid}, claims, key)


def _part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def _answer(handler: BaseHTTPRequestHandler, body: object, status: int = 200) -> None:
    data = json.dumps(body).encode()
    handler.send_response(status)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data)
