"""A pytest plugin: files named ``test_*.rules.toml`` (or .yaml, .yml) are tests, one item for each of theirs.

Put ``pytest_plugins = ["auscult.testing.rule_files"]`` into the top ``conftest.py``, or ``-p
auscult.testing.rule_files`` into pytest's options.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from auscult.replay.trial import Trial, Trials

__all__ = ["RuleFile", "RuleTest", "pytest_collect_file"]

_NAME = re.compile(r"test_.*\.rules\.(toml|ya?ml)")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> RuleFile | None:
    """Take the files whose name says so."""
    if _NAME.fullmatch(file_path.name):
        found: RuleFile = RuleFile.from_parent(parent, path=file_path)
        return found
    return None


class RuleFile(pytest.File):
    """One file."""

    def collect(self) -> Iterator[RuleTest]:
        """Read it; a mistake in it is one sentence each."""
        from auscult.errors import ConfigurationError
        from auscult.replay.trial import Trials

        try:
            trials = Trials(self.path)
        except ConfigurationError as error:
            raise self.CollectError("\n".join(map(str, error.findings))) from error
        for trial in trials.tests:
            yield RuleTest.from_parent(self, name=trial.name, trials=trials, trial=trial)


class RuleTest(pytest.Item):
    """One test of a file."""

    def __init__(self, *, trials: Trials, trial: Trial, **options: Any) -> None:
        super().__init__(**options)
        self._trials, self._trial = trials, trial

    def runtest(self) -> None:
        """Run it."""
        outcome = self._trials.run(self._trial)
        if not outcome.passed:
            raise AssertionError("\n".join(outcome.failures))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The sentences alone."""
        if isinstance(excinfo.value, AssertionError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Where it stands, and what it shows."""
        return self.path, None, self.name
