"""Every Python sample of the seed document, its import path become `auscult`, does what the document says of it.

The samples are as the document has them, but for addresses, which are made those of loopback servers.
"""

from __future__ import annotations

import gzip
import json
import logging
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from tests.plugins.channels.receiver import Receiver
from tests.servers.pushgateway import pushgateway

from auscult import Monitor, Reading

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]

THRESHOLD = """
from auscult.health_monitor import HealthThreshold

custom_threshold = HealthThreshold(
    response_time_ms=3000.0,    # 3 seconds
    success_rate_percent=90.0,  # 90%
    error_rate_percent=10.0,    # 10%
    memory_usage_percent=80.0,  # 80%
    cpu_usage_percent=75.0,     # 75%
    disk_usage_percent=85.0     # 85%
)
"""
RULE = """
from auscult.alerting import AlertRule, AlertSeverity

custom_rule = AlertRule(
    name="high_memory_usage",
    condition=lambda data: data.get("memory_usage", 0) > 90,
    severity=AlertSeverity.HIGH,
    message_template="High memory usage detected: {memory_usage}%",
    cooldown_minutes=15,
    max_alerts_per_hour=4
)

alert_manager.add_rule(custom_rule)
"""
LOG = """
from auscult.alerting import LogChannel

log_channel = LogChannel(log_level="ERROR")
alert_manager.add_channel("log", log_channel)
"""
WEBHOOK = """
from auscult.alerting import WebhookChannel

webhook_channel = WebhookChannel(
    webhook_url="https://your-webhook.com/alerts",
    timeout=10.0,
    headers={"Authorization": "Bearer your-token"}
)
alert_manager.add_channel("webhook", webhook_channel)
"""
PROMETHEUS = """
from auscult.metrics_exporter import PrometheusExporter

prometheus_exporter = PrometheusExporter(
    pushgateway_url="http://prometheus-pushgateway:9091",
    job_name="voice_ai_agent",
    push_interval=15.0
)
"""
JSON_FILE = """
from auscult.metrics_exporter import JSONExporter

# File export
json_exporter = JSONExporter(file_path="./metrics/metrics.json")
"""
JSON_HTTP = """
from auscult.metrics_exporter import JSONExporter

# HTTP export
json_exporter = JSONExporter(endpoint_url="https://your-metrics-api.com/ingest")
"""
DEBUG = """
import logging
logging.getLogger("auscult").setLevel(logging.DEBUG)
"""

LEVELS = {
    "response_time_ms": (Reading(response_time_ms=2999.0), Reading(response_time_ms=3001.0)),
    "memory_usage_percent": (Reading.healthy(memory_usage_percent=79.0), Reading.healthy(memory_usage_percent=81.0)),
    "cpu_usage_percent": (Reading.healthy(cpu_usage_percent=74.0), Reading.healthy(cpu_usage_percent=76.0)),
    "disk_usage_percent": (Reading.healthy(disk_usage_percent=84.0), Reading.healthy(disk_usage_percent=86.0)),
}
"""For each level of the sample a reading on either side."""


def run(sample: str, monitor: Monitor | None = None, **addresses: str) -> dict[str, Any]:
    """What the sample leaves behind; `addresses` are told apart by what stands before the first dot."""
    for placeholder, address in addresses.items():
        host = placeholder.replace("_", "-")
        start = next(
            sample.index(f"{scheme}://{host}") for scheme in ("https", "http") if f"{scheme}://{host}" in sample
        )
        sample = sample[:start] + address + sample[sample.index('"', start) :]
    names: dict[str, Any] = {} if monitor is None else {"alert_manager": monitor.alerts}
    exec(compile(sample, "<the seed document>", "exec"), names)
    return names


@asynccontextmanager
async def monitoring(monitor: Monitor, **components: Any):
    """The monitor, running, with components that are pushed to."""
    for name, threshold in components.items():
        monitor.health.register(name, threshold=threshold, failures=1)
    async with monitor:
        yield monitor


async def until(look: Any) -> Any:
    """What it gives, once it gives something."""
    with anyio.fail_after(20):
        while not (found := look()):
            await anyio.sleep(0.05)
    return found


