"""The recipes for vendors, judged by receivers that take what the vendor takes, and nothing else."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from tests.notices import NASTY, RealContext, make_notice, notify
from tests.servers.vendor import Answer, Refused, Request, serving

from auscult import AlertSeverity, ChangeKind, DeliveryError
from auscult.alert_manager import test_notification as trial
from auscult.config import load

pytestmark = pytest.mark.anyio
RECIPES = Path(__file__).parents[2] / "docs" / "examples" / "recipes"
KEY = "0123456789abcdef0123456789abcdefNRAL"


@pytest.fixture
async def ctx(anyio_backend):
    async with RealContext() as given:
        yield given


def channel_of(recipe: str, **environ: str):
    """The recipe's one channel, as the configuration makes it."""
    settings, catalogue = load(RECIPES / f"{recipe}.toml", environ=environ)
    assert not catalogue.problems
    assert not [finding for finding in settings.warnings if "channel" in str(finding)]
    ((name, channel),) = settings.alerting.channels.items()
    assert name == recipe
    return channel


def now_ms() -> int:
    return int(time.time() * 1000)


def recent(kind: ChangeKind = ChangeKind.FIRED, **changes):
    """A notice of just now: vendors drop what is old."""
    now = now_ms()
    over = kind is ChangeKind.RESOLVED
    return make_notice(kind, created_at=now - 60_000, updated_at=now, resolved_at=now if over else None, **changes)


# New Relic


def judge_metrics(document) -> None:
    """The Metric API's schema and limits."""
    if not isinstance(document, list) or not document:
        raise Refused("an array of objects")
    for block in document:
        if set(block) - {"common", "metrics"} or not block.get("metrics"):
            raise Refused("common and metrics")
        if set(block.get("common", {})) - {"timestamp", "interval.ms", "attributes"}:
            raise Refused("unknown key in common")
        for metric in block["metrics"]:
            judge_metric(metric, block.get("common", {}))


def judge_metric(metric, common) -> None:
    if set(metric) - {"name", "type", "value", "timestamp", "interval.ms", "attributes"}:
        raise Refused("unknown key in a metric")
    if not 1 <= len(metric["name"]) <= 255 or not re.fullmatch(r"[A-Za-z_:][\w.:-]*", metric["name"]):
        raise Refused("name")
    if metric["type"] != "gauge" or isinstance(metric["value"], bool) or not isinstance(metric["value"], int | float):
        raise Refused("a gauge has a number")
    at = metric.get("timestamp", common.get("timestamp"))
    if not isinstance(at, int) or not now_ms() - 48 * 3_600_000 < at < now_ms() + 24 * 3_600_000:
        raise Refused(f"timestamp {at}: ms, at most 48 h old and 24 h ahead")
    attributes = {**common.get("attributes", {}), **metric.get("attributes", {})}
    if len(attributes) > 150:
        raise Refused("more than 150 attributes")
    for name, value in attributes.items():
        if not 1 <= len(name) <= 255 or not isinstance(value, str | int | float | bool):
            raise Refused(f"attribute {name}")
        if (isinstance(value, str) and len(value.encode()) > 4096 * 4) or len(str(value)) > 4096:
            raise Refused(f"attribute {name} is too long")


def new_relic_judge(request: Request) -> Answer:
    if request.headers.get("api-key") != KEY:
        return Answer(403, "")
    if (request.method, request.path) != ("POST", "/metric/v1"):
        return Answer(404, "")
    if not request.headers.get("content-type", "").startswith("application/json"):
        return Answer(415, "")
    if len(request.body) > 1_000_000:
        return Answer(413, "")
    judge_metrics(request.json)
    return Answer(202, {"requestId": "f0e7bfff-001a-b000-0000-01682bcf4565"})


@pytest.fixture
def new_relic():
    with serving(new_relic_judge) as vendor:
        yield vendor


@pytest.fixture
def to_new_relic(new_relic):
    made = channel_of(
        "new-relic", NEW_RELIC_METRIC_URL=f"{new_relic.url}/metric/v1", NEW_RELIC_LICENSE_KEY=KEY, PATH="/bin"
    )
    yield made
    made.close()


async def test_new_relic_has_a_gauge_per_alert(new_relic, to_new_relic, ctx):
    """1 while it goes on, 0 when it is over, at the time of the change."""
    for notice in (recent(), recent(ChangeKind.RESOLVED)):
        await to_new_relic.send(notify(notice), ctx)
        (block,) = new_relic.last
        (metric,) = block["metrics"]
        assert (metric["name"], metric["type"]) == ("auscult.alert", "gauge")
        assert metric["value"] == (1 if notice.alert.status.is_open else 0)
        assert metric["timestamp"] == notice.alert.updated_at
        assert metric["attributes"]["alert.id"] == notice.alert.id
        assert metric["attributes"]["delivery.key"] == notice.key
        assert metric["attributes"]["severity"] == "high"


