"""The monitor as a whole, without a server: registering, reporting, restarting, reloading."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import anyio
import pytest

from auscult import (
    Check,
    Component,
    ComponentNotFound,
    ConfigurationError,
    HealthThreshold,
    Monitor,
    Ping,
    Reading,
    Status,
)

pytestmark = pytest.mark.anyio


class Scripted(Check):
    """Says what the script says next, the last line for ever."""

    kind = "scripted"
    script: list[Reading]

    async def probe(self, ctx):
        return self.script.pop(0) if len(self.script) > 1 else self.script[0]


class Connected(Check):
    """Keeps a connection, and counts how often it was opened and closed."""

    kind = "connected"
    events: list[str]
    fail_at: int = 0

    async def probe(self, ctx):
        return await super().probe(ctx)

    async def open(self, ctx):
        self.events.append("open")
        count = 0

        async def once():
            nonlocal count
            count += 1
            if count == self.fail_at:
                raise ConnectionError("the connection broke in two")
            return Reading()

        yield once
        self.events.append("close")


def component(name, check, **keys):
    return Component(name=name, check=check, **({"interval": 0.1, "timeout": 60.0} | keys))


async def until(condition, seconds=60.0):
    """Wait for a condition; the reason to fail is the condition itself."""
    with anyio.fail_after(seconds):
        while not condition():
            await anyio.sleep(0.01)


async def test_the_first_verdict_is_there_within_seconds():
    """Not after an interval."""
    async with Monitor([component("slow-paced", Scripted(script=[Reading()]), interval=60.0)]) as monitor:
        assert monitor.summary().status == Status.UNKNOWN
        assert not monitor.ready
        await until(lambda: monitor.ready)
        await until(lambda: monitor.component_health("slow-paced").status == Status.HEALTHY)


async def test_functions_sync_and_async_are_checks():
    """`monitor.health.register(name, check=function)` as in the seed document."""
    monitor = Monitor()

    async def fine():
        return {"queue": 3}

    def broken(ctx):
        raise RuntimeError(f"{ctx.component} is broken for good")

    monitor.health.register("billing", check=fine, threshold=HealthThreshold(response_time_ms=3000.0), interval="100ms")
    monitor.health.register("broken", check=broken, interval=0.1, failures=1)
    async with monitor:
        await until(lambda: monitor.component_health("broken").status == Status.UNHEALTHY)
        await until(lambda: monitor.component_health("billing").status == Status.HEALTHY)
        assert monitor.component_health("billing").measurements == {"queue": 3.0}
        assert "broken is broken for good" in monitor.component_health("broken").message


async def test_registering_while_running_and_unregistering():
    """Components come and go at any time."""
    async with Monitor() as monitor:
        monitor.health.register("late", check=lambda: True, interval=0.1)
        await until(lambda: monitor.component_health("late").status == Status.HEALTHY)
        monitor.health.unregister("late")
        with pytest.raises(ComponentNotFound, match=r"no component `late`"):
            monitor.component_health("late")


@pytest.mark.parametrize(
    ("name", "keys", "sentence"),
    [
        ("Über", {}, "does not match"),
        ("x", {"intervall": 3}, "intervall"),
        ("x", {"interval": "soon"}, "expected a duration"),
        ("x", {"check": 3}, "a check is a Check or a function"),
        ("auscult", {}, "already"),
    ],
)
async def test_a_wrong_registration_is_one_sentence(name, keys, sentence):
    """Where, what was found, what was expected."""
    with pytest.raises((ConfigurationError, TypeError), match=sentence):
        Monitor().health.register(name, **({"check": lambda: True} | keys))


async def test_results_are_reported_from_threads():
    """`report` neither blocks nor loses anything."""
    monitor = Monitor()
    monitor.health.register("agent")
    async with monitor:

        def work():
            for i in range(500):
                monitor.report("agent", Reading.healthy(turn=i))

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        await until(lambda: len(monitor.recent_results("agent")) == 100 and not monitor.stats().inbox)
        for thread in threads:
            thread.join()
        assert monitor.component_health("agent").status == Status.HEALTHY
        with pytest.raises(ComponentNotFound, match="did you mean `agent`"):
            monitor.report("agentt", Reading())


async def test_check_now_answers_with_the_result():
    """And joins a run in flight instead of starting a second one."""
    async with Monitor([component("one", Scripted(script=[Reading.healthy("hello")]), interval=60.0)]) as monitor:
        result = await monitor.check_now("one")
        assert result.message == "hello"
        assert monitor.recent_results("one", 1)[0] == result


async def test_a_bad_status_is_confirmed_faster_than_the_interval():
    """Two failures in a row are needed, and the second look comes after seconds, not after the interval."""
    script = [Reading(), Reading.unhealthy("gone")]
    async with Monitor([component("one", Scripted(script=script), interval=60.0, retry_interval=0.2)]) as monitor:
        await monitor.check_now("one")
        await monitor.check_now("one")
        await until(lambda: monitor.component_health("one").status == Status.UNHEALTHY)


async def test_a_kept_connection_is_opened_once_and_closed_at_the_end():
    """`open` runs once for many probes; the part after its yield runs at stop."""
    check = Connected(events=[])
    async with Monitor([component("one", check)]) as monitor:
        await until(lambda: monitor.stats().checks_finished >= 4)
    assert check.events == ["open", "close"]


async def test_a_broken_connection_is_closed_and_opened_anew():
    """After a probe that raised."""
    check = Connected(events=[], fail_at=2)
    async with Monitor([component("one", check)]):
        await until(lambda: check.events.count("open") >= 3)
    assert check.events.count("open") == check.events.count("close")


class Stubborn(Check):
    """Keeps a connection whose first probe never answers, and takes its time to give up when it is cut."""

    kind = "stubborn"
    events: list[str]

    async def probe(self, ctx):
        return await super().probe(ctx)

    async def open(self, ctx):
        self.events.append("open")

        async def once():
            if self.events == ["open"]:
                try:
                    await anyio.sleep(60)
                finally:
                    with anyio.CancelScope(shield=True):
                        await anyio.sleep(0.2)
            return Reading()

        yield once
        self.events.append("close")


async def test_a_connection_is_closed_and_opened_anew_after_a_cut():
    """What was said and what was not is unknown after a probe that was cut in the middle."""
    check = Stubborn(events=[])
    async with Monitor([component("one", check, interval=0.5, timeout=0.1)]) as monitor:
        await until(lambda: monitor.component_health("one").status == Status.HEALTHY)
    assert check.events == ["open", "close", "open", "close"]


async def test_check_now_after_a_cut_gets_a_result_of_its_own():
    """The run that was cut has had its result: who asks while it ends gets the next one, and not none."""
    async with Monitor(
        [component("one", Stubborn(events=[]), interval=60.0, timeout=0.1, retry_interval=60.0)]
    ) as monitor:
        with anyio.fail_after(60):
            first = await monitor.check_now("one")
            second = await monitor.check_now("one")
    assert first.message == "no answer within 0.1 s"
    assert second.status == Status.HEALTHY


async def test_history_survives_a_restart(tmp_path):
    """A component that was unhealthy is so from the first moment after the restart, and since the same time."""
    broken = component("one", Scripted(script=[Reading.unhealthy("no")]), failures=1)
    async with Monitor([broken], state_dir=tmp_path) as monitor:
        await until(lambda: monitor.component_health("one").status == Status.UNHEALTHY)
        since = monitor.component_health("one").since
    async with Monitor(
        [component("one", Scripted(script=[Reading()]), interval=60.0, failures=1)], state_dir=tmp_path
    ) as monitor:
        view = monitor.component_health("one")
        assert view.status == Status.UNHEALTHY
        assert view.since == since


async def test_pushed_readings_are_durable_before_they_are_acknowledged(tmp_path):
    """What `report_durably` returned from is in the store."""
    monitor = Monitor(state_dir=tmp_path)
    monitor.health.register("agent")
    async with monitor:
        await monitor.report_durably("agent", Reading.healthy("here", turn=1))
        stored = await monitor.results("agent")
        assert stored[0].result.message == "here"


async def test_pings_reach_the_check_and_survive_a_restart(tmp_path):
    """A sign of life is looked at right away, and remembered."""
    seen = []

    class Listens(Check):
        kind = "listens"

        async def probe(self, ctx):
            seen.append([ping.message for ping in ctx.pings])
            return Reading()

    async with Monitor([component("job", Listens(), interval=60.0)], state_dir=tmp_path) as monitor:
        await monitor.ping("job", Ping(at=monitor.clock.now_ms(), message="first"))
        await until(lambda: ["first"] in seen)
    seen.clear()
    async with Monitor([component("job", Listens(), interval=60.0)], state_dir=tmp_path) as monitor:
        await until(lambda: bool(seen))
        assert seen[0] == ["first"]


async def test_a_reload_keeps_what_did_not_change():
    """Unchanged components lose no tick and no state; changed ones keep their status until the next result."""
    kept = component("kept", Scripted(script=[Reading()]), interval=30.0, fingerprint="1")
    other = component("other", Scripted(script=[Reading()]), fingerprint="2")
    async with Monitor([kept, other]) as monitor:
        await until(lambda: monitor.component_health("kept").status == Status.HEALTHY)
        due = monitor._runner.jobs["kept"].due
        monitor.apply([kept, component("new", Scripted(script=[Reading()]), fingerprint="3")])
        assert monitor._runner.jobs["kept"].due == due
        assert monitor.component_health("kept").status == Status.HEALTHY
        assert set(monitor.components()) == {"auscult", "kept", "new"}
        await until(lambda: monitor.component_health("new").status == Status.HEALTHY)


async def test_two_monitors_live_in_one_process():
    """No state at module level."""
    async with (
        Monitor([component("a", Scripted(script=[Reading()]))]) as one,
        Monitor([component("b", Scripted(script=[Reading.unhealthy("x")]), failures=1)]) as two,
    ):
        await until(lambda: one.component_health("a").status == Status.HEALTHY)
        await until(lambda: two.component_health("b").status == Status.UNHEALTHY)
        assert set(one.components()) == {"auscult", "a"}


async def test_the_monitor_monitors_itself():
    """Component `auscult`: listed, judged, not counted."""
    async with Monitor([component("a", Scripted(script=[Reading()]))]) as monitor:
        await until(lambda: monitor.component_health("auscult").status == Status.HEALTHY)
        system = monitor.system_health()
        assert system.total_components == 1
        assert system.components["auscult"].component_type == "auscult"


async def test_run_and_stop_from_different_tasks():
    """Started in one task, stopped in another: how an agent's start-up and shut-down hooks work."""
    monitor = Monitor([component("a", Scripted(script=[Reading()]))])
    async with anyio.create_task_group() as group:
        group.start_soon(monitor.run)
    await until(lambda: monitor.component_health("a").status == Status.HEALTHY)
    async with anyio.create_task_group() as group:
        group.start_soon(monitor.stop)
    assert not monitor.ready


