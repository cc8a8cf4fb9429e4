"""The channel with the real Apprise, which sends to a receiver on the loopback."""

import logging
import re
import traceback

import apprise
import pytest
from tests.channel_proofs import prove_hostile_texts, prove_installed
from tests.notices import RUNBOOK, make_notice, notify
from tests.servers.vendor import RESET, Answer, Refused, Request, serving

from auscult import AlertSeverity, AlertStatus, ChangeKind, DeliveryError
from auscult.options import public
from auscult_apprise import AppriseChannel

pytestmark = pytest.mark.anyio
PATH = "/hook/canary-token-0123456789"


def judge(request: Request) -> Answer:
    if request.path.partition("?")[0] not in (PATH, "/message"):
        return Answer(404, "no such hook")
    message = request.json
    if not message["message"] or not message["title"] or len(message["title"]) > 250:
        raise Refused("empty or too long")
    return Answer(200, {"id": 1})


@pytest.fixture
def service():
    with serving(judge) as running:
        yield running


def channel(service, path=PATH):
    return AppriseChannel(url=service.url.replace("http://", "json://") + path)


async def test_a_firing_alert(service, ctx):
    """Title, text, type, by Apprise's own way of posting JSON."""
    await channel(service).send(notify(), ctx)
    assert service.last["title"] == "[FIRING high] component_unhealthy: stt_client"
    assert service.last["type"] == "failure"
    assert service.last["message"].startswith("Component stt_client is unhealthy: Connection timeout\n")
    assert f"Runbook: {RUNBOOK}" in service.last["message"]


async def test_another_service(service, ctx):
    """Gotify, by its own form of address: nothing here is made for one service."""
    url = service.url.replace("http://", "gotify://") + "/AbCdEfGhIjKlMno"
    await AppriseChannel(url=url).send(notify(), ctx)
    assert service.taken[-1].path.startswith("/message")
    assert service.last["title"] == "[FIRING high] component_unhealthy: stt_client"


async def test_types(service, ctx):
    """Grave, less grave, taken on, over, and a test."""
    taken = make_notice(ChangeKind.ACKNOWLEDGED, status=AlertStatus.ACKNOWLEDGED)
    for notification in (
        notify(make_notice(severity=AlertSeverity.CRITICAL)),
        notify(make_notice(severity=AlertSeverity.LOW)),
        notify(taken),
        notify(make_notice(ChangeKind.RESOLVED)),
        notify(test=True),
    ):
        await channel(service).send(notification, ctx)
    said = [request.json["type"] for request in service.taken]
    assert said == ["failure", "warning", "info", "success", "info"]
    assert service.last["title"].startswith("[TEST] ")


@pytest.mark.parametrize("count", [2, 60, 3000])
async def test_many_alerts_are_one_message(service, ctx, count):
    """All are named as long as that is possible, and counted beyond."""
    await channel(service).send(notify(*(make_notice(rule=f"rule {number};") for number in range(count))), ctx)
    assert len(service.taken) == 1
    left = re.search(r"… and (\d+) more", service.last["message"])
    named = len(set(re.findall(r"rule \d+;", service.last["message"])))
    assert named + int(left[1] if left else 0) == count


async def test_a_service_that_takes_little(service, ctx, monkeypatch):
    """An SMS is cut, and one message all the same."""
    monkeypatch.setattr(apprise.Apprise.instantiate("json://localhost").__class__, "body_maxlen", 160)
    await channel(service).send(notify(*(make_notice(rule=f"rule {number};") for number in range(30))), ctx)
    assert len(service.taken) == 1
    assert len(service.last["message"]) <= 160


@pytest.mark.parametrize("fault", [Answer(429), Answer(500), Answer(403), RESET])
async def test_every_failure_is_tried_again(service, ctx, fault):
    """Apprise does not say whether that can help; why it failed is passed on."""
    service.fail(fault)
    with pytest.raises(DeliveryError, match=r"apprise could not send: \w") as failed:
        await channel(service).send(notify(), ctx)
    assert failed.value.retry
    assert "does not say why" not in str(failed.value)
    assert service.seen == 1
    await channel(service).send(notify(), ctx)
    assert service.taken


@pytest.mark.parametrize("url", ["nonsense://x", "json://", "x"])
async def test_an_address_that_is_none_is_permanent(ctx, url):
    """Nobody waits for a day to hear of a typing mistake."""
    with pytest.raises(DeliveryError, match="no address") as failed:
        await AppriseChannel(url=url).send(notify(), ctx)
    assert not failed.value.retry


async def test_the_address_is_secret(service, ctx, caplog):
    """In no representation, message, traceback, and in no log that is not for debugging Apprise."""
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.INFO, logger="apprise")
    shown = [repr(channel(service)), str(public(channel(service)))]
    await channel(service).send(notify(), ctx)
    for fault in (Answer(403, PATH), RESET):
        service.fail(fault)
        with pytest.raises(DeliveryError) as failed:
            await channel(service).send(notify(), ctx)
        shown.append("".join(traceback.format_exception(failed.value)))
    shown += [record.getMessage() for record in caplog.records if record.name.startswith(("apprise", "auscult"))]
    assert not [text for text in shown if "canary-token" in text]


async def test_an_exception_in_apprise_is_told_without_secrets(service, ctx, monkeypatch):
    """Plugins of Apprise can fail in any way."""

    def fail(self, **_):
        raise RuntimeError(f"boom {PATH}")

    monkeypatch.setattr(apprise.Apprise, "notify", fail)
    with pytest.raises(DeliveryError, match="RuntimeError: boom") as failed:
        await channel(service).send(notify(), ctx)
    assert failed.value.retry
    assert "canary-token" not in "".join(traceback.format_exception(failed.value))


async def test_hostile_texts_arrive(service, ctx, monkeypatch):
    """Whatever they are."""
    monkeypatch.setattr(apprise.plugins.base.NotifyBase, "request_rate_per_sec", 0)
    await prove_hostile_texts(channel(service), service, ctx)


def test_it_says_that_it_cannot_know():
    """People are shown that."""
    assert AppriseChannel.best_effort


def test_it_is_installed_and_documented():
    """By its entry point."""
    prove_installed(AppriseChannel, "auscult-apprise", __file__)
