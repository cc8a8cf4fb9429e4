"""Wheels built from this checkout, and a fresh virtual environment that has only them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests import need

ROOT = Path(__file__).parents[2]
CONTRIB = sorted(path.parent for path in ROOT.glob("contrib/*/pyproject.toml"))


def run(*command: str | Path, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """A program, outside the checkout, that knows nothing of the environment we run in."""
    kept = {key: value for key, value in os.environ.items() if key.startswith(("PIP_", "SSL_", "HTTP", "http"))}
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={"PATH": "/usr/bin:/bin", "HOME": str(cwd), "LC_ALL": "C.UTF-8", **kept, **environ},
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=600,
    )


def pip(python: str | Path, *arguments: str | Path, cwd: Path) -> None:
    """Run pip; without a package index the test cannot be run."""
    done = run(python, "-m", "pip", "--disable-pip-version-check", *arguments, cwd=cwd)
    if done.returncode != 0 and any(word in done.stderr for word in ("NewConnectionError", "No matching distribution")):
        need.missing(f"the package index cannot be reached: {done.stderr[-500:]}")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]


@dataclass
class Installed:
    """A virtual environment with the wheels in it."""

    folder: Path
    python: Path
    cwd: Path

    def auscult(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """The console script, in an empty directory."""
        return run(self.folder / "bin" / "auscult", *arguments, cwd=self.cwd, **environ)

    def json(self, *arguments: str) -> Any:
        """What a command prints as JSON."""
        done = self.auscult(*arguments, "--json")
        assert "Traceback" not in done.stderr, done.stderr
        return json.loads(done.stdout)


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Every distribution of this checkout, built as a user's pip builds it; by name."""
    folder = tmp_path_factory.mktemp("wheels")
    pip(sys.executable, "wheel", "--no-deps", "--wheel-dir", folder, ROOT, *CONTRIB, cwd=folder)
    return {path.name.partition("-")[0].replace("_", "-"): path for path in folder.glob("*.whl")}


@pytest.fixture(scope="session")
def names(wheels: dict[str, Path]) -> dict[str, list[str]]:
    """The files in each wheel."""
    return {name: zipfile.ZipFile(path).namelist() for name, path in wheels.items()}


@pytest.fixture(scope="session")
def installed(wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Base dependencies from the index, no extras, nothing of ours but the wheels."""
    folder, cwd = tmp_path_factory.mktemp("venv"), tmp_path_factory.mktemp("elsewhere")
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    pip(python, "install", *wheels.values(), cwd=cwd)
    return Installed(folder, python, cwd)
