"""A registry read the short way: whatever is done to its metrics, the document is what prometheus_client makes."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Enum, Gauge, Histogram, Info, Summary, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from auscult import Snapshot, render
from auscult.metrics.intake import Intake, Limits, Refusals
from auscult.metrics.registry import RegistryReader


class Registry:
    """One metric of each type, with and without labels, and what can be done to them."""

    def __init__(self):
        self.registry = registry = CollectorRegistry()
        self.counter = Counter("counted", "x", ["kind"], registry=registry)
        self.alone = Counter("alone", "x", registry=registry)
        self.gauge = Gauge("level", "x", ["kind"], registry=registry)
        self.histogram = Histogram("seconds", "x", ["kind"], buckets=(1, 2, 5), registry=registry)
        self.below = Histogram("below", "x", ["kind"], buckets=(-1, 1), registry=registry)
        self.summary = Summary("summed", "x", ["kind"], registry=registry)
        self.info = Info("build", "x", registry=registry)
        self.state = Enum("phase", "x", states=["a", "b"], registry=registry)
        intake = Intake("test", Limits(), Refusals(lambda *_: None), lambda: len(intake), clock=lambda: 0.0)
        self.intake, self.reader = intake, RegistryReader(registry, intake.table)

    def do(self, what, kind, number):
        """One of the things."""
        match what:
            case "count":
                self.counter.labels(kind).inc(number)
                self.alone.inc(number)
            case "exemplar":
                self.counter.labels(kind).inc(number, {"trace_id": kind})
                self.histogram.labels(kind).observe(number, {"trace_id": kind})
            case "reset":
                self.counter.labels(kind).reset()
            case "level":
                self.gauge.labels(kind).set(-number)
            case "function":
                self.gauge.labels(kind).set_function(lambda: number)
            case "observe":
                self.histogram.labels(kind).observe(number)
                self.below.labels(kind).observe(-number)
                self.summary.labels(kind).observe(number)
            case "remove":
                self.counter.remove(kind)
                self.histogram.remove(kind)
                self.gauge.remove(kind)
            case "clear":
                self.gauge.clear()
            case "tell":
                self.info.info({"kind": kind})
                self.state.state("a" if number > 1 else "b")
            case "leave" if self.below is not None and self.registry._names_to_collectors.get("below") is self.below:
                self.registry.unregister(self.below)

    def same(self):
        """Whether it is, twice, so that the short way is taken at least once."""
        for _ in range(2):
            self.intake.put(self.reader.families(lambda: 0.0))
            parts = self.intake.samples()
            assert rendered(parts) == without_empty(generate_latest(self.registry))
            assert rendered(parts, openmetrics=True) == without_empty(generate_openmetrics(self.registry))


def rendered(parts, **options):
    return b"".join(render(Snapshot(0, parts), **options)).decode().splitlines()


def without_empty(document):
    """The lines, without the heads of families that have no sample."""
    lines = document.decode().splitlines()
    kept = []
    for line in lines:
        if line.startswith("# HELP") or line == "# EOF":
            while kept and kept[-1].startswith("# "):
                kept.pop()
        kept.append(line)
    return kept


ACTIONS = ["count", "exemplar", "reset", "level", "function", "observe", "remove", "clear", "tell", "leave"]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.lists(st.tuples(st.sampled_from(ACTIONS), st.sampled_from("abc"), st.floats(0, 1e7)), max_size=5),
        max_size=6,
    )
)
def test_the_short_way_gives_the_same(rounds):
    """Between any things done to a registry, in any order."""
    registry = Registry()
    registry.same()
    for actions in rounds:
        for action in actions:
            registry.do(*action)
        registry.same()


def test_the_short_way_is_taken():
    """Unchanged children are not collected again: their collector is not even asked."""
    registry = Registry()
    for kind in "abc":
        registry.do("count", kind, 1.0)
        registry.do("observe", kind, 1.0)
    registry.same()
    for metric in (registry.counter, registry.histogram, registry.alone):
        metric.collect = None  # would raise when called
    registry.do("count", "a", 5.0)
    names = [each if isinstance(each, str) else each.name for each in registry.reader.families(lambda: 0.0)]
    assert {"counted_total", "alone_total", "seconds"} <= set(names)
    registry.intake.put(registry.reader.families(lambda: 0.0))
    snapshot = Snapshot(0, registry.intake.samples())
    assert snapshot.value("counted_total", kind="a") == 6.0
