"""`Monitor`: the composition root. It wires the parts and owns their life; the logic is in the parts."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import anyio
from anyio import to_thread
from msgspec.structs import replace

from auscult.alert_manager import AlertManager
from auscult.clock import Clock, SystemClock
from auscult.component import Component
from auscult.dashboards.book import Dashboards
from auscult.dashboards.changes import Changes
from auscult.dashboards.incidents import Incidents
from auscult.errors import ComponentNotFound, StoreError
from auscult.judge import Judge
from auscult.kinds import Panel
from auscult.metrics.requests import Requests
from auscult.metrics_manager import MetricsManager
from auscult.model import CheckResult, ComponentHealth, Origin, Ping, Problem, Reading, Status, SystemHealth
from auscult.options import Duration
from auscult.runtime.context import Services
from auscult.runtime.deadman import DeadMan
from auscult.runtime.destinations import Destinations
from auscult.runtime.feed import Feed
from auscult.runtime.health import HealthMonitor, restored_results
from auscult.runtime.inbox import Inbox, Stored
from auscult.runtime.loop import Handle, Loop, current_loop
from auscult.runtime.readings import MAX_MEASUREMENTS, settle, to_reading, to_result
from auscult.runtime.runner import Runner
from auscult.runtime.self_check import SelfCheck
from auscult.runtime.stats import MonitorStats
from auscult.runtime.structs import prepare_structs
from auscult.runtime.topology import Topology
from auscult.store import HistoryPoint, Store, StoredResult

if TYPE_CHECKING:
    from auscult.catalogue import Catalogue
    from auscult.config import Plan, Settings
    from auscult.engine.health import Change
    from auscult.runtime.egress import EgressPolicy

__all__ = ["SELF", "Monitor"]

log = logging.getLogger("auscult.monitor")

SELF = "auscult"
"""The name under which the monitor monitors itself."""
UPTIME_EVERY = 60.0
UPTIME_SOON = 1.0
"""Seconds after which uptime is looked up again for components that have none yet; doubled in vain."""
HEALTH_CHECK, DASHBOARD_UPDATE = "HEALTH_CHECK_INTERVAL", "DASHBOARD_UPDATE_INTERVAL"
ALERT_CHECK = "ALERT_CHECK_INTERVAL"
READY_AFTER = 10.0
"""Seconds after which the monitor is ready even if some first probe still runs (decision 8)."""
STEPPED_WITHIN = 60.0
"""Seconds within which rules have to judge some result: the monitor's own comes every ten."""
HOUR_MS = 3_600_000


