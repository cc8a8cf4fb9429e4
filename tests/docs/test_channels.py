"""The documentation of channels: a page and a valid sample for each, and examples that do what they say."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import threading
import time
import tomllib
from pathlib import Path

import pytest
from standardwebhooks import Webhook
from tests.notices import RealContext, make_notice, notify
from tests.servers.process import free_port

from auscult import Catalogue, ChangeKind, DeliveryError
from auscult.config import load
from auscult_plugins.webhook import WebhookChannel

pytestmark = pytest.mark.anyio
DOCS = Path(__file__).parents[2] / "docs"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDazT6F0oMrLU="
PAGES = sorted(page.stem for page in (DOCS / "channels").glob("*.md") if page.stem != "index")


@pytest.fixture
async def ctx(anyio_backend):
    async with RealContext() as given:
        yield given


# Pages


def test_every_channel_has_a_page_and_a_sample():
    """None that is bundled or lies under contrib is undocumented; the index has them all."""
    channels = Catalogue.discover().channels
    ours = {kind for kind, cls in channels.items() if cls.__module__.startswith("auscult")}
    index = (DOCS / "channels" / "index.md").read_text()
    assert ours == set(PAGES)
    assert ours == {sample.stem for sample in (DOCS / "examples" / "channels").glob("*.toml")}
    assert all(f"[`{kind}`]({kind}.md)" in index for kind in ours)


@pytest.mark.parametrize("page", PAGES)
def test_pages_have_their_generated_parts(page):
    """The sample and the options of that channel, none other's."""
    text = (DOCS / "channels" / f"{page}.md").read_text()
    assert f"<!-- channel: {page} -->" in text
    assert f"<!-- include: docs/examples/channels/{page}.toml -->" in text


@pytest.mark.parametrize("page", PAGES)
def test_samples_are_valid(page):
    """Configurations without a mistake, whose variables are given."""
    sample = DOCS / "examples" / "channels" / f"{page}.toml"
    kinds = [table["channel"] for table in tomllib.loads(sample.read_text())["channels"].values()]
    environ = dict.fromkeys(("SLACK_WEBHOOK_URL", "DISCORD_WEBHOOK_URL", "TEAMS_WEBHOOK_URL"), "https://example.com/x")
    environ |= dict.fromkeys(("WEBHOOK_TOKEN", "SMTP_PASSWORD", "PAGERDUTY_ROUTING_KEY", "NTFY_TOPIC"), "something")
    environ |= dict.fromkeys(("NTFY_TOKEN", "DD_API_KEY", "TELEGRAM_BOT_TOKEN"), "something")
    environ |= {"MATRIX_URL": "json://example.com", "PATH": "/bin", "WEBHOOK_SECRET": SECRET}
    environ |= {"ALERT_WEBHOOK_URL": "https://example.com/x"} if page == "webhook" else {}  # alone it adds one
    settings, catalogue = load(sample, environ=environ)
    assert [channel.kind for channel in settings.alerting.channels.values()] == kinds
    assert set(kinds) == {page}
    assert not catalogue.problems


# A channel of one's own


def test_the_sample_channel_is_found():
    """By its configuration, as a local plugin."""
    settings, catalogue = load(DOCS / "examples" / "own_channel.toml", environ={"PATH": os.environ["PATH"]})
    assert [channel.kind for channel in settings.alerting.channels.values()] == ["lamp"]
    assert not catalogue.problems


def test_the_sample_channels_tests_pass(tmp_path):
    """As its author runs them: in a directory of their own."""
    for name in ("my_channel.py", "test_my_channel.py"):
        shutil.copy(DOCS / "examples" / name, tmp_path)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed" in done.stdout
    assert "skipped" not in done.stdout


# The receiver


