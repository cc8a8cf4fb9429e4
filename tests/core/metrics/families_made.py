"""Families for the tests of metrics, made by hypothesis or by hand."""

from __future__ import annotations

import math

from hypothesis import strategies as st
from prometheus_client import Metric

VALUES = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True),
    st.integers(-(10**7), 10**9).map(float),
    st.sampled_from([0.0, -0.0, 1e6, 999999.5, 1e-9, 123456789.125, math.inf, -math.inf, math.nan]),
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
STAMPS = st.one_of(st.none(), st.integers(0, 2_000_000_000).map(float))
"""Whole seconds: prometheus_client loses a millisecond here and there on its way through floats."""
_SAMPLES = {
    "gauge": ("",),
    "counter": ("_total", "_created"),
    "histogram": ("_bucket", "_bucket", "_count", "_sum", "_created"),
    "summary": ("", "_count", "_sum", "_created"),
    "gaugehistogram": ("_bucket", "_gcount", "_gsum"),
    "info": ("_info",),
    "stateset": ("",),
    "unknown": ("",),
}


@st.composite
def metrics(draw, name):
    """One family with a few children, as prometheus_client has it."""
    kind = draw(st.sampled_from(sorted(_SAMPLES)))
    metric = Metric(name, draw(TEXTS), kind)
    names = draw(st.lists(st.sampled_from(["a", "B_2", "zone"]), unique=True, max_size=3))
    for values in draw(st.lists(st.tuples(*([TEXTS] * len(names))), unique=True, max_size=5)):
        buckets = iter(("1.0", "+Inf"))
        for suffix in _SAMPLES[kind]:
            labels = dict(zip(names, values, strict=True))
            if suffix == "_bucket":
                labels["le"] = next(buckets)
            metric.add_sample(name + suffix, labels, draw(VALUES), draw(STAMPS))
    return metric


def several():
    """A few families of different names."""
    return st.integers(1, 4).flatmap(lambda n: st.tuples(*(metrics(f"family_{i}") for i in range(n))))


class Collector:
    """Gives the families it was made of."""

    def __init__(self, families):
        self.families = families

    def collect(self):
        return self.families