async def test_new_relic_takes_groups_tests_and_any_text(new_relic, to_new_relic, ctx):
    """Many alerts in one request; a trial; whatever stands in an alert."""
    await to_new_relic.send(notify(*(recent(component=f"c{i}") for i in range(500)), key="k"), ctx)
    assert len(new_relic.last[0]["metrics"]) == 500
    await to_new_relic.send(trial("new-relic", now_ms()), ctx)
    for text in NASTY:
        await to_new_relic.send(notify(recent(rule=text, component=text, message=text, runbook=text), sender=text), ctx)
    assert len(new_relic.taken) == 2 + len(NASTY)


async def test_new_relics_refusals(new_relic, to_new_relic, ctx):
    """A wrong key is permanent; being slowed down is not. The judge itself refuses what is wrong."""
    new_relic.fail(Answer(403, ""), Answer(429, "", {"Retry-After": "60"}))
    with pytest.raises(DeliveryError, match="403") as wrong:
        await to_new_relic.send(notify(recent()), ctx)
    with pytest.raises(DeliveryError, match="429") as slow:
        await to_new_relic.send(notify(recent()), ctx)
    assert (wrong.value.retry, slow.value.retry, slow.value.retry_after) == (False, True, 60.0)
    with pytest.raises(DeliveryError, match="timestamp") as old:
        await to_new_relic.send(notify(), ctx)  # of 2024
    assert old.value.retry is False


# Datadog


def judge_event(event) -> None:
    """The schema and limits of events v1."""
    known = {"title", "text", "alert_type", "priority", "tags", "aggregation_key"}
    if set(event) - known - {"host", "source_type_name", "date_happened", "device_name", "related_event_id"}:
        raise Refused("unknown key")
    if not 1 <= len(event["title"]) <= 100 or not 1 <= len(event["text"]) <= 4000:
        raise Refused("title or text")
    if event["alert_type"] not in ("error", "warning", "info", "success"):
        raise Refused("alert_type")
    if event["priority"] not in ("normal", "low") or len(event["aggregation_key"]) > 100:
        raise Refused("priority or aggregation_key")
    if len(event["tags"]) > 100 or any(not 1 <= len(tag) <= 200 or not tag[0].isalpha() for tag in event["tags"]):
        raise Refused("tags")
    if event["text"].lstrip().startswith("%%%") or re.search(r"@[\w.-]", event["text"]):
        raise Refused("Markdown, or somebody is mentioned")


def datadog_judge(request: Request) -> Answer:
    if request.headers.get("dd-api-key") != KEY:
        return Answer(403, {"errors": ["Forbidden"]})
    if (request.method, request.path) != ("POST", "/api/v1/events"):
        return Answer(404, {"errors": ["Not Found"]})
    judge_event(request.json)
    return Answer(202, {"status": "ok"})


@pytest.fixture
def datadog():
    with serving(datadog_judge) as vendor:
        yield vendor


@pytest.fixture
def to_datadog(datadog):
    made = channel_of("datadog", DATADOG_EVENTS_URL=f"{datadog.url}/api/v1/events", DD_API_KEY=KEY, PATH="/bin")
    yield made
    made.close()


async def test_datadog_has_an_event_per_notification(datadog, to_datadog, ctx):
    """With the type of its severity, and the key that joins beginning and end."""
    for severity, kind in zip(AlertSeverity, ("error", "error", "warning", "warning", "info"), strict=True):
        await to_datadog.send(notify(make_notice(severity=severity)), ctx)
        assert datadog.last["alert_type"] == kind
    await to_datadog.send(notify(make_notice(ChangeKind.RESOLVED)), ctx)
    assert datadog.last["alert_type"] == "success"
    assert datadog.last["title"] == "[resolved high] component_unhealthy stt_client"
    assert datadog.last["tags"][-1] == "status:resolved"
    assert {event.json["aggregation_key"] for event in datadog.taken} == {make_notice().alert.id}


async def test_datadog_takes_tests_and_any_text(datadog, to_datadog, ctx):
    """Nobody is mentioned, nothing is formatted, nothing is too long."""
    await to_datadog.send(trial("datadog", now_ms()), ctx)
    await to_datadog.send(notify(make_notice(), make_notice(component="b"), key="k"), ctx)
    assert datadog.last["text"].strip().endswith("and 1 more")
    for text in [*NASTY, "@everyone", "%%% \n*x*\n %%%", "@" * 4000]:
        await to_datadog.send(notify(make_notice(rule=text, component=text, message=text)), ctx)


def test_datadog_gets_alerts_one_by_one():
    """The route says so: an event is about one alert."""
    settings, _ = load(RECIPES / "datadog.toml", environ={"DD_API_KEY": KEY, "PATH": "/bin"})
    (route,) = settings.alerting.routes
    assert (route.channels, route.group_by) == (("datadog",), ("...",))
