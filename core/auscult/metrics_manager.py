"""`MetricsManager`: the metrics of one monitor, where they come from and go. It wires; the logic is in the parts."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel
from anyio import to_thread

from auscult.alerts.matching import Matcher
from auscult.clock import Clock
from auscult.component import NAME, Component
from auscult.errors import ConfigurationError, StoreError
from auscult.families import Event, Labels, Samples, Snapshot
from auscult.kinds import Answer, Exporter, Received, Receiver, Source, is_same
from auscult.metrics.durations import ProbeDurations
from auscult.metrics.intake import Intake, Limits, Refusals
from auscult.metrics.merging import Merger
from auscult.metrics.own import OwnMetrics
from auscult.metrics.query import MetricAnswer, MetricQuery
from auscult.metrics.registry import RegistryReader
from auscult.metrics.requests import Requests
from auscult.model import ComponentHealth, Problem, Reading, SystemHealth
from auscult.runtime.alert_stats import alert_figures
from auscult.runtime.asking import DEFAULT_INTERVAL, Asking, NoReceiver, SourceStats
from auscult.runtime.context import Services
from auscult.runtime.destinations import Destinations, ExporterCheck, SourceCheck
from auscult.runtime.loop import Loop
from auscult.runtime.pushing import ExporterStats, Pushing
from auscult.runtime.source_context import IntakeContext
from auscult.runtime.stats import MonitorStats, figures

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from auscult.config.settings import MetricsSettings
    from auscult.store import Store
    from auscult.store.metric_reader import StoredFamily

__all__ = ["MetricsManager"]

log = logging.getLogger("auscult.metrics")

SHARED_MS = 500
"""How old a snapshot may be that several exporters share."""
OWN_OFTEN = 10_000
"""Series of the monitor's own that are kept at every interval; more than that are kept once a minute, for every result
is kept anyway."""
MINUTE = 60.0
COLLECT_TIMEOUT = 5.0
"""Seconds that a registry may take to answer."""


class MetricsManager:
    """See the module. `snapshot` is what everybody reads: `/metrics`, exporters, the history, panels and rules."""

    def __init__(
        self,
        clock: Clock,
        *,
        views: Callable[[], Iterable[ComponentHealth]],
        summary: Callable[[], SystemHealth],
        components: Callable[[], Mapping[str, Component]],
        stats: Callable[[], MonitorStats],
        destinations: Destinations,
        requests: Requests | None = None,
    ) -> None:
        self._requests = requests
        self._clock, self._views, self._summary = clock, views, summary
        self._components, self._stats = components, stats
        self._destinations = destinations
        self._pushing: Pushing | None = None
        self._shared: Snapshot | None = None
        self._pushing_names: set[str] = set()
        self._asking: Asking | None = None
        self._asking_names: set[str] = set()
        self.durations = ProbeDurations()
        self.problems: list[Problem] = []
        """Limits that bit, registries that failed."""
        self.exporters: dict[str, Exporter] = {}
        self.exporter_intervals: dict[str, float] = {}
        self.sources: dict[str, Source] = {}
        self.source_intervals: dict[str, float] = {}
        self.export_interval = 30.0
        self.store_interval = 15.0
        self._configured: set[tuple[str, str]] = set()
        self._limits = Limits()
        self._refusals = Refusals(self._on_refused)
        self._own = OwnMetrics()
        self._merger = Merger(self._refusals)
        self._registries: dict[str, _Registry] = {}
        self._contexts: dict[str, IntakeContext] = {}
        self._events = self._failures = 0
        self._services: Services | None = None
        self._store: Store | None = None
        self._loop: Loop | None = None
        self._turn = anyio.Lock()

    # Life

    async def start(self, loop: Loop, services: Services, store: Store | None) -> None:
        """Begin to keep a history, to ask sources and to push."""
        self._loop, self._services, self._store = loop, services, store
        if store is not None and self.store_interval > 0:
            loop.spawn(self._keep_history)
        self._pushing = Pushing(loop, services, self._shared_snapshot, self._on_pushed)
        self._settle_exporters()
        self._asking = Asking(loop, self.context, self._on_asked)
        self._settle_sources()

    async def stop(self) -> None:
        """Ask and push no more."""
        if self._asking is not None:
            self._asking.stop()
            self._asking = None
        pushing, self._pushing = self._pushing, None
        if pushing is not None:
            await pushing.stop()
        self._loop = self._store = None

    # What is configured

    def configure(self, settings: MetricsSettings) -> None:
        """Take in exporters, sources and limits; what was added in code stays."""
        limits = settings.limits
        self._limits = Limits(
            labels=limits.labels,
            label_name=limits.label_name,
            label_value=limits.label_value,
            series=limits.series,
        )
        for intake in self._intakes():
            intake.limits = self._limits
        self.export_interval, self.store_interval = settings.export_interval, settings.store_interval
        wanted = {("exporters", name) for name in settings.exporters} | {("sources", name) for name in settings.sources}
        for table, name in self._configured - wanted:
            (self.remove_exporter if table == "exporters" else self.remove_source)(name)
        self._configured = wanted
        for name, exporter in settings.exporters.items():
            self._put(self.exporters, name, exporter)
        for name, source in settings.sources.items():
            self._put(self.sources, name, source)
        self.exporter_intervals = dict(settings.exporter_intervals)
        self.source_intervals = dict(settings.source_intervals)
        self._settle_exporters()
        self._settle_sources()

    def add_registry(self, registry: CollectorRegistry, name: str = "registry") -> None:
        """Have whatever is recorded in this registry of prometheus_client exported, kept, drawn and alerted on.

        `name` tells several registries apart where series are counted or refused. Raises ConfigurationError for a name
        that is taken or malformed.
        """
        _check_name(name)
        if name in self._registries and self._registries[name].registry is not registry:
            raise ConfigurationError(f"There is a registry `{name}` already; give this one another `name`")
        self._registries[name] = _Registry(registry, self._intake(f"registry:{name}"))

    def remove_registry(self, name: str = "registry") -> None:
        """Leave a registry out from now on. Raises KeyError."""
        del self._registries[name]

    def add_exporter(self, name: str, exporter: Exporter) -> None:
        """Have metrics go to one more place; one of the same name takes the other's place."""
        _check_name(name)
        self._put(self.exporters, name, exporter)
        self._settle_exporters()

    def remove_exporter(self, name: str) -> None:
        """Have them go there no more. Raises KeyError."""
        del self.exporters[name]
        self._settle_exporters()

    def add_source(self, name: str, source: Source) -> None:
        """Have metrics come from one more place; one of the same name takes the other's place."""
        _check_name(name)
        self._put(self.sources, name, source)
        self._settle_sources()

    def remove_source(self, name: str) -> None:
        """Have them come from there no more. Raises KeyError."""
        del self.sources[name]
        self._contexts.pop(name, None)
        self._settle_sources()

    def _put(self, there: dict[str, Any], name: str, new: Any) -> None:
        # What did not change stays the same object, and keeps its connections and its pace.
        if not is_same(there.get(name), new):
            there[name] = new
            if there is self.sources:
                self._contexts.pop(name, None)

    # Where it comes from

    def source_interval_of(self, name: str) -> float:
        """Seconds between looks at that source: its own option, the common key, the default. Raises KeyError."""
        try:
            own = self.sources[name].every()
        except Exception:  # a plugin's method; the default is always there
            own = None
        return max(float(own or self.source_intervals.get(name) or DEFAULT_INTERVAL), 0.1)

    def source_stats(self) -> dict[str, SourceStats]:
        """How each source is doing."""
        return self._asking.stats() if self._asking is not None else {}

    def receiver(self, name: str, path: str) -> Receiver:
        """Where that source takes in requests. Raises NoReceiver."""
        if self._asking is None:
            raise NoReceiver
        return self._asking.receiver(name, path)

    def well_known_receiver(self, path: str) -> tuple[str, Receiver]:
        """The one source, and where it takes in what is sent to that path without a name. Raises NoReceiver."""
        if self._asking is None:
            raise NoReceiver
        return self._asking.well_known(path)

    async def receive(self, name: str, request: Received) -> Answer:
        """Have that source take in a request. Raises NoReceiver."""
        if self._asking is None:
            raise NoReceiver
        return await self._asking.receive(name, request)

    def _settle_sources(self) -> None:
        if self._asking is None:
            return
        self._asking.set_sources(self.sources, self.source_interval_of)
        for name in self._asking_names - set(self.sources):
            self._destinations.forget(f"source.{name}")
        for name in set(self.sources) - self._asking_names:
            source = self.sources[name]
            every = self.source_interval_of(name) if source.collects() else source.stale_after() / 3
            self._destinations.watch(f"source.{name}", SourceCheck(), every)
        self._asking_names = set(self.sources)

    def _on_asked(self, name: str, reading: Reading) -> None:
        self._destinations.tell(f"source.{name}", reading)

    # Where it goes

    def export_interval_of(self, name: str) -> float:
        """Seconds between pushes of that exporter: its own option, the common key, the default. Raises KeyError."""
        exporter = self.exporters[name]
        try:
            own = exporter.every()
        except Exception:  # a plugin's method; the default is always there
            own = None
        return max(float(own or self.exporter_intervals.get(name) or self.export_interval), 0.1)

    def exporter_stats(self) -> dict[str, ExporterStats]:
        """How each exporter that pushes is doing."""
        return self._pushing.stats() if self._pushing is not None else {}

    def _settle_exporters(self) -> None:
        if self._pushing is None:
            return
        self._pushing.set_exporters(self.exporters, self.export_interval_of)
        pushing = set(self._pushing.stats())
        for name in self._pushing_names - pushing:
            self._destinations.forget(f"exporter.{name}")
        for name in pushing - self._pushing_names:
            self._destinations.watch(f"exporter.{name}", ExporterCheck(), self.export_interval_of(name))
        self._pushing_names = pushing

    def _on_pushed(self, name: str, reading: Reading) -> None:
        self._destinations.tell(f"exporter.{name}", reading)

    async def _shared_snapshot(self, after: int) -> Snapshot:
        """The metrics as they are now, and later than `after`; exporters that push at the same moment share one."""
        shared = self._shared
        if shared is None or shared.at <= after or not 0 <= self._clock.now_ms() - shared.at < SHARED_MS:
            shared = self._shared = await self.snapshot()
        return shared

    # What comes in

    def context(self, name: str) -> IntakeContext:
        """What the source of that name is given. Raises KeyError."""
        context = self._contexts.get(name)
        if context is None:
            assert self._services is not None, "start() comes first"
            source = self.sources[name]
            intake = self._intake(f"source:{name}")
            context = self._contexts[name] = IntakeContext(name, source, intake, self.record, self._services)
        return context

    def record(self, event: Event) -> None:
        """Keep something that happened once, such as a call to an AI service; from any thread, never blocks or raises.

        One with more labels, or longer ones, than the limits allow is left out, counted and shown.
        """
        if objection := self._objection(event):
            self._refusals.count("events", *objection)
            return
        self._events += 1
        store = self._store
        if store is not None:
            store.append_event(event)

    def _objection(self, event: Event) -> tuple[str, str] | None:
        limits, kind = self._limits, event.kind[:100]
        if len(event.labels) > limits.labels or len(event.numbers) > limits.labels:
            return "labels", f"an event of `{kind}` has more than {limits.labels} labels or numbers"
        for label, value in event.labels.items():
            if len(label) > limits.label_name:
                return "label_name", f"an event of `{kind}` has a label named {label[:100]!r}"
            if len(value.encode(errors="replace")) > limits.label_value:
                return (
                    "label_value",
                    f"the label `{label}` of an event of `{kind}` is longer than {limits.label_value} bytes",
                )
        return None

    # What is there

    async def _keep_history(self) -> None:
        """Store a snapshot at each interval, without drift; what cannot be taken is tried again at the next one."""
        due = full = monotonic()
        while (store := self._store) is not None:
            own = len(self._own) <= OWN_OFTEN or due >= full
            full = due + MINUTE if own else full
            try:
                store.append_snapshot(await self.snapshot(own=own))
            except StoreError as error:
                log.warning("metrics are not kept: %s", error)
            except Exception:
                log.exception("a snapshot of the metrics could not be taken")
            due = max(due + self.store_interval, monotonic())
            await anyio.sleep(max(due - monotonic(), 0.001))

    async def ask(self, question: MetricQuery, start: int, end: int, points: int = 500) -> MetricAnswer:
        """A question to the history, answered for [start, end) (ms) in at most `points` parts. Raises StoreError."""
        if self._store is None:
            return MetricAnswer(times=[], step=0, tracks=[], reason="there is no history: no state directory")
        return await to_thread.run_sync(partial(self._store.metrics.ask, question, start, end, points))

    async def events(
        self, kind: str, start: int, end: int, match: Sequence[Matcher] = (), limit: int = 100_000
    ) -> list[Event]:
        """Events of the history in [start, end) (ms), oldest first. Raises StoreError."""
        if self._store is None:
            return []
        return await to_thread.run_sync(partial(self._store.metrics.events, kind, start, end, match, limit))

    async def families(self) -> list[StoredFamily]:
        """What the history knows of. Raises StoreError."""
        return await to_thread.run_sync(self._store.metrics.families) if self._store is not None else []

    async def snapshot(self, *, own: bool = True) -> Snapshot:
        """All metrics as they are now; without `own` those from outside only. Others get a turn every few milliseconds
        while it is taken.
        """
        async with self._turn:
            now = self._clock.now_ms()
            parts = await self._filled(now) if own else []
            for name, registry in list(self._registries.items()):
                parts += await self._collected(name, registry)
            for context in list(self._contexts.values()):
                context.intake.expire(context.stale_after)
                parts += context.intake.samples()
            return Snapshot(now, self._merger.merged(parts))

    async def _filled(self, now: int) -> list[Samples]:
        for _ in self._own.fill(
            self._summary(), self._views(), self._components(), self.durations, self._figures(), now=now
        ):
            await anyio.lowlevel.checkpoint()
        return list(self._own.samples())

    async def _collected(self, name: str, registry: _Registry) -> list[Samples]:
        if registry.busy:  # it has not come back from the last time
            return registry.latest
        with anyio.move_on_after(COLLECT_TIMEOUT) as scope:
            await to_thread.run_sync(registry.collect, abandon_on_cancel=True)
        error = f"took longer than {COLLECT_TIMEOUT:g} s" if scope.cancelled_caught else registry.error
        if error:
            self._failures += 1
            self._note(f"registry:{name}", "collect", f"the registry `{name}` {error}", "mend its collector")
        return registry.latest

    def _figures(self) -> dict[tuple[str, Labels], float]:
        stats = self._stats()
        found: dict[tuple[str, Labels], float] = {(name, ()): value for name, value in figures(stats).items()}
        if stats.alerts is not None:
            found |= alert_figures(stats.alerts)
        if self._requests is not None:
            found |= {(name, labels): value for name, labels, value in self._requests.figures()}
        found["auscult_metric_events_total", ()] = self._events
        found["auscult_metric_collect_failures_total", ()] = self._failures
        if self._store is not None:
            kept = self._store.metric_stats()
            found["auscult_store_metric_samples_total", ()] = kept.samples
            found["auscult_store_metric_events_total", ()] = kept.events
            found["auscult_store_metrics_dropped_total", ()] = kept.dropped
        for intake in self._intakes():
            found["auscult_metric_series", (("origin", intake.origin),)] = len(intake)
        for name, pushed in self.exporter_stats().items():
            label = (("exporter", name),)
            found["auscult_exporter_pushes_total", label] = pushed.pushed
            found["auscult_exporter_failures_total", label] = pushed.failed
            found["auscult_exporter_snapshots_dropped_total", label] = pushed.dropped
            found["auscult_exporter_snapshots_waiting", label] = pushed.waiting
            if pushed.last_success is not None:
                found["auscult_exporter_last_success_timestamp_seconds", label] = pushed.last_success / 1000
        for name, asked in self.source_stats().items():
            label = (("source", name),)
            found["auscult_source_looks_total", label] = asked.looks
            found["auscult_source_requests_total", label] = asked.received
            found["auscult_source_failures_total", label] = asked.failed
        for (origin, reason), count in self._refusals.counts.items():
            found["auscult_metric_series_refused_total", (("origin", origin), ("reason", reason))] = count
        return found

    def _intake(self, origin: str) -> Intake:
        return Intake(origin, self._limits, self._refusals, self._series, clock=monotonic)

    def _intakes(self) -> Iterable[Intake]:
        yield from (registry.intake for registry in self._registries.values())
        yield from (context.intake for context in self._contexts.values())

    def _series(self) -> int:
        return sum(map(len, self._intakes()))

    def _on_refused(self, origin: str, what: str) -> None:
        remedy = "use fewer label values, or raise the limit in `[limits]`"
        self._note(origin, "metrics", what, remedy)

    def _note(self, origin: str, stage: str, message: str, remedy: str) -> None:
        problem = Problem(plugin=origin, stage=stage, message=message, remedy=remedy)
        if all(known.message != message for known in self.problems):
            log.warning("%s", message)
            self.problems.append(problem)


class _Registry:
    """A registry of the user's, asked in a thread: its collectors may block."""

    def __init__(self, registry: CollectorRegistry, intake: Intake) -> None:
        self.registry, self.intake = registry, intake
        self._reader = RegistryReader(registry, intake.table)
        self.latest: list[Samples] = []
        self.busy = False
        self.error = ""

    def collect(self) -> None:
        """Bring `latest` up to date; what goes wrong is in `error`."""
        self.busy = True
        try:
            self.intake.put(self._reader.families(monotonic))
            self.latest, self.error = self.intake.samples(), ""
        except Exception as error:  # collectors are the user's
            self.latest, self.error = [], f"cannot be collected: {type(error).__name__}: {error}"
        finally:
            self.busy = False


def _check_name(name: str) -> None:
    if not NAME.fullmatch(name):
        raise ConfigurationError(f"The name {name!r} does not match [a-z0-9_.-]{{1,64}}")
