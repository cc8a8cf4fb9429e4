"""Samples that connect auscult with others: valid for those, and for us."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tests.need import program

from auscult.config import load

SAMPLES = Path(__file__).parents[2] / "docs" / "examples" / "alerting"


def test_prometheus_takes_the_sample(tmp_path):
    """promtool finds nothing wrong with the configuration that names us as its Alertmanager."""
    (tmp_path / "auscult.token").write_text("aus_token")
    (tmp_path / "prometheus.yml").write_text((SAMPLES / "prometheus.yml").read_text())
    done = subprocess.run(
        [program("promtool", "prometheus"), "check", "config", tmp_path / "prometheus.yml"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("name", "every"), [("deadman", 60), ("deadman_pair", 30)])
def test_the_dead_mans_samples_load(name, every):
    """And ask as often as they say."""
    settings, catalogue = load(SAMPLES / f"{name}.toml", environ={"OTHER_AUSCULT_TOKEN": "a-token-for-tests-only"})
    assert not catalogue.problems
    assert settings.deadman.interval == every
    assert settings.deadman.url.startswith("http")
