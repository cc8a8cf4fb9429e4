"""Reloads: rules that stay the same lose nothing, changed ones go on, removed ones end what they raised."""

from __future__ import annotations

import anyio
import pytest

from auscult import Catalogue, Monitor, Reading
from auscult.component import Component
from auscult.config import load
from auscult.config.alerting import AlertSettings
from auscult.model import AlertSeverity, CheckResult, Status
from auscult.replay.stage import Stage
from auscult.rules.rule import AlertRule
from auscult.runtime.passive import PassiveCheck

T0 = 1_705_314_600_000


class Bench:
    """One component, fed with numbers every ten seconds."""

    def __init__(self, *rules):
        component = Component(name="a", check=PassiveCheck(), interval=3600.0)
        self.stage = Stage([component], AlertSettings(rules=rules), start=T0)
        self.at = T0

    def feed(self, *values):
        for x in values:
            self.stage.take(CheckResult("a", Status.HEALTHY, self.at, measurements={"x": float(x)}))
            self.at += 10_000

    def reload(self, *rules):
        self.stage.alerts.configure(AlertSettings(rules=rules))

    @property
    def history(self):
        return [(change.kind.value, change.alert.rule, (change.at - T0) / 1000) for change in self.stage.ledger.changes]


SLOW = AlertRule("slow", "x > 5", for_=25.0)


def test_an_unchanged_rule_waits_on():
    """Its `for`, its window and its absence count from where they began."""
    average = AlertRule("average", 'avg(x, "30s") > 4 and count(x, "30s") >= 3')
    absent = AlertRule("absent", "", absent=30.0)
    bench = Bench(SLOW, average, absent)
    bench.feed(9, 9)
    bench.reload(SLOW, average, absent, AlertRule("new", "x > 100"))
    bench.feed(9, 9)
    bench.reload(SLOW, average, absent)
    bench.stage.advance(T0 + 61_000)
    assert bench.history == [("fired", "average", 20), ("fired", "slow", 25), ("fired", "absent", 60)]


def test_an_alert_goes_on_when_its_rule_is_changed():
    """The same alert; it says its new severity with the next result, and ends as the new rule says."""
    bench = Bench(AlertRule("r", "x > 5", AlertSeverity.LOW))
    bench.feed(9)
    bench.reload(AlertRule("r", "x > 7", AlertSeverity.HIGH))
    bench.feed(9, 6)
    assert bench.history == [("fired", "r", 0), ("updated", "r", 10), ("resolved", "r", 20)]
    assert len({change.alert.id for change in bench.stage.ledger.changes}) == 1
    assert bench.stage.ledger.changes[1].alert.severity is AlertSeverity.HIGH


def test_a_removed_rule_ends_its_alerts():
    """With the reason; one that comes back fires anew."""
    rule = AlertRule("r", "x > 5", cooldown_minutes=0.0)
    bench = Bench(rule, AlertRule("other", "x > 5"))
    bench.feed(9)
    bench.reload(AlertRule("other", "x > 5"))
    assert [(kind, name) for kind, name, _ in bench.history[2:]] == [("resolved", "r")]
    assert bench.stage.ledger.changes[-1].alert.resolution == "rule removed"
    bench.reload(rule, AlertRule("other", "x > 5"))
    bench.feed(9)
    assert bench.history[3:] == [("fired", "r", 10)]


def test_a_component_that_goes_takes_its_part_of_the_system_along():
    """The system is judged anew when components go: what is no longer monitored keeps no alert open."""
    bench = Bench(AlertRule("bad", 'status == "unhealthy"', scope="system"))
    bench.stage.join(Component(name="b", check=PassiveCheck(), failures=1))
    bench.stage.take(CheckResult("b", Status.UNHEALTHY, T0))
    assert bench.history[-1][:2] == ("fired", "bad")
    bench.stage.health.remove(["b"])
    bench.stage.judge.judge_system(T0 + 1)
    assert bench.history[-1][:2] == ("resolved", "bad")


SETTINGS = """
[components.a]
check = "push"
interval = "1h"
[rules.waits]
condition = "x > 5"
for = 0.4
message_template = "{x}"
"""


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_running_monitor(tmp_path):
    """The wait of a rule that stays the same is as long as ever, however often the configuration is read."""
    path = tmp_path / "auscult.toml"

    def loaded(text):
        path.write_text(text)
        return load(path, environ={"AUSCULT_STATE_DIR": str(tmp_path / "state")}, catalogue=catalogue)[0]

    catalogue = Catalogue.discover()
    monitor = Monitor.from_settings(loaded(SETTINGS), catalogue)
    await monitor.run()
    try:
        monitor.report("a", Reading.healthy(x=9))
        with anyio.fail_after(10):
            while not monitor.recent_results("a"):
                await anyio.sleep(0.01)
        for number in range(3):
            changes = monitor.reload(loaded(SETTINGS + f"[rules.other{number}]\nabsent = 60\n"), catalogue)
            assert f"rules.other{number}" in changes.other
        with anyio.fail_after(10):
            while not monitor.alerts.alerts():
                await anyio.sleep(0.01)
        (alert,) = monitor.alerts.alerts()
        assert alert.created_at - monitor.recent_results("a")[0].at == 400, "as of when it was due, to the millisecond"
    finally:
        await monitor.stop()


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_the_interval_of_the_seed_document(tmp_path, monkeypatch):
    """`ALERT_CHECK_INTERVAL` bounds the time between looks at what time alone brings, with a file and without."""
    path = tmp_path / "auscult.toml"
    path.write_text(SETTINGS)
    settings, _ = load(path, environ={"ALERT_CHECK_INTERVAL": "15", "HOME": str(tmp_path)})
    assert settings.alerting.check_interval == 15.0
    assert load(path, environ={"HOME": str(tmp_path)})[0].alerting.check_interval == 60.0
    monkeypatch.setenv("ALERT_CHECK_INTERVAL", "50ms")
    monitor = Monitor()
    assert monitor.alerts.check_interval == 0.05
    looks = []
    sweep = monitor.alerts.sweep
    monkeypatch.setattr(monitor.alerts, "sweep", lambda: (looks.append(monitor.clock.now_ms()), sweep()))
    await monitor.run()
    try:
        with anyio.fail_after(20):
            while len(looks) < 10:
                await anyio.sleep(0.01)
    finally:
        await monitor.stop()
