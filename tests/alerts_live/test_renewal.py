"""What goes on is said again to channels that want it: all of it, nothing else, and never after its end."""

from __future__ import annotations

import time

import anyio
import pytest

from auscult import ChangeKind, Channel, Component, DeliveryError, Monitor, Reading
from auscult.alerts.matching import Matcher
from auscult.rules.rule import AlertRule
from auscult.runtime import renewing
from auscult_plugins.push import PushCheck

pytestmark = pytest.mark.anyio
NAMES = ("a", "b", "c")


class Forgetful(Channel, dict=True):
    """Knows what it was told last; what it is not told again it forgets."""

    kind = "forgetful"
    every: float = 1.0
    slow: float = 0.0

    async def send(self, notification, ctx):
        assert not vars(self).get("inside") or not self.slow, "two at once"
        vars(self)["inside"] = True
        if (error := vars(self).get("error")) is not None:
            raise error
        is_renewal = notification.key.startswith("renewal-")
        self.log.append((is_renewal, [(n.alert.component, n.change.kind, n.first) for n in notification.notices]))
        if is_renewal:
            await anyio.sleep(self.slow)
        for notice in notification.notices:
            self.known[notice.alert.component] = notice.alert.status.is_open
        vars(self)["inside"] = False

    def renewal(self):
        return self.every

    @property
    def log(self):
        return vars(self).setdefault("said", [])

    @property
    def known(self):
        return vars(self).setdefault("states", {})

    @property
    def renewals(self):
        return [notices for is_renewal, notices in self.log if is_renewal]


@pytest.fixture
async def live(tmp_path, monkeypatch, anyio_backend):
    """A monitor with three components whose alerts a test raises and ends, and a channel that forgets."""
    monkeypatch.setattr(renewing, "SHORTEST", 0.1)
    monkeypatch.setattr(renewing, "FIRST", 0.1)
    monkeypatch.setattr(renewing, "AGAIN", 0.1)
    made = Live(tmp_path)
    await made.monitor.run()
    yield made
    await made.monitor.stop()


class Live:
    def __init__(self, path) -> None:
        components = [Component(name=name, check=PushCheck(), interval=3600) for name in NAMES]
        self.monitor = Monitor(components, state_dir=path, interval=3600)
        for rule in self.monitor.alerts.rules():
            self.monitor.alerts.remove_rule(rule.name)
        self.monitor.alerts.add_rule(
            AlertRule(name="flag", condition="flag > 0", cooldown_minutes=0.0, max_alerts_per_hour=0)
        )

    def add(self, **options) -> Forgetful:
        channel = Forgetful(**({"every": 0.15} | options))
        self.monitor.alerts.add_channel("keeper", channel)
        return channel

    def fire(self, *names: str) -> None:
        for name in names:
            self.monitor.report(name, Reading.healthy(flag=1))

    def end(self, *names: str) -> None:
        for name in names:
            self.monitor.report(name, Reading.healthy(flag=0))

    @staticmethod
    async def until(condition) -> None:
        with anyio.fail_after(30):
            while not condition():
                await anyio.sleep(0.01)

    def id_of(self, name: str) -> str:
        return next(alert.id for alert in self.monitor.alerts.open_alerts() if alert.component == name)


async def test_what_goes_on_is_said_again_and_again(live):
    """All of it in one, as reminders that are not the first the receiver hears; nothing when nothing goes on."""
    channel = live.add()
    await anyio.sleep(0.5)
    assert not channel.log
    live.fire("a", "b")
    await live.until(lambda: len([r for r in channel.renewals if len(r) == 2]) >= 3)
    assert sorted(channel.renewals[-1]) == [(name, ChangeKind.REMINDED, False) for name in ("a", "b")]
    live.end("a")
    await live.until(lambda: channel.known["a"] is False and len(channel.renewals[-1]) == 1)
    assert [component for component, *_ in channel.renewals[-1]] == ["b"]
    live.end("b")
    await live.until(lambda: channel.known["b"] is False)
    count = len(channel.renewals)
    await anyio.sleep(0.5)
    assert len(channel.renewals) == count


async def test_acknowledged_and_silenced_alerts_still_go_on(live):
    """Nobody is told of them by that; but a receiver that forgets would believe them over."""
    channel = live.add()
    live.fire("a", "b")
    await live.until(lambda: set(channel.known) == {"a", "b"})
    await live.monitor.alerts.acknowledge(live.id_of("a"), by="ann")
    now = time.time_ns() // 1_000_000
    await live.monitor.alerts.silence([Matcher("component", "b")], ends_at=now + 600_000, by="ann", comment="x")
    count = len(channel.renewals)
    await live.until(lambda: len(channel.renewals) > count + 2)
    assert {component for component, *_ in channel.renewals[-1]} == {"a", "b"}


async def test_an_end_is_never_overtaken(live):
    """Renewals that take long, ends at every moment: the last that is said of an alert is its end."""
    channel = live.add(every=0.1, slow=0.05)
    for _ in range(10):
        live.fire(*NAMES)
        await live.until(lambda: [channel.known.get(name) for name in NAMES] == [True] * 3)
        for name in NAMES:
            await anyio.sleep(0.02)
            live.end(name)
        await live.until(lambda: [channel.known.get(name) for name in NAMES] == [False] * 3)
        await anyio.sleep(0.2)
        assert [channel.known[name] for name in NAMES] == [False] * 3


async def test_what_cannot_be_renewed_is_tried_later(live, caplog):
    """A failing renewal is no failed delivery: nothing is given up, and the next one goes out."""
    channel = live.add()
    live.fire("a")
    await live.until(lambda: channel.renewals)
    vars(channel)["error"] = DeliveryError("not now", retry=False)
    await live.until(lambda: "what goes on could not be said again: not now" in caplog.text)
    vars(channel)["error"] = None
    count = len(channel.renewals)
    await live.until(lambda: len(channel.renewals) > count)
    assert live.monitor.alerts.channel_stats()["keeper"].given_up == 0


async def test_channels_that_do_not_ask_are_left_alone(live):
    """And one that is taken away is renewed no more."""
    quiet = live.add(every=0.0)
    live.fire("a")
    await live.until(lambda: quiet.known)
    await anyio.sleep(0.5)
    assert not quiet.renewals
    keeper = live.add()
    await live.until(lambda: keeper.renewals)
    live.monitor.alerts.remove_channel("keeper")
    await anyio.sleep(0.3)
    count = len(keeper.renewals)
    await anyio.sleep(0.4)
    assert len(keeper.renewals) == count


async def test_it_goes_on_after_a_restart(live, tmp_path):
    """With what is on disk: the receiver need not have kept anything."""
    live.add()
    live.fire("a")
    await live.until(
        lambda: live.monitor.alerts.open_alerts() and live.monitor.alerts.channel_stats()["keeper"].delivered
    )
    await live.monitor.stop()
    again = Live(tmp_path)
    channel = again.add()
    await again.monitor.run()
    try:
        await live.until(lambda: channel.renewals)
        assert channel.renewals[0] == [("a", ChangeKind.REMINDED, False)]
        assert [is_renewal for is_renewal, _ in channel.log] == [True] * len(channel.log)
    finally:
        await again.monitor.stop()