def settings_of(text, tmp_path):
    """What `load` makes of a file with that text."""
    from auscult.config import load

    file = tmp_path / "auscult.toml"
    file.write_text(text)
    return load(file, environ={})


async def test_own_component_follows_the_configuration(tmp_path):
    """`[components.auscult]` gives the monitor's own component its keys, also by a reload, and back."""
    settings, catalogue = settings_of("[components.auscult]\ninterval = '3s'\nlabels = { team = 'voice' }\n", tmp_path)
    monitor = Monitor.from_settings(settings, catalogue, state_dir=None)
    own = monitor.components()["auscult"]
    assert (own.interval, own.labels, own.check.kind) == (3.0, {"team": "voice"}, "self")
    assert type(own.check).__name__ == "SelfCheck"
    assert monitor.summary().total_components == 1, "who configures it wants it counted"
    plan = monitor.reload(*settings_of("[components.host]\ncheck = 'host'\n", tmp_path))
    assert "auscult" in plan.removed
    assert monitor.components()["auscult"].labels == {}
    assert set(monitor.components()) == {"auscult", "host"}


async def test_limit_of_measurements_is_configurable(tmp_path):
    """More measurements than `limits.measurements` are dropped, and a problem says so with the limit in force."""
    settings, catalogue = settings_of("[limits]\nmeasurements = 3\n[components]\n", tmp_path)
    monitor = Monitor.from_settings(settings, catalogue, state_dir=None)
    monitor.health.register("many", successes=1)
    async with monitor:
        monitor.report("many", Reading(measurements={f"m{n}": float(n) for n in range(9)}))
        await until(lambda: monitor.recent_results("many"))
        assert len(monitor.recent_results("many")[0].measurements) == 3
        assert "at most 3 are kept" in monitor.problems[-1].message


