"""The check `metric`: what answers mean, and the whole way from a recorded number to an alert."""

from __future__ import annotations

import anyio
import msgspec
import pytest
from prometheus_client import CollectorRegistry, Gauge

from auscult import AlertSeverity, Component, MetricAnswer, Monitor, Status, Track
from auscult.options import convert_options
from auscult.rules.rule import AlertRule
from auscult_plugins.metric import MetricCheck, judge


def check(**options: object) -> MetricCheck:
    """As a configuration makes one."""
    return convert_options({"metric": "load"} | options, MetricCheck)


def answer(*lines: tuple[dict[str, str], float | None], reason: str = "") -> MetricAnswer:
    """Lines of one stretch."""
    tracks = [Track(labels=labels, values=[value], reason=reason) for labels, value in lines]
    return MetricAnswer(times=[0], step=1000, tracks=tracks, reason="" if tracks else reason)


@pytest.mark.parametrize(
    ("options", "value", "status", "message"),
    [
        ({}, 5.0, "healthy", "load is 5"),
        ({"degraded_above": 4, "unhealthy_above": 8}, 4.0, "healthy", "load is 4"),
        ({"degraded_above": 4, "unhealthy_above": 8}, 4.5, "degraded", "load is 4.5, above 4"),
        ({"degraded_above": 4, "unhealthy_above": 8}, 9.0, "unhealthy", "load is 9, above 8"),
        ({"degraded_below": 2, "unhealthy_below": 1}, 1.5, "degraded", "load is 1.5, below 2"),
        ({"degraded_below": 2, "unhealthy_below": 1}, 0.0, "unhealthy", "load is 0, below 1"),
        ({"unhealthy_above": 1, "function": "rate"}, 2.0, "unhealthy", "rate of load is 2, above 1"),
        ({"unhealthy_above": 1, "function": "quantile", "q": 0.99}, 2.0, "unhealthy", "p99 of load is 2, above 1"),
    ],
)
def test_levels(options, value, status, message):
    """On both sides, the worse one first."""
    reading = judge(check(**options), answer(({}, value)))
    assert (reading.status, reading.message) == (status, message)
    assert reading.measurements == {"value": value, "lines": 1.0}


def test_the_worst_line_counts():
    """By level, then by how far it is out; its labels are named."""
    lines = [({"host": "a"}, 3.0), ({"host": "b"}, 9.0), ({"host": "c"}, 8.5), ({"host": "d"}, None)]
    reading = judge(check(unhealthy_above=8), answer(*lines))
    assert reading.message == 'load{host="b"} is 9, above 8'
    assert reading.measurements == {"value": 9.0, "lines": 3.0}
    reading = judge(check(unhealthy_below=8.8), answer(*lines))
    assert reading.message == 'load{host="a"} is 3, below 8.8'


@pytest.mark.parametrize("no_data", ["unknown", "healthy", "degraded", "unhealthy"])
def test_no_number_is_what_the_user_says(no_data):
    """With the reason where there is one, and no measurement: absent is not zero."""
    why = "not computable, because the histogram has a single bucket"
    for found, message in (
        (answer(reason="there is no `load` in the history"), "there is no `load` in the history"),
        (answer(({}, None), reason=why), why),
        (answer(({}, None)), "nothing is known of `load` in the last 5m"),
    ):
        reading = judge(check(no_data=no_data), found)
        assert (reading.status, reading.message) == (no_data, message)
        assert not reading.measurements


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"metric": ""}, "`metric` names the sample"),
        ({"q": 95}, "expected a number from 0 to 1"),
        ({"window": "10ms"}, "at least 1s"),
        ({"where": ["nonsense"]}, "is not a matcher"),
        ({"function": "median"}, "median"),
    ],
)
def test_options_that_make_no_sense(options, sentence):
    """One sentence for each."""
    with pytest.raises((ValueError, msgspec.ValidationError), match=sentence):
        check(**options)


@pytest.mark.anyio
async def test_from_a_number_to_an_alert(tmp_path):
    """Recorded with prometheus_client, kept, judged, alerted on by a rule over the component, and resolved."""
    registry = CollectorRegistry()
    queue = Gauge("queue_length", "Jobs.", ["name"], registry=registry)
    queue.labels("mail").set(1)
    watched = check(metric="queue_length", where=["name=mail"], function="last", window="1s", unhealthy_above=10)
    monitor = Monitor(
        [Component(name="queue", check=watched, interval=0.1, failures=1, successes=1)], state_dir=tmp_path
    )
    monitor.metrics.store_interval = 0.1
    monitor.metrics.add_registry(registry)
    monitor.alerts.add_rule(
        AlertRule("queue_long", lambda data: data.get("value", 0) > 100, AlertSeverity.HIGH, "{component}: {value:.0f}")
    )

    async def until(happens):
        with anyio.fail_after(20):
            while not happens():
                await anyio.sleep(0.05)

    def firing():
        return [alert.message for alert in monitor.alerts.open_alerts() if alert.rule == "queue_long"]

    async with monitor:
        await until(lambda: monitor.component_health("queue").status is Status.HEALTHY)
        queue.labels("mail").set(500)
        await until(firing)
        assert firing() == ["queue: 500"]
        health = monitor.component_health("queue")
        assert health.message == 'queue_length{name="mail"} is 500, above 10'
        queue.labels("mail").set(0)
        await until(lambda: not firing())
        await until(lambda: monitor.component_health("queue").status is Status.HEALTHY)
