"""Fifty planted secrets, in every secret option of every channel there is: none shows in any endpoint, log or file."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote

import pytest
from tests.servers.process import free_port
from tests.servers.smtp import mailing
from tests.web.helpers import routes_of
from tests.web.serving import Serving, eventually

from auscult import Catalogue, Monitor, create_app
from auscult.options import secret_fields

COUNT = 50
TELLTALE = '''
from auscult import Channel, DeliveryError, SecretStr, hookimpl


class Telltale(Channel):
    """Says in every way it can what it was told in confidence."""

    kind = "telltale"
    secret: SecretStr
    """What nobody may see."""
    way: str
    """How it tells."""

    async def send(self, notification, ctx):
        ctx.log.debug("about to use %s", self.secret, extra={"used": {self.secret: [self.secret]}})
        ctx.log.warning("%r", self)
        if self.way == "final":
            raise DeliveryError(f"refused: {self.secret}", retry=False)
        if self.way == "later":
            raise DeliveryError(f"not now: {self.secret}")
        if self.way == "cause":
            try:
                {}[self.secret]
            except KeyError as error:
                raise RuntimeError(f"cannot log in with {self.secret}") from error
        if self.way == "base":
            raise BaseException(self.secret)
        try:
            raise ValueError(self.secret)
        except ValueError:
            ctx.log.exception("went wrong with %s", self.secret)
        raise OSError(self.secret)

    def close(self):
        raise ValueError(self.secret)


@hookimpl
def auscult_channels():
    return [Telltale]
'''


class Planted:
    """Makes secrets, each in a form that its option takes, and finds them however they are spelled."""

    def __init__(self) -> None:
        self.secrets: list[str] = []

    def make(self, form: str = "any") -> str:
        """A new one: with characters that URLs and JSON write in other ways, or plain ones, or a key to sign with."""
        number = len(self.secrets)
        secret = f"canary-{number:02}-Zq7/x%{number}" if form == "any" else f"canary-{number:02}-Zq7xKp0aR5wT"
        if form == "key":
            secret = base64.b64encode(f"{secret}-{'k' * 12}".encode()).decode()
        self.secrets.append(secret)
        return secret

    def url(self, server: str, path: str = "/hook/") -> str:
        """An address with one in its path."""
        return f"http://{server}{path}{self.make('plain')}"

    def found(self, text: str) -> list[str]:
        """Those that `text` tells."""
        return [secret for secret in self.secrets if any(spelled in text for spelled in self._spellings(secret))]

    @staticmethod
    def _spellings(secret: str) -> set[str]:
        pairs = {base64.b64encode(f"{user}:{secret}".encode()).decode() for user in ("", "me")}
        plain = base64.b64encode(f"\0me\0{secret}".encode()).decode()
        encoded = base64.b64encode(secret.encode()).decode()
        return {secret, quote(secret), quote(secret, safe=""), encoded, plain, json.dumps(secret)[1:-1]} | pairs


class Echo(BaseHTTPRequestHandler):
    """Refuses, and says everything it was sent: headers, address and body."""

    status = 403

    def answer(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = f"{self.path}\n{self.headers}\n".encode() + self.rfile.read(length)
        self.send_response(self.status, "no")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Echo", str(self.headers.get("Authorization")))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = answer

    def log_message(self, *_) -> None:
        pass


@pytest.fixture(scope="module")
def echoes():
    """Three servers: one refuses for good, one for now, one fails."""
    servers = []
    for status in (403, 429, 500):
        handler = type("Handler", (Echo,), {"status": status})
        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), handler))
        threading.Thread(target=servers[-1].serve_forever, args=(0.02,), daemon=True).start()
    yield [f"127.0.0.1:{server.server_port}" for server in servers]
    for server in servers:
        server.shutdown()
        server.server_close()


def tables(planted: Planted, echoes: list[str], closed: str, mail_port: int) -> dict[str, dict[str, object]]:
    """Channels of every kind, to servers that refuse, slow down, fail, and are not there; a secret in each place."""
    make, url = planted.make, planted.url
    found: dict[str, dict[str, object]] = {}
    for at, server in enumerate((*echoes[:2], closed)):
        found |= {
            f"webhook-{at}": {
                "channel": "webhook",
                "webhook_url": url(f"me:{quote(make(), safe='')}@{server}"),
                "headers": {"X-Key": make(), "Authorization": f"Bearer {make()}", "Cookie": f"a={make()}"},
                "secret": f"whsec_{make('key')}",
            },
            f"slack-{at}": {"channel": "slack", "webhook_url": url(server, "/services/")},
            f"discord-{at}": {"channel": "discord", "webhook_url": url(server, "/api/webhooks/1/")},
            f"pagerduty-{at}": {"channel": "pagerduty", "routing_key": make("plain"), "url": f"http://{server}/v2"},
            f"telegram-{at}": {
                "channel": "telegram",
                "bot_token": f"1:{make('plain')}",
                "chat_id": 5,
                "url": f"http://{server}",
            },
        }
    for at, server in enumerate((echoes[2], closed)):
        found |= {
            f"teams-{at}": {"channel": "teams", "webhook_url": url(server, "/workflows/")},
            f"ntfy-{at}": {
                "channel": "ntfy",
                "topic": make("plain"),
                "token": make() if at else "",
                "username": "" if at else "me",
                "password": "" if at else make(),
                "url": f"http://{server}",
            },
            f"alertmanager-{at}": {
                "channel": "alertmanager",
                "url": f"http://{server}",
                "token": make() if at else "",
                "username": "" if at else "me",
                "password": "" if at else make(),
            },
            f"datadog-{at}": {"channel": "datadog", "api_key": make("plain"), "url": f"http://{server}"},
            f"apprise-{at}": {"channel": "apprise", "url": f"json://me:{make('plain')}@{server}/x"},
            f"email-{at}": {
                "channel": "email",
                "host": "127.0.0.1",
                "port": int(closed.partition(":")[2]) if at else mail_port,
                "security": "none",
                "sender": "a@example.com",
                "to": ["b@example.com"],
                "username": "me",
                "password": make(),
            },
        }
    found["template"] = {
        "channel": "webhook",
        "webhook_url": f"http://{echoes[0]}/",
        "headers": {"X-Key": make()},
        "format": "template",
        "template": "{{ alert.message | tojson }}",
    }
    for way in ("final", "later", "cause", "base", "logged"):
        found[f"telltale-{way}"] = {"channel": "telltale", "way": way, "secret": make()}
    return found


def config(channels: dict[str, dict[str, object]], token: str) -> str:
    """The whole file: one component that fails at once, and every channel."""
    lines = [
        'plugins = ["./telltale.py"]',
        "[components.broken]",
        'check = "command"',
        'argv = ["/bin/false"]',
        "failures = 1",
        f'[auth.tokens.me]\nrole = "admin"\ntoken = "{token}"',
        "[channels.log]",
        'channel = "log"',
    ]
    for name, table in channels.items():
        lines.append(f"[channels.{name}]")
        lines += [f"{key} = {_toml(value)}" for key, value in table.items()]
    return "\n".join(lines) + "\n"


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + " }"
    return json.dumps(value)


def test_every_secret_option_is_planted():
    """No channel that is bundled or contributed is left out, nor any secret option of one."""
    planted = Planted()
    used: dict[str, set[str]] = {}
    for table in tables(planted, ["a", "b", "c"], "d:1", 1).values():
        used.setdefault(str(table["channel"]), set()).update(key for key, value in table.items() if value)
    channels = Catalogue.discover().channels
    ours = {kind: cls for kind, cls in channels.items() if cls.__module__.startswith("auscult")}
    assert {kind for kind, cls in ours.items() if secret_fields(cls)} <= set(used)
    for kind, cls in ours.items():
        assert secret_fields(cls) <= used.get(kind, set()), kind
    assert len(planted.secrets) >= COUNT


@pytest.mark.filterwarnings("ignore:Requiring AUTH")
@pytest.mark.parametrize("form", ["text", "json"])
def test_no_channels_secret_shows(tmp_path, echoes, form):
    """An alert to all of them, a test of each, every endpoint, the log at debug, reloads, the end, and the files."""
    (tmp_path / "telltale.py").write_text(TELLTALE)
    planted = Planted()
    with mailing(logins={"me": "another"}) as mail:
        channels = tables(planted, echoes, f"127.0.0.1:{free_port()}", mail.port)
        token = planted.make("plain")
        text = config(channels, token)
        with Serving(tmp_path, text, "--log-level", "debug", "--log-format", form) as server:
            with server.client(headers={"Authorization": f"Bearer {token}"}) as client:
                client.timeout = 70
                eventually(lambda: all(_failed(client, name) for name in channels))
                _ask_everything(client, planted, [*channels, "log"])
                _reload_badly(server, client, planted, text)
            server.end()
            assert "[FIRING" in server.said
            assert "debug" in server.said.lower()
            assert not planted.found(server.said), _lines(server.said, planted)
    for file in (tmp_path / "state").rglob("*"):
        if file.is_file():
            assert not planted.found(file.read_bytes().decode("utf-8", "replace")), file
    _ask_the_command_line(tmp_path, planted)


def _failed(client, name: str) -> bool:
    """Whether that channel has failed at least once."""
    return next(each for each in client.get("/api/v1/channels").json()["channels"] if each["name"] == name)[
        "last_error"
    ]


def _lines(said: str, planted: Planted) -> list[str]:
    return [line for line in said.splitlines() if planted.found(line)]


def _ask_everything(client, planted: Planted, channels: list[str]) -> None:
    for name in channels:
        answer = client.post(f"/api/v1/channels/{name}/test")
        assert not planted.found(answer.text), (name, answer.text)
        assert name == "log" or answer.json()["error"], name
    alerts = [alert["id"] for alert in client.get("/api/v1/alerts").json()["alerts"]]
    assert alerts
    for method, path in routes_of(create_app(Monitor())):
        if path == "/api/v1/events":
            continue
        names = ["broken", *channels[:3]] if "{name" in path else alerts[:3] if "{ident" in path else [""]
        for name in names:
            asked = re.sub(r"{(name|ident):str}", name, path)
            asked = re.sub(r"{\w+:\w+}", "1", asked)
            answer = client.request(method, asked)
            told = answer.text + str(answer.headers)
            assert not planted.found(told), (method, asked, planted.found(told))
    assert not planted.found(_stream(client))


def _stream(client) -> str:
    """What the stream of events says at its beginning: components and open alerts."""
    told, begin = "", time.monotonic()
    with client.stream("GET", "/api/v1/events") as answer:
        assert answer.status_code == 200, answer.read()
        for part in answer.iter_text():
            told += part
            if "event: ready" in told or time.monotonic() - begin > 20:
                break
    assert "broken" in told
    return told


def _reload_badly(server: Serving, client, planted: Planted, text: str) -> None:
    """Mistakes are told by key, not by value."""
    for wrong in (
        text.replace("webhook_url =", "webhok_url ="),
        text.replace('channel = "slack"', 'channel = "slak"'),
        text.replace("routing_key = ", "routing_key = 5 #"),
        text.replace("secret = ", "secret = [] #"),
        text.replace("whsec_", "whsec_!"),
        text.replace("http://", "ftp://"),
        text.replace("[channels.slack-0]", "[channels.slack-0"),
    ):
        server.file.write_text(wrong)
        answer = client.post("/-/reload")
        assert answer.status_code == 422, answer.text
        assert not planted.found(answer.text), answer.text
    server.file.write_text(text)
    assert client.post("/-/reload").status_code == 200


def _ask_the_command_line(directory, planted: Planted) -> None:
    """What shows a configuration shows it masked."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("AUSCULT_")}
    for command in (["config", "show"], ["plugins"], ["doctor"]):
        done = subprocess.run(
            [sys.executable, "-m", "auscult", *command, "--config", str(directory / "auscult.toml")],
            cwd=directory,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=110,
        )
        assert done.stdout, done.stderr
        assert not planted.found(done.stdout + done.stderr), command