class Monitor:
    """Monitors components: ``await run()`` at start, ``await stop()`` at the end, from any task, asyncio or trio.

    Without `state_dir` the history is kept in memory only. `interrupt` lets the watchdog raise inside a probe that
    blocks the loop: for a process of our own, whose loop runs on the main thread.
    """

    def __init__(
        self,
        components: Iterable[Component] = (),
        *,
        catalogue: Catalogue | None = None,
        clock: Clock | None = None,
        state_dir: Path | str | None = None,
        policy: EgressPolicy | None = None,
        interval: float | None = None,
        measurements: int = MAX_MEASUREMENTS,
        interrupt: bool = False,
    ) -> None:
        self.clock: Clock = clock or SystemClock()
        self.catalogue = catalogue
        self.settings: Settings | None = None
        self.started_at: int | None = None
        self._stopping = False
        self.store: Store | None = None
        self._state_dir = Path(state_dir) if state_dir is not None else None
        self._store_options: dict[str, Any] = {}
        self._interrupt = interrupt
        self._services = Services(self.clock, policy, self._state_dir)
        self._inbox = Inbox(self._take)
        self._measurements = measurements
        self._runner = Runner(self.clock, self._services, self._deliver, self._complain, measurements)
        self._loop: Loop | None = None
        self._problems: dict[tuple[str, str], Problem] = {}
        self._listeners: list[Callable[[CheckResult, Change | None], None]] = []
        self._configured: set[str] = set()
        self._stored_pings: Mapping[str, list[Ping]] = {}
        self.health = HealthMonitor(self.clock, interval=interval if interval is not None else _pace(HEALTH_CHECK))
        self.alerts = AlertManager(
            self.clock,
            Topology(self.health),
            system=self.health.summary,
            complain=self._complain,
            look=self._look_at,
            is_known=lambda name: name in self.health.components,
        )
        self.alerts.check_interval = _pace(ALERT_CHECK, 60.0)
        self._judge = Judge(self.health, self.alerts, changed=self._note)
        self.requests = Requests(self.clock.now_ms())
        self.metrics = MetricsManager(
            self.clock,
            views=self.health.views,
            summary=self.health.summary,
            components=self.components,
            stats=self.stats,
            destinations=Destinations(self.health, self.report),
            requests=self.requests,
        )
        self.changes = Changes()
        self.dashboards = Dashboards(self, started=self.clock.now_ms())
        self.incidents = Incidents(self)
        self._configure_dashboards(None)
        self.feed = Feed()
        self.dead_man: DeadMan | None = None
        self._watching: Handle | None = None
        self.alerts.witness(self.feed.committed)
        self._services.ask = self.metrics.ask
        self._myself = self.health.register(SELF, SelfCheck(stats=self.stats), counted=False, critical=False)
        self.apply(components)

    @classmethod
    def from_settings(cls, settings: Settings, catalogue: Catalogue, **options: Any) -> Self:
        """A monitor for a loaded configuration; `options` as for the class."""
        from auscult.runtime.egress import EgressPolicy

        state_dir = options.pop("state_dir", settings.store.state_dir)
        monitor = cls(
            settings.components.values(),
            catalogue=catalogue,
            state_dir=state_dir,
            policy=EgressPolicy.from_settings(settings.egress),
            interval=settings.defaults.interval,
            measurements=settings.limits.measurements,
            **options,
        )
        monitor.settings = settings
        monitor._apply_itself(settings)
        monitor.alerts.configure(settings.alerting)
        monitor.alerts.introduce(settings.server.name, settings.server.url)
        monitor._configure_dashboards(settings)
        monitor.metrics.configure(settings.metrics)
        monitor._store_options = settings.store.options()
        return monitor

    # Life

    async def run(self) -> None:
        """Start everything; returns when it runs. Raises StateDirectoryLocked, StoreError."""
        self.started_at = self.clock.now_ms()
        self._stopping = False
        prepare_structs()
        self._judge.begin(self.started_at)
        if self._state_dir is not None:
            opening = partial(Store.open, self._state_dir, clock=self.clock, **self._store_options)
            self.store = store = await to_thread.run_sync(opening)
            begun = store.note_run(self.started_at, settings=self._settings_fingerprint())
            await to_thread.run_sync(begun.result)
            await self._restore(store, self.started_at)
        self._loop = loop = current_loop()
        await loop.start()
        self.health.changed = self._on_registered
        self.feed.open(loop)
        self._runner.add(self.health.components.values())
        for name, pings in self._stored_pings.items():
            for ping in pings:
                self._runner.add_ping(name, ping)
        await self.alerts.start(loop, self._services, self.store, self.started_at)
        self._watch(self.health.components, self.started_at)
        await self.metrics.start(loop, self._services, self.store)
        self._inbox.open(loop)
        self._runner.start(loop, interrupt=self._interrupt)
        if self.store is not None:
            self.health.set_uptime(await to_thread.run_sync(partial(self.store.uptime, self.clock.now_ms())))
            loop.spawn(self._refresh_uptime)
        self._watch_over()
        count = len(self.health.components) - 1
        log.info("monitoring %d component%s", count, "" if count == 1 else "s")

    async def stop(self) -> None:
        """Stop everything and close the store; what was taken in is on disk afterwards."""
        with anyio.CancelScope(shield=True):
            self.feed.close()
            self._watch_over(end=True)
            self._inbox.close()  # first: what came in is judged before the alerts end
            self._stopping = True
            await self.alerts.stop()
            await self.metrics.stop()
            await self._runner.stop()
            self._inbox.close()
            await self._services.close()
            if self.store is not None:
                await to_thread.run_sync(self.store.close)
                self.store = None
            self._loop = None

    async def __aenter__(self) -> Self:
        """For scripts; see `run`."""
        await self.run()
        return self

    async def __aexit__(self, *_: object) -> None:
        """See `stop`."""
        await self.stop()

    async def _restore(self, store: Store, now: int) -> None:
        limit = restored_results(len(self.health.components))
        recent = await to_thread.run_sync(partial(store.recent, since=now - HOUR_MS, limit=limit))
        self.health.restore(recent, await to_thread.run_sync(store.states))
        await to_thread.run_sync(partial(self.changes.restore, store, now))
        self._stored_pings = await to_thread.run_sync(store.pings)
        self.dashboards.open(await to_thread.run_sync(store.documents.read, "dashboard"))
        self.incidents.open(await to_thread.run_sync(store.documents.read, "incident"))

    async def _refresh_uptime(self) -> None:
        """Once a minute, and soon after a component's first results, so that no look at it is empty for long."""
        soon = UPTIME_SOON
        while (store := self.store) is not None:
            waited = 0.0
            while waited < UPTIME_EVERY and not (waited >= soon and self.health.lacks_uptime):
                await anyio.sleep(UPTIME_SOON)
                waited += UPTIME_SOON
            try:
                self.health.set_uptime(await to_thread.run_sync(partial(store.uptime, self.clock.now_ms())))
            except StoreError as error:
                log.warning("uptime is not up to date: %s", error)
            soon = min(soon * 2, UPTIME_EVERY) if self.health.lacks_uptime else UPTIME_SOON

    # Configuration

    def apply(self, components: Iterable[Component]) -> None:
        """Make these the configured components; unchanged ones lose no tick and no state.

        Components registered in code stay.
        """
        wanted = {component.name: component for component in components if component.enabled}
        current = dict(self.health.components)
        changed = [
            component
            for name, component in wanted.items()
            if name not in current
            or not current[name].fingerprint
            or current[name].fingerprint != component.fingerprint
        ]
        self.health.remove(self._configured - set(wanted))
        self.health.add(changed)
        self._configured = set(wanted)

    def reload(self, settings: Settings, catalogue: Catalogue) -> Plan:
        """Take in a newly loaded configuration, as a whole; says what changed."""
        from auscult.config import plan

        assert self.settings is not None, "only a monitor made from settings can be reloaded"
        changes = plan(self.settings, settings)
        if SELF in {*changes.added, *changes.changed, *changes.removed}:
            self._apply_itself(settings)
        self.apply(settings.components.values())
        self.alerts.configure(settings.alerting)
        self.alerts.introduce(settings.server.name, settings.server.url)
        self._watch(self.health.components, self._judge.moment(self.clock.now_ms()))
        self.metrics.configure(settings.metrics)
        self.settings, self.catalogue = settings, catalogue
        self._watch_over()
        self._configure_dashboards(settings)
        if self.store is not None:
            self.store.note_run(self.clock.now_ms(), settings=self._settings_fingerprint(), starts=False)
        return changes

    def _settings_fingerprint(self) -> str:
        from auscult.config.fingerprint import settings_fingerprint

        return settings_fingerprint(self.settings) if self.settings is not None else ""

    def _watch_over(self, *, end: bool = False) -> None:
        """Ask the dead-man address that is configured now, or none."""
        if self._watching is not None:
            self._watching.cancel()
        self._watching = self.dead_man = None
        wanted = self.settings.deadman if self.settings is not None and not end else None
        if wanted is None or not wanted.url or self._loop is None:
            return
        self.dead_man = DeadMan(
            wanted.url,
            float(wanted.interval),
            self.alerts,
            self.clock,
            lambda: self._services.client,
            stepped_within=max(STEPPED_WITHIN, 3 * self.health.components[SELF].interval),
            method=wanted.method,
            headers=wanted.headers,
        )
        self._watching = self._loop.spawn(self.dead_man.run)

    def _apply_itself(self, settings: Settings) -> None:
        """The monitor's own component as ``[components.auscult]`` wants it, or as it was made."""
        wanted = settings.itself
        self.health.add([self._myself if wanted is None else replace(wanted, check=self._myself.check, enabled=True)])

    def _configure_dashboards(self, settings: Settings | None) -> None:
        """Those of the plugins, looked up when they are first asked for where nobody has done so before."""
        pace = settings.defaults.dashboard_update_interval if settings is not None else _pace(DASHBOARD_UPDATE)
        declared = settings.boards if settings is not None else ()
        if self.catalogue is None:
            self.dashboards.configure_later(_installed_panels, refresh_interval=pace)
        else:
            shipped = self.catalogue.panels, self.catalogue.dashboards
            self.dashboards.configure(*shipped, declared=declared, refresh_interval=pace)

    def _on_registered(self, added: list[Component], removed: list[str]) -> None:
        self.feed.removed(removed)
        self.feed.changed(component.name for component in added)
        self._runner.remove(removed)
        for name in removed:
            self.metrics.durations.forget(name)
            self.alerts.forget_component(name)
        for component in added:
            self.alerts.refresh_component(component.name)
        self._watch((component.name for component in added), self._judge.moment(self.clock.now_ms()))
        self._runner.add(added)
        for key in [key for key in self._problems if key[0] in removed or key[0] in {c.name for c in added}]:
            del self._problems[key]

    def _watch(self, names: Iterable[str], now: int) -> None:
        """From now on (ms) these may be absent; and the system may be another one."""
        for name in names:
            self.alerts.watch(name, partial(self.health.glance, name), now)
        self._judge.judge_system(now)

    # Results in

    def _deliver(self, result: CheckResult, taken: Callable[[CheckResult], None] | None) -> None:
        self._inbox.offer(result, taken=taken)

    def _take(self, result: CheckResult, stored: Stored | None) -> None:
        """The pipeline, in order, without a suspension."""
        if self._stopping:  # nobody would judge it any more; on disk it would seem to have been judged
            if stored is not None:
                stored(StoreError("The monitor is being stopped"))
            return
        result = self._judge.in_order(result)
        if self.store is not None:
            if stored is None:
                self.store.append(result)
            else:
                self.store.append_durably(result, stored)
        change = self._judge.take(result)
        if self.health.confirming(result.component) and result.origin != Origin.PUSH:
            self._runner.recheck(result.component, first=self.health.component_since(result.component) is None)
        if result.origin != Origin.PUSH:
            self.metrics.durations.observe(result.component, result.duration)
        self._look_below(result)
        self.feed.result(result)
        for listen in self._listeners:
            listen(result, change)

    def _note(self, change: Change) -> None:
        """A component's status changed."""
        self.changes.note(change)
        self.feed.changed([change.component])
        if self.store is not None:
            self.store.note_change(change)

    def _look_below(self, result: CheckResult) -> None:
        """At the first failure look at what the component depends on, to know who is at fault."""
        component = self.health.components.get(result.component)
        if component is None or not component.depends_on or result.status != Status.UNHEALTHY:
            return
        if self.health.glance(component.name).consecutive_failures == 1:
            for other in component.depends_on:
                self._look_at(other)

    def _look_at(self, name: str) -> None:
        """Probe a component soon, if it is probed at all."""
        component = self.health.components.get(name)
        if component is not None and self._loop is not None and not component.check.passive:
            self._runner.look(name)

    def listen(self, listener: Callable[[CheckResult, Change | None], None]) -> None:
        """Have `listener` called for every result taken in, with the change of status it made; it must not block."""
        self._listeners.append(listener)

    def report(self, name: str, reading: Reading) -> None:
        """Push a reading from any thread; never blocks. Raises ComponentNotFound."""
        self._inbox.offer(self._pushed(name, reading))

    async def report_durably(self, name: str, reading: Reading) -> None:
        """Push a reading; returns when it is taken in and committed. Raises ComponentNotFound, StoreError."""
        result = self._pushed(name, reading)
        if self.store is not None:
            await self._committed(lambda done: self._inbox.offer(result, stored=done))
            return
        taken = anyio.Event()
        self._inbox.offer(result, taken=lambda _: taken.set())
        if self._loop is not None:
            await taken.wait()

    async def ping(self, name: str, ping: Ping) -> None:
        """Take a sign of life; returns when it is committed. The component is looked at right after."""
        self._known(name)
        if self.store is not None:
            await self._committed(partial(self.store.append_ping, name, ping))
        self._runner.add_ping(name, ping)
        if self._loop is not None and not self.health.components[name].check.passive:
            self._runner.look(name)

    async def check_now(self, name: str) -> CheckResult:
        """Probe at once, or join the run in flight; returns its result, taken in. Raises ComponentNotFound."""
        component = self._known(name)
        if component.check.passive or self._loop is None:
            latest = self.health.recent(name, 1)
            return latest[0] if latest else self._pushed(name, Reading.unknown("no reading has been pushed yet"))
        done = anyio.Event()
        results: list[CheckResult] = []

        def tell(result: CheckResult) -> None:
            results.append(result)
            done.set()

        self._runner.check_now(name, tell)
        await done.wait()
        return results[0]

    def _pushed(self, name: str, reading: Reading) -> CheckResult:
        component = self._known(name)
        settled, complaint = settle(to_reading(reading), limit=self._measurements)
        if complaint:
            self._complain(
                name,
                Problem(
                    plugin=component.check.kind,
                    stage="push",
                    message=f"{name}: {complaint}",
                    remedy="push a fixed set of finite measurements",
                ),
            )
        return to_result(name, settled, at=self.clock.now_ms(), origin=Origin.PUSH)

    async def _committed(self, write: Callable[[Callable[[BaseException | None], None]], None]) -> None:
        """Wait until the store has committed what `write` hands it."""
        loop = self._loop or current_loop()
        done, errors = anyio.Event(), list[BaseException]()

        def on_loop(error: BaseException | None) -> None:
            if error is not None:
                errors.append(error)
            done.set()

        write(lambda error: loop.call_soon_threadsafe(partial(on_loop, error)))
        await done.wait()
        if errors:
            raise errors[0]

    def _known(self, name: str) -> Component:
        components = self.health.components
        if name not in components:
            raise ComponentNotFound(name, components)
        return components[name]

    def _complain(self, name: str, problem: Problem) -> None:
        self._problems[name, problem.stage] = problem

    # Questions

    def components(self) -> Mapping[str, Component]:
        """All monitored components by name, the monitor itself included."""
        return self.health.components

    def component_health(self, name: str) -> ComponentHealth:
        """One component's health. Raises ComponentNotFound."""
        return self.health.component(name)

    def system_health(self) -> SystemHealth:
        """All components and the verdict; its cost grows with their number."""
        return self.health.system()

    def summary(self) -> SystemHealth:
        """Verdict and totals only, at a fixed cost."""
        return self.health.summary()

    def recent_results(self, name: str, limit: int = 100) -> list[CheckResult]:
        """The latest results, newest first, from memory. Raises ComponentNotFound."""
        return self.health.recent(name, limit)

    async def history(self, name: str, start: int, end: int, points: int) -> list[HistoryPoint]:
        """Results between two times (ms) in at most `points` buckets; empty without a store."""
        self._known(name)
        if self.store is None:
            return []
        return await to_thread.run_sync(partial(self.store.history, name, start, end, points))

    async def results(self, name: str, *, before: int | None = None, limit: int = 100) -> list[StoredResult]:
        """Stored results, newest first, `before` an id; from memory, without ids, where there is no store."""
        self._known(name)
        if self.store is None:
            return [StoredResult(id=0, result=result) for result in self.health.recent(name, limit)]
        return await to_thread.run_sync(partial(self.store.results, name, before=before, limit=limit))

    @property
    def revision(self) -> int:
        """Grows with everything that can change an answer."""
        return self.health.revision

    @property
    def ready(self) -> bool:
        """Whether the first verdicts are there, or ten seconds have passed."""
        if self._loop is None or self.started_at is None:
            return False
        return self.health.judged or self.clock.now_ms() - self.started_at >= READY_AFTER * 1000

    @property
    def problems(self) -> list[Problem]:
        """What plugins do wrong: found when they were loaded, and while they run."""
        found = list(self.catalogue.problems) if self.catalogue is not None else []
        return found + list(self._problems.values()) + self.dashboards.problems + self.metrics.problems

    def stats(self) -> MonitorStats:
        """What the monitor knows about itself."""
        scheduler, runner = self._runner.scheduler, self._runner
        p50, p99, worst = scheduler.lateness()
        return MonitorStats(
            components=len(self.health.components) - 1,
            checks_started=scheduler.started,
            checks_finished=runner.finished,
            checks_failed=runner.failed,
            missed=scheduler.missed,
            in_flight=scheduler.in_flight,
            hung=runner.hung(),
            parked=runner.parked(),
            lateness_p50=p50,
            lateness_p99=p99,
            lateness_max=worst,
            late=scheduler.late(self.clock.monotonic()),
            inbox=len(self._inbox),
            reports_dropped=self._inbox.dropped,
            loop_blocked=runner.watchdog.count if runner.watchdog is not None else 0,
            problems=len(self.problems),
            alerts=self.alerts.stats(),
            deadman=(self.dead_man.broken, self.dead_man.error) if self.dead_man is not None else None,
            store=self.store.stats() if self.store is not None else None,
        )


def _installed_panels() -> tuple[Mapping[str, type[Panel]], Iterable[Any]]:
    from auscult.catalogue import Catalogue

    catalogue = Catalogue.discover()
    return catalogue.panels, catalogue.dashboards


def _pace(variable: str, otherwise: float = 30.0) -> float:
    """A time between two of something, as the seed document's variables set it: ``HEALTH_CHECK_INTERVAL``."""
    try:
        return float(Duration(os.environ.get(variable, otherwise))) or otherwise
    except ValueError as error:
        log.warning("%s is ignored: %s", variable, error)
        return otherwise
