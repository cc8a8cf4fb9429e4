"""``--version`` and ``--help`` are quick beside what any command of this kind has to load."""

from __future__ import annotations

import os
import resource
import subprocess
import sys

import pytest


def cpu_seconds(*arguments: str) -> float:
    """The least processor time that a process takes in seven runs: it is not charged for what else runs here."""
    times = []
    for _ in range(7):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *arguments], check=True, capture_output=True, env=dict(os.environ))
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    return min(times)


@pytest.mark.parametrize("option", ["--version", "--help", "--nonsense"])
def test_start_is_quick(option):
    """At most three times what importing click and msgspec costs, plugins' commands in the help included."""
    base = cpu_seconds("-c", "import click, msgspec")
    script = (
        f"import sys; sys.argv[1:] = [{option!r}]\nfrom auscult.cli import main\ntry: main()\nexcept SystemExit: pass"
    )
    assert cpu_seconds("-c", script) < 3 * base
