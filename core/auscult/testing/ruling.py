"""Files of rule tests, run from a test."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from auscult.replay.trial import Trials

__all__ = ["assert_rules"]


def assert_rules(
    file: Path | str,
    *,
    config: Path | str | None = None,
    environ: Mapping[str, str] | None = None,
    unreached: Collection[str] | None = None,
) -> None:
    """Run every test of a file, as ``auscult rules test`` does; raises AssertionError with what did not come.

    `unreached`: no rule but these may be reached by no test; None does not look. Raises ConfigurationError.
    """
    trials = Trials(Path(file), config=Path(config) if config is not None else None, environ=environ or {})
    outcomes = [trials.run(test) for test in trials.tests]
    failures = [f"{outcome.name}: {failure}" for outcome in outcomes for failure in outcome.failures]
    if unreached is not None:
        reached = {rule for outcome in outcomes for rule in outcome.reached}
        failures += [f"no test reached the rule {rule}" for rule in trials.rules if rule not in {*reached, *unreached}]
        failures += [f"a test does reach the rule {rule}" for rule in unreached if rule in reached]
    if failures:
        raise AssertionError("\n".join(failures))
