"""Planted secrets: whatever the configuration holds in secret shows nowhere, neither in answers nor in the log."""

from __future__ import annotations

import base64
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote

import pytest
from tests.servers.process import free_port
from tests.web.helpers import routes_of
from tests.web.serving import Serving, eventually

from auscult import Monitor, create_app

CANARIES = [f"canary-{number:02}-Zq7/x%{number}" for number in range(22)]
"""With characters that URLs and JSON write in other ways."""
TELLTALE = '''
import logging
from auscult import Check, Reading, SecretStr, hookimpl


class Telltale(Check):
    """Says in every way it can what it was told in confidence."""

    kind = "telltale"
    secret: SecretStr
    way: str

    async def probe(self, ctx):
        ctx.log.debug("about to use %s", self.secret)
        ctx.log.warning("%r", self)
        if self.way == "raise":
            try:
                {}[self.secret]
            except KeyError as error:
                raise RuntimeError(f"cannot log in with {self.secret}") from error
        if self.way == "logged":
            try:
                raise ValueError(self.secret)
            except ValueError:
                ctx.log.exception("went wrong with %s", self.secret)
        if self.way == "wrong":
            return {"status": self.secret}
        if self.way == "base":
            raise BaseException(self.secret)
        return Reading.unhealthy(f"refused: {self.secret}")


@hookimpl
def auscult_checks():
    return [Telltale]
'''


class Echo(BaseHTTPRequestHandler):
    """Fails, and says everything it was sent: headers, address and body."""

    def answer(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = f"{self.path}\n{self.headers}\n".encode() + self.rfile.read(length)
        self.send_response(500, "no")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Echo", str(self.headers.get("Authorization")))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_POST = do_HEAD = answer

    def log_message(self, *_) -> None:
        pass


@pytest.fixture(scope="module")
def echo():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def config(echo: str, closed: int) -> str:
    """A secret in every place that takes one; the texts in `canaries` are used up one by one."""
    planted = iter(CANARIES)

    def text() -> str:
        return next(planted)

    def in_url() -> str:
        return quote(next(planted), safe="")

    ways = "".join(
        f'[components.telltale-{way}]\ncheck = "telltale"\nway = "{way}"\nsecret = "{text()}"\n'
        for way in ("raise", "logged", "wrong", "base", "say")
    )
    return f"""
plugins = ["./telltale.py"]
{ways}
[components.http-headers]
check = "http"
url = "http://{echo}/h"
headers = {{ Authorization = "Bearer {text()}", X-Api-Key = "{text()}", Cookie = "session={text()}" }}
[components.http-password]
check = "http"
url = "http://{echo}/p"
username = "me"
password = "{text()}"
[components.http-token]
check = "http"
url = "http://{echo}/t"
token = "{text()}"
[components.http-url]
check = "http"
url = "http://user:{in_url()}@{echo}/u"
[components.postgres]
check = "database"
url = "postgresql://agent:{in_url()}@127.0.0.1:{closed}/agent"
[components.mysql]
check = "database"
url = "mysql://agent:{in_url()}@127.0.0.1:{closed}/agent"
[components.redis]
check = "redis"
url = "redis://user:{in_url()}@127.0.0.1:{closed}/0"
[components.livekit]
check = "livekit"
url = "ws://{echo}"
api_key = "key"
api_secret = "{text()}"
[components.orchestrator]
check = "orchestrator"
url = "http://{echo}/o"
token = "{text()}"
[components.llm]
check = "llm"
base_url = "http://{echo}/v1"
api_key = "{text()}"
model = "m"
headers = {{ X-Other = "{text()}" }}
[components.stt]
check = "stt"
base_url = "http://{echo}/v1"
api_key = "{text()}"
[components.command]
check = "command"
argv = ["/bin/sh", "-c", "echo failed with $SECRET; echo $SECRET >&2; exit 2"]
environment = {{ SECRET = "{text()}" }}
[auth.oidc]
issuer = "http://{echo}"
client_id = "auscult"
client_secret = "{text()}"
[auth.tokens.me]
role = "admin"
token = "{text()}"
"""


def spellings(secret: str) -> set[str]:
    """As it is, and as URLs, JSON and HTTP write it."""
    basic = {base64.b64encode(f"{user}:{secret}".encode()).decode() for user in ("", "me", "user", "agent")}
    return {secret, quote(secret), quote(secret, safe=""), base64.b64encode(secret.encode()).decode()} | basic


def leaks(text: str) -> list[str]:
    return [secret for secret in CANARIES if any(spelled in text for spelled in spellings(secret))]


@pytest.mark.parametrize("form", ["text", "json"])
def test_planted_secrets_show_nowhere(tmp_path, echo, form):
    """Every route, every component probed, the log at debug, a reload, a bad reload and the end."""
    (tmp_path / "telltale.py").write_text(TELLTALE)
    text = config(echo, free_port())
    assert all(secret in text or quote(secret, safe="") in text for secret in CANARIES), "one was not planted"
    with Serving(tmp_path, text, "--log-level", "debug", "--log-format", form) as server:
        token = text.rsplit('token = "', 1)[1].partition('"')[0]
        with server.client(headers={"Authorization": f"Bearer {token}"}) as client:
            eventually(lambda: client.get("/-/ready").status_code == 200)
            names = [component["name"] for component in client.get("/api/v1/components").json()["components"]]
            assert len(names) == 18
            for name in names:
                found = client.post(f"/api/v1/components/{name}/check")
                assert not leaks(found.text), (name, found.text)
            for method, path in routes_of(create_app(Monitor())):
                for name in names if "{name" in path else [""]:
                    asked = path.replace("{name:str}", name).replace("{code:int}", "1")
                    if path == "/api/v1/events":
                        asked += "?since=no-id"  # else it would never end
                    answer = client.request(method, asked)
                    assert not leaks(answer.text + str(answer.headers)), (method, path, name, leaks(answer.text))
            server.file.write_text(text.replace('check = "redis"', 'check = "radish"').replace("model =", "modell ="))
            refused = client.post("/-/reload")
            assert refused.status_code == 422
            assert not leaks(refused.text), refused.text
            server.file.write_text(text.replace("[components.llm]", "[components.llm"))
            assert not leaks(client.post("/-/reload").text)
            for guess in (token[:-1], f"{token}x", token.upper()):
                assert not leaks(client.get("/metrics", headers={"Authorization": f"Bearer {guess}"}).text)
        server.end()
        assert "debug" in server.said.lower()
        assert not leaks(server.said), leaks(server.said)


def test_the_state_directory_holds_no_secret_either(tmp_path, echo):
    """History keeps messages: those have been cleaned before they are written."""
    (tmp_path / "telltale.py").write_text(TELLTALE)
    with Serving(tmp_path, config(echo, free_port())) as server, server.client() as client:
        eventually(lambda: client.get("/-/ready").status_code == 200)
        server.end()
    for file in (tmp_path / "state").rglob("*"):
        if file.is_file():
            assert not leaks(file.read_bytes().decode("utf-8", "replace")), file
