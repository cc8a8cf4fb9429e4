"""A whole monitor and a real mail server that is down, puts off, comes back: each change arrives once, in a thread."""

from __future__ import annotations

import anyio
import pytest
from tests.servers.process import free_port
from tests.servers.smtp import RESET, mailing

from auscult import Monitor, Reading
from auscult.config import load
from auscult.runtime import backoff

pytestmark = pytest.mark.anyio
CONFIG = """
[server]
name = "voice-prod"
url = "https://auscult.example.com/"
[components.stt_client]
check = "push"
[rules.flag]
condition = "flag > 0"
severity = "high"
cooldown_minutes = 0
[rules.system_unhealthy]
enabled = false
[channels.mail]
channel = "email"
host = "127.0.0.1"
port = PORT
security = "none"
sender = "alerts@example.com"
to = ["ops@example.com"]
timeout = "5s"
[[routes]]
match = { rule = "flag" }
channels = ["mail"]
"""


@pytest.fixture
async def live(tmp_path, monkeypatch, anyio_backend):
    """The monitor, made from a configuration, and the port on which its mail server would listen."""
    monkeypatch.setattr(backoff, "LONGEST", 0.3)
    port = free_port()
    (tmp_path / "auscult.toml").write_text(CONFIG.replace("PORT", str(port)))
    settings, catalogue = load(tmp_path / "auscult.toml", environ={"PATH": "/bin"})
    monitor = Monitor.from_settings(settings, catalogue, state_dir=tmp_path / "state")
    await monitor.run()
    yield monitor, port
    await monitor.stop()


async def until(condition) -> None:
    with anyio.fail_after(40):
        while not condition():
            await anyio.sleep(0.02)


async def test_a_server_that_was_down_gets_everything_once(live):
    """An alert while nobody listens, its end after greylisting: two mails, the second answers the first."""
    monitor, port = live
    monitor.report("stt_client", Reading.healthy(flag=1))
    await until(lambda: monitor.alerts.channel_stats()["mail"].failed >= 2)
    assert "Connection refused" in monitor.alerts.channel_stats()["mail"].last_error
    with mailing(port=port) as server:
        server.answer("RCPT", "451 4.7.1 greylisted")
        await until(lambda: server.taken)
        monitor.report("stt_client", Reading.healthy(flag=0))
        await until(lambda: len(server.taken) == 2)
        await anyio.sleep(0.5)
    first, second = (arrived.message for arrived in server.taken)
    assert first["Subject"] == "[FIRING high] flag: stt_client"
    assert second["Subject"] == "[RESOLVED high] flag: stt_client"
    assert second["In-Reply-To"] == first["Message-ID"]
    assert '<a href="https://auscult.example.com">voice-prod</a>' in server.taken[0].html
    assert monitor.alerts.channel_stats()["mail"].given_up == 0


async def test_a_mail_whose_receipt_was_lost_comes_again_as_the_same(live):
    """The connection breaks after the content: the server may have it, so the repeat has its id and its bytes."""
    monitor, port = live
    with mailing(port=port) as server:
        server.answer("DATA", RESET, RESET)
        monitor.report("stt_client", Reading.healthy(flag=1))
        await until(lambda: server.taken)
    assert len(server.broken) == 2
    assert {arrived.content for arrived in server.broken} == {server.taken[0].content}


async def test_a_refusal_for_good_is_a_dead_letter(live):
    """And an alert itself."""
    monitor, port = live
    with mailing(port=port) as server:
        server.unknown["ops@example.com"] = "550 5.1.1 no such user"
        monitor.report("stt_client", Reading.healthy(flag=1))
        await until(lambda: monitor.alerts.channel_stats()["mail"].given_up == 1)
        await until(lambda: [alert for alert in monitor.alerts.alerts() if alert.rule == "delivery_failed"])
    assert server.commands.count("RCPT ops@example.com") == 1
    assert not server.taken


async def test_a_trial_names_this_installation(live):
    """By the name and the address of its configuration."""
    monitor, port = live
    with mailing(port=port) as server:
        tried = await monitor.alerts.try_channel("mail")
    assert tried.error == ""
    (arrived,) = server.taken
    assert arrived.message["Subject"] == "[TEST] [FIRING info] test: auscult"
    assert "voice-prod: https://auscult.example.com" in arrived.text
