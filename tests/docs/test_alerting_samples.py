"""The samples about alerts: configurations load, their tests pass, the page's own pytest file runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from auscult.testing import assert_rules

SAMPLES = Path(__file__).parents[2] / "docs" / "examples" / "alerting"


@pytest.mark.parametrize("file", sorted(SAMPLES.glob("*.rules.toml")), ids=lambda file: file.name)
def test_samples_do_what_they_say(file):
    """Every test beside a sample passes."""
    assert_rules(file)


def test_every_sample_has_its_tests():
    """Of rules, routes and maintenance none stands there that nothing runs."""
    tested = {file.name.removeprefix("test_").replace(".rules", "") for file in SAMPLES.glob("*.rules.toml")}
    samples = [file for file in SAMPLES.glob("*.toml") if ".rules." not in file.name]
    tables = ("[rules.", "[[routes]]", "[maintenance.")
    wanted = {file.name for file in samples if any(table in file.read_text(encoding="utf-8") for table in tables)}
    assert wanted == tested


def test_the_pytest_sample_runs():
    """Files of tests are collected beside it."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "auscult.testing.rule_files", SAMPLES],
        capture_output=True,
        text=True,
        check=False,
        cwd=SAMPLES,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    tests = sum(file.read_text(encoding="utf-8").count("[[tests]]") for file in SAMPLES.glob("*.rules.toml"))
    assert f"{tests + 2} passed" in done.stdout


def test_the_rule_in_code_fires():
    """As the seed document writes it."""
    done = subprocess.run(
        [sys.executable, SAMPLES / "add_rule.py"], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "High memory usage detected: 91.5%\n"
