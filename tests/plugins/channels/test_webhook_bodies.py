"""What a webhook carries: the seed document's fields, Alertmanager's version 4, and bytes that anybody can read."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import HealthCheck, given, settings
from tests.notices import NASTY, hostile_notifications
from tests.plugins.channels.made import START, make_notice, make_notification

from auscult import AlertSeverity, AlertStatus, ChangeKind
from auscult.alert import Acknowledgement
from auscult_plugins.webhook import WebhookChannel
from auscult_plugins.webhook.bodies import alertmanager_document, document, encode

pytestmark = pytest.mark.anyio


def body(*notices, **fields):
    return json.loads(encode(document(make_notification(*notices, **fields))))


def like_alertmanager(*notices, **fields):
    return json.loads(encode(alertmanager_document(make_notification(*notices, **fields))))


def test_an_alert_has_the_seed_documents_fields():
    """Those of its `GET /alerts`, by the same names, times included."""
    (alert,) = body()["alerts"]
    seed = {name: alert[name] for name in ("name", "severity", "status", "message", "component")}
    assert seed == {
        "name": "component_unhealthy",
        "severity": "high",
        "status": "active",
        "message": "Component stt_client is unhealthy: Connection timeout",
        "component": "stt_client",
    }
    assert (alert["created_at"], alert["updated_at"]) == ("2024-01-15T10:25:00Z", "2024-01-15T10:25:00Z")
    assert alert["id"]


def test_the_rest_says_what_a_receiver_needs():
    """To tell repeats, to know the order, to know what is new."""
    notice = make_notice(ChangeKind.RESOLVED, covers=(1,), by="ann", note="rebooted", number=2)
    told = body(notice, group={"team": "voice"}, sender="prod", test=True)
    assert (told["version"], told["channel"], told["status"], told["test"]) == ("1", "ops", "resolved", True)
    assert (told["key"], told["group"], told["sender"]) == (notice.key, {"team": "voice"}, "prod")
    (alert,) = told["alerts"]
    assert (alert["key"], alert["change"], alert["number"], alert["covers"]) == (notice.key, "resolved", 2, [1])
    assert (alert["by"], alert["note"], alert["resolution"]) == ("ann", "rebooted", "recovered")
    assert alert["resolved_at"] == "2024-01-15T10:26:30Z"


def test_every_field_says_what_it_is_named_after():
    """Each with a value that no other one has."""
    texts = dict.fromkeys(("component", "component_type", "message", "rule", "resolution", "suppressed_by"))
    texts |= dict.fromkeys(("cause", "runbook", "generator"))
    given = {name: f"the {name}" for name in texts} | {"labels": {"a": "label"}, "values": {"a": 1.5}}
    notice = make_notice(
        ChangeKind.NOTED,
        covers=(5, 6),
        first=False,
        by="the author",
        note="the note",
        number=7,
        episodes=3,
        severity=AlertSeverity.LOW,
        status=AlertStatus.SUPPRESSED,
        affected=("x", "y"),
        created_at=1_000,
        updated_at=2_000,
        resolved_at=3_000,
        **given,
    )
    told = body(notice, sender="the sender", url="https://x.example", group={"g": "v"}, created_at=4_000)
    (alert,) = told.pop("alerts")
    assert told == {
        "version": "1",
        "key": notice.key,
        "channel": "ops",
        "status": "firing",
        "created_at": "1970-01-01T00:00:04Z",
        "test": False,
        "sender": "the sender",
        "url": "https://x.example",
        "group": {"g": "v"},
    }
    assert alert == {
        **{name: text for name, text in given.items() if name != "rule"},
        "id": notice.alert.id,
        "name": "the rule",
        "key": notice.key,
        "change": "noted",
        "covers": [5, 6],
        "first": False,
        "by": "the author",
        "note": "the note",
        "number": 7,
        "episodes": 3,
        "severity": "low",
        "status": "suppressed",
        "affected": ["x", "y"],
        "acknowledged": None,
        "created_at": "1970-01-01T00:00:01Z",
        "updated_at": "1970-01-01T00:00:02Z",
        "resolved_at": "1970-01-01T00:00:03Z",
    }


def test_who_has_taken_it_on():
    """And until when."""
    taken = Acknowledgement(author="ann", at=START, note="looking", until=START + 60_000)
    (alert,) = body(make_notice(status=AlertStatus.ACKNOWLEDGED, acknowledged=taken))["alerts"]
    assert alert["acknowledged"] == {
        "author": "ann",
        "at": "2024-01-15T10:25:00Z",
        "note": "looking",
        "until": "2024-01-15T10:26:00Z",
    }


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(notification=hostile_notifications())
def test_any_notification_is_json(notification):
    """In UTF-8, without numbers that JSON does not have, the same bytes for the same notification."""
    for make in (document, alertmanager_document):
        encoded = encode(make(notification))
        assert encoded == encode(make(notification))

        def no_constant(name):
            raise AssertionError(f"{name} is no JSON")

        told = json.loads(encoded.decode("utf-8"), parse_constant=no_constant)
        assert len(told["alerts"]) == len(notification.notices)


@pytest.mark.parametrize("text", NASTY)
def test_texts_arrive_as_they_are(text):
    """But for what UTF-8 does not have."""
    (alert,) = body(make_notice(message=text))["alerts"]
    assert alert["message"] == text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_numbers_that_json_lacks_are_null(value):
    """Other values stay."""
    (alert,) = body(make_notice(values={"a": value, "b": 1.5, "c": "x"}))["alerts"]
    assert alert["values"] == {"a": None, "b": 1.5, "c": "x"}


@pytest.mark.parametrize("at", [-1, 0, 253_402_300_799_999, 10**17])
def test_impossible_times_are_bounded(at):
    """Whoever posts alerts to us may name any."""
    (alert,) = body(make_notice(created_at=at))["alerts"]
    assert alert["created_at"][:4] in ("1970", "9999")


# Alertmanager's form

FIELDS = {
    "version",
    "groupKey",
    "truncatedAlerts",
    "status",
    "receiver",
    "groupLabels",
    "commonLabels",
    "commonAnnotations",
    "externalURL",
    "notification_reason",
    "alerts",
}
ALERT = {"status", "labels", "annotations", "startsAt", "endsAt", "generatorURL", "fingerprint"}


def judge(told) -> None:
    """What a receiver made for Alertmanager's version 4 relies on."""
    assert set(told) == FIELDS
    assert told["version"] == "4"
    assert isinstance(told["truncatedAlerts"], int)
    for name in ("groupLabels", "commonLabels", "commonAnnotations"):
        assert all(isinstance(key, str) and isinstance(value, str) for key, value in told[name].items())
    for alert in told["alerts"]:
        assert set(alert) == ALERT
        assert alert["status"] in ("firing", "resolved")
        assert alert["labels"]["alertname"]
        assert told["commonLabels"].items() <= alert["labels"].items()
        assert told["commonAnnotations"].items() <= alert["annotations"].items()
        assert alert["endsAt"].startswith("0001-01-01") == (alert["status"] == "firing")
        int(alert["fingerprint"], 16)
    firing = any(alert["status"] == "firing" for alert in told["alerts"])
    assert told["status"] == ("firing" if firing else "resolved")


