"""``auscult`` in a process of its own, beside a configuration whose components say what they are told to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

SAYS = '''
import anyio
from auscult import Check, Measurement, Reading, SecretStr, Status, hookimpl

print("a plugin that prints")


class SaysCheck(Check):
    """Says what it is told to."""

    kind = "says"

    status: str = "healthy"
    """What."""
    message: str = ""
    """How."""
    password: SecretStr = ""
    """A secret."""

    async def probe(self, ctx):
        """Say it."""
        if self.status == "raises":
            raise ConnectionError(self.message)
        if self.status == "hangs":
            await anyio.sleep_forever()
        return Reading(Status(self.status), self.message)


@hookimpl
def auscult_checks():
    return [SaysCheck]
'''


class Done:
    """What a command left behind."""

    def __init__(self, process: subprocess.CompletedProcess[str]) -> None:
        self.code = process.returncode
        self.out = process.stdout
        self.err = process.stderr
        assert "Traceback" not in self.out + self.err, self.err

    def json(self) -> Any:
        """Its standard output, which is JSON and nothing else."""
        return json.loads(self.out)


class Shell:
    """A directory to run commands in."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.write("says.py", SAYS)

    def write(self, name: str, text: str) -> Path:
        """A file in the directory."""
        path = self.directory / name
        path.write_text(text, encoding="utf-8")
        return path

    def configure(self, **components: str | Mapping[str, object]) -> Path:
        """An ``auscult.toml`` with those components; a string is only a status."""
        lines = ['plugins = ["./says.py"]', "[components]"]
        for name, options in components.items():
            given = {"status": options} if isinstance(options, str) else options
            lines += [f"[components.{name}]", 'check = "says"']
            lines += [f"{key} = {json.dumps(value)}" for key, value in given.items()]
        return self.write("auscult.toml", "\n".join(lines) + "\n")

    def environ(self, **more: str) -> dict[str, str]:
        """An environment that names nothing to monitor."""
        return {"PATH": os.environ["PATH"], "HOME": str(self.directory), "LC_ALL": "C.UTF-8", **more}

    def __call__(self, *arguments: str, **environ: str) -> Done:
        """Run ``auscult`` with those arguments."""
        command = [sys.executable, "-m", "auscult", *arguments]
        return Done(
            subprocess.run(
                command,
                env=self.environ(**environ),
                cwd=self.directory,
                capture_output=True,
                encoding="utf-8",
                check=False,
                timeout=60,
            )
        )


@pytest.fixture
def auscult(tmp_path: Path) -> Shell:
    """A directory of this test's own."""
    return Shell(tmp_path)
