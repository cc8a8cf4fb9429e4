"""All benchmarks in turn: ``python -m tests.benchmarks [--quick]``. Give the machine nothing else to do."""

from __future__ import annotations

from tests.benchmarks import checks, history, rendering, serving

for benchmark in (checks, serving, rendering, history):
    print(f"# {(benchmark.__doc__ or '').splitlines()[0]}", flush=True)
    benchmark.main()