def test_a_firing_alert_in_alertmanagers_form():
    """Labels, annotations, and the zero time for an end that is not yet."""
    told = like_alertmanager(make_notice(runbook="https://wiki/x"))
    judge(told)
    assert (told["receiver"], told["notification_reason"]) == ("ops", "first notification")
    (alert,) = told["alerts"]
    assert alert["labels"] == {
        "team": "voice",
        "alertname": "component_unhealthy",
        "component": "stt_client",
        "severity": "high",
    }
    assert alert["annotations"]["runbook_url"] == "https://wiki/x"
    assert (alert["startsAt"], alert["endsAt"]) == ("2024-01-15T10:25:00Z", "0001-01-01T00:00:00Z")


def test_ends_and_groups_in_alertmanagers_form():
    """What they have in common, the reason, and the real end."""
    over = make_notice(ChangeKind.RESOLVED, component="a", severity=AlertSeverity.LOW)
    told = like_alertmanager(over, make_notice(component="b"), group={"rule": "component_unhealthy"})
    judge(told)
    assert told["groupKey"] == '{}:{rule="component_unhealthy"}'
    assert told["commonLabels"] == {"team": "voice", "alertname": "component_unhealthy"}
    assert told["notification_reason"] == "some alerts resolved"
    assert like_alertmanager(over)["notification_reason"] == "all alerts resolved"
    assert like_alertmanager(over)["alerts"][0]["endsAt"] == "2024-01-15T10:26:30Z"


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(notification=hostile_notifications())
def test_any_notification_in_alertmanagers_form(notification):
    """Holds what receivers rely on."""
    judge(json.loads(encode(alertmanager_document(notification))))


async def test_the_form_is_an_option(send, receiver):
    """And is what is sent."""
    await send(WebhookChannel(webhook_url=receiver.url, format="alertmanager"), make_notification())
    judge(receiver.last.json)