async def unwell(monitor: Monitor, name: str = "agent") -> None:
    """One failure that some channel has to be told of."""
    await monitor.report_durably(name, Reading.unhealthy("Connection timeout"))


@pytest.mark.parametrize("level", LEVELS)
async def test_the_threshold(level):
    """Each level of it: one reading below, which is fine, one above, which degrades and names the level."""
    threshold = run(THRESHOLD)["custom_threshold"]
    below, above = LEVELS[level]
    async with monitoring(Monitor(), fine=threshold, poor=threshold) as monitor:
        await monitor.report_durably("fine", below)
        await monitor.report_durably("poor", above)
        health = await until(lambda: monitor.component_health("poor").reasons and monitor.component_health("poor"))
        assert (health.status.value, list(health.reasons)) == ("degraded", [level])
        assert monitor.component_health("fine").status.value == "healthy"


async def test_the_rates_of_the_threshold():
    """90 % success and 10 % error: two failures in ten are beyond both, one in ten is not."""
    threshold = run(THRESHOLD)["custom_threshold"]
    async with monitoring(Monitor(), one=threshold, two=threshold) as monitor:
        for number in range(10):
            await monitor.report_durably("one", Reading.unhealthy("x") if number < 1 else Reading.healthy())
            await monitor.report_durably("two", Reading.unhealthy("x") if number < 2 else Reading.healthy())
        health = await until(lambda: monitor.component_health("two").reasons and monitor.component_health("two"))
        assert set(health.reasons) == {"success_rate_percent", "error_rate_percent"}
        assert (health.success_rate, health.error_rate) == (80.0, 20.0)
        assert monitor.component_health("one").status.value == "healthy"


async def test_the_rule():
    """It fires above 90 with its severity and its words, not at 90; cooldown and limit are kept as they were given."""
    monitor = Monitor()
    rule = run(RULE, monitor)["custom_rule"]
    assert (rule.cooldown_minutes, rule.max_alerts_per_hour) == (15, 4)
    async with monitoring(monitor, agent=None, other=None):
        await monitor.report_durably("other", Reading.healthy(memory_usage_percent=90.0))
        await monitor.report_durably("agent", Reading.healthy(memory_usage_percent=91.5))
        (alert,) = await until(lambda: [each for each in monitor.alerts.alerts() if each.rule == rule.name])
        assert (alert.component, alert.severity.value) == ("agent", "high")
        assert alert.message == "High memory usage detected: 91.5%"


async def test_the_log_channel(caplog):
    """An alert is a line of level ERROR in the application's log."""
    monitor = Monitor()
    run(LOG, monitor)
    with caplog.at_level(logging.ERROR, "auscult.alerts"):
        async with monitoring(monitor, agent=None):
            await unwell(monitor)
            records = await until(lambda: [r for r in caplog.records if "component_unhealthy" in r.getMessage()])
    assert records[0].levelno == logging.ERROR
    assert "Connection timeout" in records[0].getMessage()


async def test_the_webhook_channel():
    """An alert is posted to the address, with the header and the fields of the document's alert."""
    receiver = Receiver()
    monitor = Monitor()
    channel = run(WEBHOOK, monitor, your_webhook=receiver.url)["webhook_channel"]
    assert "your-token" not in repr(channel)
    try:
        async with monitoring(monitor, agent=None):
            await unwell(monitor)
            request = await until(lambda: [r for r in receiver.requests if b"component_unhealthy" in r.body])
    finally:
        receiver.close()
    assert request[0].headers["authorization"] == "Bearer your-token"
    (alert,) = [each for each in request[0].json["alerts"] if each["name"] == "component_unhealthy"]
    fields = {"id", "name", "severity", "status", "message", "component", "created_at", "updated_at"}
    assert set(alert) >= fields
    assert alert["message"] == "Component agent is unhealthy: Connection timeout"


async def test_the_prometheus_exporter():
    """A real Pushgateway holds the metrics under the job of the sample."""
    with pushgateway() as gateway:
        exporter = run(PROMETHEUS, prometheus_pushgateway=gateway.url)["prometheus_exporter"]
        assert exporter.every() == 15.0
        monitor = Monitor()
        monitor.metrics.add_exporter("prometheus", exporter)
        async with monitoring(monitor, agent=None):
            await monitor.report_durably("agent", Reading(response_time_ms=150.5))
            await until(lambda: 'job="voice_ai_agent"' in gateway.text())
            text = gateway.text()
    assert 'component_health_response_time_ms{component="agent"' in text


