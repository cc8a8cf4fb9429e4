"""All benchmarks in turn: ``python -m tests.benchmarks [--quick]``. Give the machine nothing else to do."""

from __future__ import annotations

from tests.benchmarks import alerts, checks, history, live, metric_history, otlp, rendering, serving
from tests.benchmarks.goals import Goal, table

goals: list[Goal] = []
for benchmark in (checks, alerts, serving, live, rendering, history, metric_history, otlp):
    print(f"# {(benchmark.__doc__ or '').splitlines()[0]}", flush=True)
    goals += benchmark.main() or []
print(table(goals))
