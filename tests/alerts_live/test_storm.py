"""Ten thousand rules fire at once: everything is on disk and listed soon, in few envelopes, in bounded memory."""

from __future__ import annotations

import gc
import time

import anyio
import psutil
import pytest

from auscult import Channel, Component, Monitor, Reading
from auscult.rules.rule import AlertRule
from auscult_plugins.push import PushCheck

RULES = 10_000


class Ledger(Channel, dict=True):
    """Counts what it is told."""

    kind = "ledger"

    async def send(self, notification, ctx):
        vars(self).setdefault("envelopes", []).append(len(notification.notices))
        vars(self).setdefault("numbers", []).extend((n.alert.rule, n.alert.number) for n in notification.notices)


@pytest.mark.slow
@pytest.mark.anyio
@pytest.mark.xdist_group("storm")
async def test_ten_thousand_rules_fire_within_a_second(tmp_path, anyio_backend):
    """Fault L3. Figures are printed; the bounds here are generous, for a machine that has other things to do."""
    if anyio_backend == "trio":
        return  # the path is the same; the figures are those of asyncio
    monitor = Monitor([Component(name="a", check=PushCheck(), interval=3600)], state_dir=tmp_path, interval=3600)
    for rule in monitor.alerts.rules():
        monitor.alerts.remove_rule(rule.name)
    rules = [AlertRule(name=f"r{n}", condition=f"x > {n % 7}", cooldown_minutes=0.0) for n in range(RULES)]
    monitor.alerts._replace_rules({rule.name: rule for rule in rules}, 0)
    ledger, committed = Ledger(), []
    monitor.alerts.add_channel("ledger", ledger)
    monitor.alerts.listen(lambda number, change: committed.append(number))
    async with monitor:
        monitor.report("a", Reading(measurements={"x": 0.0}))
        await anyio.sleep(0.2)
        gc.collect()
        before = psutil.Process().memory_info().rss
        begin = time.monotonic()
        monitor.report("a", Reading(measurements={"x": 10.0}))
        with anyio.fail_after(90):
            while len(committed) < RULES:
                await anyio.sleep(0.01)
            durable = time.monotonic() - begin
            while len(vars(ledger).get("numbers", ())) < RULES:
                await anyio.sleep(0.01)
        listed = time.monotonic() - begin
        grown = (psutil.Process().memory_info().rss - before) / 1e6
        envelopes = len(vars(ledger)["envelopes"])
        balance = monitor.alerts.balance()["ledger"]
        print(
            f"\n{RULES} rules: on disk after {durable:.2f} s, all listed in {envelopes} envelopes "
            f"after {listed:.2f} s, memory grew by {grown:.0f} MB"
        )
        assert durable <= 30
        assert envelopes <= RULES / 50
        assert grown <= 200
        assert sorted(vars(ledger)["numbers"]) == sorted((rule.name, 1) for rule in rules)
        assert balance.missing == 0
        assert balance.offered == RULES
