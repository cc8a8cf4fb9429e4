"""What the kill tests kill: a whole monitor with a store and a webhook, whose alerts come and go as fast as they can.

    python raising.py

Reads lines of JSON from stdin: ``{"state": DIRECTORY, "url": URL, "seed": N, "pace": SECONDS}``, and forks a child for
each, so that only the first one pays for the imports. The child says on its stdout what was committed: ``started``,
``change ALERT NUMBER KIND`` for every change that a listener was shown, ``did WHAT ALERT`` for every act of a person
that returned. With ``"pace": 0`` it raises nothing and ends when everything is told.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import traceback

from anyio import run, sleep

from auscult import Component, Monitor, Reading
from auscult.rules.rule import AlertRule
from auscult_plugins.push import PushCheck
from auscult_plugins.webhook import WebhookChannel

NAMES = [f"c{number}" for number in range(12)]


def say(*words: object) -> None:
    """One line in one write: the kill may come at any moment, but not in the middle of a line."""
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def monitor_of(task: dict) -> Monitor:
    monitor = Monitor(
        [Component(name=name, check=PushCheck(), interval=3600) for name in NAMES],
        state_dir=task["state"],
        interval=3600,
    )
    for name in [rule.name for rule in monitor.alerts.rules()]:
        monitor.alerts.remove_rule(name)
    flag = AlertRule(
        name="flag", condition="flag > 0", cooldown_minutes=task.get("cooldown", 0.0), max_alerts_per_hour=0
    )
    monitor.alerts.add_rule(flag)
    monitor.alerts.add_channel("ledger", WebhookChannel(webhook_url=task["url"], timeout=5))
    monitor.alerts.listen(lambda _, change: say("change", change.alert.id, change.alert.number, change.kind.value))
    return monitor


async def raise_alerts(task: dict) -> None:
    dice = random.Random(task["seed"])
    monitor = monitor_of(task)
    await monitor.run()
    say("started")
    if not task["pace"]:
        await until_told(monitor)
        await monitor.stop()
        say("ended")
        return
    while True:
        for name in dice.sample(NAMES, task.get("at_once", 4)):
            monitor.report(name, Reading(measurements={"flag": float(dice.random() < 0.5)}))
        if dice.random() < 0.3 and (alerts := monitor.alerts.alerts()):
            await act(monitor, dice, dice.choice(alerts).id)
        await sleep(dice.uniform(0, task["pace"]))


async def act(monitor: Monitor, dice: random.Random, alert: str) -> None:
    from auscult.errors import AlertNotFound

    what = dice.choice(["acknowledge", "note", "resolve"])
    try:
        if what == "note":
            await monitor.alerts.note(alert, by="ada", text="hm")
        else:
            await getattr(monitor.alerts, what)(alert, by="ada")
    except AlertNotFound:
        return
    say("did", what, alert)


async def until_told(monitor: Monitor) -> None:
    """Everything that waits is told, and every alert has ended."""
    for name in NAMES:
        monitor.report(name, Reading(measurements={"flag": 0.0}))
    for _ in range(3000):
        await sleep(0.01)
        if not monitor.alerts.open_alerts() and not any(b.waiting for b in monitor.alerts.balance().values()):
            return
    say("stuck")


def child(task: dict) -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    output = os.open(task["said"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(output, 1)
    run(raise_alerts, task)


def main() -> None:
    while line := sys.stdin.readline():
        pid = os.fork()
        if not pid:
            code = 1
            try:
                child(json.loads(line))
                code = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(code)
        print(pid, flush=True)
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