async def test_the_json_exporter_to_a_file(tmp_path, monkeypatch):
    """`./metrics/metrics.json` is a JSON document with the metrics; its folder is made."""
    monkeypatch.chdir(tmp_path)
    monitor = Monitor()
    monkeypatch.setenv("METRICS_EXPORT_INTERVAL", "1")
    monitor.metrics.add_exporter("file", run(JSON_FILE)["json_exporter"])
    async with monitoring(monitor, agent=None):
        file = tmp_path / "metrics" / "metrics.json"
        await until(file.exists)
    assert "system_health_status" in {each["name"] for each in json.loads(file.read_text())["metrics"]}


async def test_the_json_exporter_to_an_address():
    """The same document is posted."""
    receiver = Receiver()
    monitor = Monitor()
    monitor.metrics.add_exporter("http", run(JSON_HTTP, your_metrics_api=receiver.url)["json_exporter"])
    try:
        async with monitoring(monitor, agent=None):
            (request, *_) = await until(lambda: list(receiver.requests))
    finally:
        receiver.close()
    assert request.headers["content-type"].startswith("application/json")
    document = json.loads(gzip.decompress(request.body))
    assert "system_health_status" in {each["name"] for each in document["metrics"]}


async def test_debug_logging(caplog):
    """One line shows what the monitor and its plugins do, lines of level DEBUG among it."""
    logger = logging.getLogger("auscult")
    before = logger.level
    try:
        run(DEBUG)
        async with monitoring(Monitor(), agent=None) as monitor:
            await unwell(monitor)
            await until(lambda: [record for record in caplog.records if record.levelno == logging.DEBUG])
        assert logging.getLogger("auscult.plugins.http").isEnabledFor(logging.DEBUG)
    finally:
        logger.setLevel(before)


async def test_a_custom_health_check_function():
    """ "Support for custom health check functions": sync or async, what it raises is the message."""

    async def probe() -> None:
        raise ConnectionError("no route to the billing system")

    monitor = Monitor()
    monitor.health.register("billing", check=probe, failures=1)
    monitor.health.register("fine", check=lambda: True)
    async with monitor:
        await monitor.check_now("billing")
        await monitor.check_now("fine")
        await until(lambda: monitor.component_health("billing").status.value == "unhealthy")
        assert "no route to the billing system" in monitor.component_health("billing").message
        assert monitor.component_health("fine").status.value == "healthy"


DEFAULTS = {
    "component_unhealthy": [Reading.unhealthy("x")],
    "component_high_latency": [Reading(response_time_ms=5001.0)],
    "component_low_success_rate": [*[Reading.unhealthy("x")] * 3, *[Reading.healthy()] * 8],
    "system_unhealthy": [Reading.unhealthy("x")],
    "system_degraded": [Reading.degraded("x")],
}
"""For each default rule the readings that make it fire."""


@pytest.mark.parametrize("name", DEFAULTS)
async def test_the_default_rules_fire(name):
    """Each at what the document says triggers it."""
    async with monitoring(Monitor(), agent=None) as monitor:
        fired: set[str] = set()
        monitor.alerts.listen(lambda number, change: fired.add(change.alert.rule))
        for reading in DEFAULTS[name]:
            await monitor.report_durably("agent", reading)
        await until(lambda: name in fired)


async def test_the_default_rules_keep_quiet():
    """At five seconds to the millisecond, and at four of five, nothing fires."""
    async with monitoring(Monitor(), agent=None) as monitor:
        fired: set[str] = set()
        monitor.alerts.listen(lambda number, change: fired.add(change.alert.rule))
        await monitor.report_durably("agent", Reading(response_time_ms=5000.0))
        for number in range(9):
            await monitor.report_durably("agent", Reading.healthy() if number % 5 else Reading.unhealthy("x"))
        await until(lambda: "component_unhealthy" in fired)
        assert not fired & {"component_high_latency", "component_low_success_rate"}