@pytest.fixture(scope="module")
def receiving():
    """The example, as a module."""
    spec = importlib.util.spec_from_file_location("webhook_receiver", DOCS / "examples" / "webhook_receiver.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Running:
    """The example's server in a thread."""

    def __init__(self, receiving, database: Path, secrets: tuple[str, ...] = (SECRET,)) -> None:
        self.told: list[str] = []
        self.ledger = receiving.Ledger(str(database))
        self.server = receiving.make_server(0, list(secrets), self.ledger, self.told.append)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(10)
        self.ledger.close()


@pytest.fixture
def receiver(receiving, tmp_path):
    running = Running(receiving, tmp_path / "received.sqlite")
    yield running
    running.close()


async def test_it_takes_each_change_once(receiver, ctx):
    """However often and in whatever envelope it comes."""
    channel = WebhookChannel(webhook_url=receiver.url, secret=SECRET)
    fired, over = make_notice(), make_notice(ChangeKind.RESOLVED, number=2, first=False)
    for notification in (notify(fired), notify(fired, attempt=2), notify(fired, make_notice(component="b"), key="k")):
        await channel.send(notification, ctx)
    await channel.send(notify(over), ctx)
    channel.close()
    assert [line.split()[:4] for line in receiver.told] == [
        ["active", "high", "component_unhealthy", "stt_client:"],
        ["active", "high", "component_unhealthy", "b:"],
        ["resolved", "high", "component_unhealthy", "stt_client:"],
    ]


async def test_a_late_repeat_changes_nothing(receiver, ctx):
    """What is over stays over."""
    channel = WebhookChannel(webhook_url=receiver.url, secret=SECRET)
    fired, over = make_notice(), make_notice(ChangeKind.RESOLVED, number=2, first=False)
    for notice in (over, fired, fired):
        await channel.send(notify(notice), ctx)
    channel.close()
    rows = receiver.ledger._database.execute("SELECT id, number, status FROM alerts").fetchall()
    assert rows == [(fired.alert.id, 2, "resolved")]


async def test_it_remembers_over_a_restart(receiving, tmp_path, ctx):
    """A repeat after a crash of the receiver is a repeat."""
    told = []
    for _ in range(2):
        running = Running(receiving, tmp_path / "received.sqlite")
        channel = WebhookChannel(webhook_url=running.url, secret=SECRET)
        await channel.send(notify(), ctx)
        channel.close()
        told += running.told
        running.close()
    assert len(told) == 1


async def test_it_believes_nobody_without_the_secret(receiver, ctx):
    """Unsigned, signed with another secret, by the old one of two: only what is signed with its own is taken."""
    for secret in ("", OTHER):
        channel = WebhookChannel(webhook_url=receiver.url, secret=secret)
        with pytest.raises(DeliveryError, match="401") as refused:
            await channel.send(notify(), ctx)
        channel.close()
        assert refused.value.retry is False
    assert not receiver.told
    channel = WebhookChannel(webhook_url=receiver.url, secret=f"{OTHER} {SECRET}")
    await channel.send(notify(), ctx)
    channel.close()
    assert len(receiver.told) == 1


def test_it_verifies_as_the_standards_library_does(receiving):
    """What that signs it takes; changed, old and early it refuses."""
    from datetime import UTC, datetime

    now = int(time.time())
    body, ident = b'{"a": 1}', "key/1/ops"
    signed = Webhook(SECRET).sign(ident, datetime.fromtimestamp(now, UTC), body.decode())
    headers = {"webhook-id": ident, "webhook-timestamp": str(now), "webhook-signature": signed}
    assert receiving.verify(body, headers, [OTHER, SECRET], now) == ident
    wrong = [
        (body + b" ", headers, now),
        (body, headers | {"webhook-id": "key/2/ops"}, now),
        (body, headers | {"webhook-timestamp": str(now + 1)}, now),
        (body, headers | {"webhook-signature": "v1,"}, now),
        (body, headers | {"webhook-signature": "v1,ü"}, now),
        (body, {}, now),
        (body, headers, now + 301),
        (body, headers, now - 301),
    ]
    for changed, given, at in wrong:
        with pytest.raises(receiving.Refused):
            receiving.verify(changed, given, [OTHER, SECRET], at)


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_it_runs_as_a_program(tmp_path, ctx):
    """As its first lines say."""
    port = free_port()
    command = [sys.executable, DOCS / "examples" / "webhook_receiver.py", str(port), str(tmp_path / "r.sqlite")]
    environ = {**os.environ, "WEBHOOK_SECRET": SECRET}
    process = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == f"listening on port {port}\n"
        channel = WebhookChannel(webhook_url=f"http://127.0.0.1:{port}/", secret=SECRET)
        for attempt in (1, 2):
            await channel.send(notify(attempt=attempt), ctx)
        channel.close()
        assert process.stdout.readline().startswith("active high component_unhealthy stt_client: Component")
    finally:
        process.kill()
        rest, _ = process.communicate(timeout=10)
    assert rest == ""
