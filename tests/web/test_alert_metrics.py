"""How alerting is doing, seen from outside: metrics, and the monitor's own component."""

from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families as parse
from tests.plugins.channels.receiver import Receiver, reply
from tests.web.serving import Serving, eventually

from auscult.alert import AlertStatus
from auscult.alerts.outbox import Balance
from auscult.metrics.names import FAMILIES
from auscult.model import AlertSeverity
from auscult.runtime.alert_stats import AlertStats, ChannelFigures, alert_complaints, alert_figures, count_open
from auscult.runtime.delivery import ChannelStats

CONFIG = """
[components.pushed]
check = "push"
failures = 1
[components.auscult]
interval = "1s"
[channels.good]
channel = "webhook"
webhook_url = "http://127.0.0.1:{port}/good"
[channels.down]
channel = "webhook"
webhook_url = "http://127.0.0.1:{port}/down"
[channels.gone]
channel = "webhook"
webhook_url = "http://127.0.0.1:{port}/gone"
[[routes]]
match = {{ rule = "External" }}
channels = ["good", "down", "gone"]
"""


@pytest.fixture
def receiver():
    codes = {"/good": 200, "/down": 503, "/gone": 410}
    found = Receiver()
    found.otherwise = lambda arrived: reply(codes[arrived.path])
    try:
        yield found
    finally:
        found.close()


def samples(client):
    text = client.get("/metrics").text
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in parse(text)
        for sample in family.samples
        if sample.name.startswith(
            ("auscult_alert", "auscult_notice", "auscult_deliver", "auscult_channel", "auscult_ext")
        )
    }


def test_metrics_tell_what_became_of_every_notice(tmp_path, receiver):
    """One channel that works, one that is down, one that refuses: told, waiting, dead; alerts by state and severity."""
    with Serving(tmp_path, CONFIG.format(port=receiver.port)) as server, server.client() as client:
        post = [{"labels": {"alertname": "External", "severity": "critical"}}]
        assert client.post("/api/v2/alerts", json=post).status_code == 200
        client.post("/api/v2/alerts", json=post)

        def found():
            return samples(client)

        def notices(channel, outcome):
            return found()["auscult_notices_total", (("channel", channel), ("outcome", outcome))]

        eventually(lambda: notices("good", "told") == 1)
        eventually(lambda: notices("gone", "dead") == 1)
        eventually(lambda: found()["auscult_deliveries_failed_total", (("channel", "down"),)] >= 2)
        now = found()
        assert now["auscult_notices_waiting", (("channel", "down"),)] == 1
        assert now["auscult_notices_waiting", (("channel", "good"),)] == 0
        assert now["auscult_notices_oldest_waiting_seconds", (("channel", "down"),)] > 0
        assert now["auscult_notices_oldest_waiting_seconds", (("channel", "good"),)] == 0
        assert now["auscult_channel_failing_seconds", (("channel", "down"),)] > 0
        assert now["auscult_alerts", (("severity", "critical"), ("status", "active"))] == 1
        assert now["auscult_alerts", (("severity", "high"), ("status", "active"))] == 1, "the dead letter's own alert"
        assert now["auscult_alerts", (("severity", "info"), ("status", "suppressed"))] == 0
        assert now["auscult_alert_changes_total", (("kind", "fired"),)] == 2
        assert now["auscult_external_alerts", ()] == 1
        assert now["auscult_external_repeats_total", ()] == 1
        assert now["auscult_alerts_commit_failing", ()] == 0
        eventually(lambda: found()["auscult_channel_breaker_open", (("channel", "down"),)] == 1, 60)

        def itself():
            return client.get("/api/v1/components/auscult").json()["measurements"]

        eventually(lambda: itself()["dead_notices"] == 1 and itself()["notices_waiting"] == 1)
        assert itself()["deliveries_failed"] >= 2
        assert itself()["oldest_notice_seconds"] > 0


def stats(**channels):
    nothing = {"offered": 0, "waiting": 0, "told": 0, "merged": 0, "silenced": 0, "dead": 0}
    return AlertStats(
        open=count_open([]),
        changes={},
        channels={
            name: ChannelFigures(
                stats=fields.pop("stats", ChannelStats()),
                balance=Balance(**(nothing | fields.pop("balance", {}))),
                **fields,
            )
            for name, fields in channels.items()
        },
    )


def test_the_monitor_complains_of_channels_that_stay_down():
    """In words, with what waits and why; not of a hiccup."""
    failed = ChannelStats(last_error="answered 503")
    assert alert_complaints(stats(ops={"stats": failed, "failing": 59.0})) == []
    (said,) = alert_complaints(stats(ops={"stats": failed, "failing": 61.0, "balance": {"waiting": 3}}))
    assert said == "the channel ops has failed for 61 s, 3 notices wait: answered 503"
    (said,) = alert_complaints(stats(ops={"stats": ChannelStats(hung=2)}))
    assert "2 deliveries" in said


def test_every_figure_is_in_the_registry_with_its_labels():
    """No name is made up on the way, and each has the labels that the registry says."""
    found = alert_figures(stats(ops={}))
    assert len(found) > 30
    for name, labels in found:
        assert sorted(FAMILIES[name].labels) == [label for label, _ in sorted(labels)]
    assert ("auscult_alerts", (("severity", "low"), ("status", "acknowledged"))) in found
    assert AlertStatus.RESOLVED.value not in {dict(labels).get("status") for _, labels in found}
    assert {dict(labels)["severity"] for name, labels in found if name == "auscult_alerts"} == set(AlertSeverity)


def test_the_figures_are_documented():
    """The metrics page has each of them."""
    page = (Path(__file__).parents[2] / "docs" / "reference" / "metrics.md").read_text()
    for name, _ in alert_figures(stats(ops={})):
        assert f"`{name}`" in page