class Talks(Check):
    """Logs as plugins do, then fails."""

    kind = "talks"

    async def probe(self, ctx):
        ctx.log.debug("about to look")
        raise ConnectionError("nobody is there")


async def test_one_level_shows_everything(caplog):
    """`getLogger("auscult").setLevel(DEBUG)`: what plugins say, tracebacks, changes; above it they are quiet."""
    for level, shown in (("WARNING", False), ("DEBUG", True)):
        caplog.clear()
        caplog.set_level(level, logger="auscult")
        async with Monitor([component("one", Talks(), failures=1)]) as monitor:
            await until(lambda monitor=monitor: monitor.component_health("one").status == Status.UNHEALTHY)
        said = {(record.name, record.levelname) for record in caplog.records}
        assert (("auscult.plugins.talks", "DEBUG") in said) == shown
        assert (("auscult.prober", "DEBUG") in said) == shown
        assert ("Traceback" in caplog.text) == shown
        assert ("auscult.health", "WARNING") in said


def test_every_logger_is_below_one():
    """No module logs under another name."""
    root = Path(__file__).parents[2]
    names = {
        name
        for folder in ("core", "plugins", "contrib")
        for file in (root / folder).rglob("*.py")
        if "tests" not in file.parts and "node_modules" not in file.parts
        for name in re.findall(r'getLogger\(f?"([^"]*)"', file.read_text(encoding="utf-8"))
    }
    assert names
    assert {name for name in names if not name.startswith(("auscult", "uvicorn.error"))} == set()
