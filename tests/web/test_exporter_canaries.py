"""A planted secret in every secret option of every exporter there is: none shows in any endpoint, log or file."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from http.server import ThreadingHTTPServer
from urllib.parse import quote

import pytest
from tests.servers.process import free_port
from tests.web.helpers import routes_of
from tests.web.serving import Serving, eventually
from tests.web.test_channel_canaries import Echo, Planted

from auscult import Catalogue, Monitor, create_app
from auscult.options import secret_fields

TELLTALE = '''
from auscult import DeliveryError, Exporter, SecretStr, hookimpl


class Telltale(Exporter):
    """Says in every way it can what it was told in confidence."""

    kind = "telltale"
    secret: SecretStr
    """What nobody may see."""
    way: str
    """How it tells."""

    async def push(self, snapshot, ctx):
        ctx.log.debug("about to use %s", self.secret)
        ctx.log.warning("%r", self)
        if self.way == "final":
            raise DeliveryError(f"refused: {self.secret}", retry=False)
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

    async def ended(self, ctx):
        raise ValueError(self.secret)

    def close(self):
        raise ValueError(self.secret)


@hookimpl
def auscult_exporters():
    return [Telltale]
'''


class Rejecting(Echo):
    """Takes a request, and says in its receipt that it did not take all of it, and repeats what it was sent."""

    status = 200

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        told = f"{self.path} {self.headers}"
        body = json.dumps(
            {"errors": [told], "partialSuccess": {"rejectedDataPoints": 3, "errorMessage": told}}
        ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_DELETE = answer


@pytest.fixture(scope="module")
def echoes():
    """Four servers: one refuses for good, one for now, one fails, one takes a part; all repeat what they were sent."""
    servers = []
    handlers = [type("Handler", (Echo,), {"status": status}) for status in (403, 429, 500)]
    for handler in (*handlers, Rejecting):
        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), handler))
        threading.Thread(target=servers[-1].serve_forever, args=(0.02,), daemon=True).start()
    yield [f"127.0.0.1:{server.server_port}" for server in servers]
    for server in servers:
        server.shutdown()
        server.server_close()


def tables(planted: Planted, servers: list[str]) -> dict[str, dict[str, object]]:
    """Exporters of every kind, to each of the servers; a secret in each place."""
    make, url = planted.make, planted.url
    found: dict[str, dict[str, object]] = {}
    for at, server in enumerate(servers):
        login = f"me:{quote(make(), safe='')}@{server}"
        found |= {
            f"json-{at}": {
                "exporter": "json",
                "endpoint_url": url(login),
                "headers": {"X-Key": make(), "Authorization": f"Bearer {make()}"},
            },
            f"prometheus-{at}": {
                "exporter": "prometheus",
                "pushgateway_url": url(server, "/gate/"),
                "username": "me",
                "password": make(),
            },
            f"write-{at}": {
                "exporter": "remote-write",
                "url": url(server, "/write/"),
                "username": "me",
                "password": make(),
                "headers": {"X-Scope-OrgID": make()},
            },
            f"token-{at}": {"exporter": "remote-write", "url": url(server), "bearer_token": make("plain")},
            f"otlp-{at}": {
                "exporter": "otlp",
                "url": url(server, "/v1/"),
                "headers": {"Api-Key": make()},
                "protocol": "http/json" if at % 2 else "http/protobuf",
            },
            f"datadog-{at}": {"exporter": "datadog", "api_key": make("plain"), "url": f"http://{server}"},
            f"newrelic-{at}": {"exporter": "newrelic", "license_key": make("plain"), "metrics_url": f"http://{server}"},
        }
    for way in ("final", "cause", "base", "logged"):
        found[f"telltale-{way}"] = {"exporter": "telltale", "way": way, "secret": make()}
    return found


def config(exporters: dict[str, dict[str, object]], token: str) -> str:
    """The whole file: one component, and every exporter."""
    lines = ['plugins = ["./telltale.py"]', "[components.host]", 'check = "host"']
    lines.append(f'[auth.tokens.me]\nrole = "admin"\ntoken = "{token}"')
    for name, table in exporters.items():
        lines.append(f"[exporters.{name}]\ninterval = 0.5")
        lines += [f"{key} = {_toml(value)}" for key, value in table.items()]
    return "\n".join(lines) + "\n"


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + " }"
    return json.dumps(value)


def test_every_secret_option_is_planted():
    """No exporter that is bundled or contributed is left out, nor any secret option of one."""
    used: dict[str, set[str]] = {}
    for table in tables(Planted(), ["a"]).values():
        used.setdefault(str(table["exporter"]), set()).update(table)
    exporters = Catalogue.discover().exporters
    for kind, cls in exporters.items():
        if cls.__module__.startswith("auscult"):
            assert secret_fields(cls) <= used.get(kind, set()), kind


@pytest.mark.timeout(400)
@pytest.mark.parametrize("form", ["text", "json"])
def test_no_exporters_secret_shows(tmp_path, echoes, form):
    """Every endpoint, the log at debug, reloads, the end, the files, and the command line."""
    (tmp_path / "telltale.py").write_text(TELLTALE)
    planted = Planted()
    exporters = tables(planted, [*echoes, f"127.0.0.1:{free_port()}"])
    token = planted.make("plain")
    text = config(exporters, token)
    with Serving(tmp_path, text, "--log-level", "debug", "--log-format", form) as server:
        with server.client(headers={"Authorization": f"Bearer {token}"}) as client:
            client.timeout = 70

            def failed() -> bool:
                listed = client.get("/api/v1/exporters").json()["exporters"]
                quiet = {each["name"] for each in listed if not each["failed"]}
                # A receipt whose complaint nobody reads is a receipt.
                return {re.sub(r"-3$", "", name) for name in quiet} <= {
                    "json",
                    "prometheus",
                    "write",
                    "token",
                    "newrelic",
                }

            eventually(failed)
            for method, path in routes_of(create_app(Monitor())):
                if path == "/api/v1/events":
                    continue
                names = (
                    ["host", *(f"exporter.{name}" for name in list(exporters)[::3])]
                    if "components/{name" in path
                    else ["json-0"]
                )
                for name in names if method == "GET" else names[:2]:
                    asked = re.sub(r"{\w+:\w+}", "1", re.sub(r"{name:str}", name, path))
                    answer = client.request(method, asked)
                    told = answer.text + str(answer.headers)
                    assert not planted.found(told), (method, asked, planted.found(told))
            for wrong in (
                text.replace("endpoint_url =", "endpint_url ="),
                text.replace('exporter = "otlp"', 'exporter = "otpl"'),
                text.replace("license_key = ", "license_key = 5 #"),
                text.replace("http://", "ftp://"),
            ):
                server.file.write_text(wrong)
                answer = client.post("/-/reload")
                assert answer.status_code == 422, answer.text
                assert not planted.found(answer.text), answer.text
            server.file.write_text(text)
            assert client.post("/-/reload").status_code == 200
            _ask_the_command_line(tmp_path, planted, server.url, token)
        server.end()
        assert "DeliveryError" in server.said or "answered 403" in server.said
        assert not planted.found(server.said), [line for line in server.said.splitlines() if planted.found(line)]
    for file in (tmp_path / "state").rglob("*"):
        if file.is_file():
            assert not planted.found(file.read_bytes().decode("utf-8", "replace")), file


def _ask_the_command_line(directory, planted: Planted, url: str, token: str) -> None:
    """What shows a configuration, and what says which exporter fails and why."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("AUSCULT_")}
    environ |= {"AUSCULT_SERVER__PORT": url.rstrip("/").rpartition(":")[2], "AUSCULT_TOKEN": token}
    environ["AUSCULT_STATE_DIR"] = str(directory / "state")

    def said(*command: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "auscult", *command, "--config", str(directory / "auscult.toml")],
            env=environ,
            cwd=directory,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.stdout, done.stderr
        assert not planted.found(done.stdout + done.stderr), (command, done.stdout)
        return done.stdout

    said("config", "show")
    said("plugins")
    # The doctor waits five seconds for a server, which a busy machine does not always give it.
    told = [said("doctor")]
    while "the exporter `json-0` (json) fails" not in told[-1]:
        assert len(told) < 6, told[-1]
        told.append(said("doctor"))
