"""What a test needs beyond Python: missing in CI it is a failure, on a laptop a skip that says what to install."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

__all__ = ["missing", "program"]

_BESIDE_PATH = ("/usr/sbin", "/usr/local/sbin", "/sbin")


def program(name: str, debian: str, *elsewhere: str) -> str:
    """The path of a program, looked for on PATH, where Debian keeps servers, and by the globs in `elsewhere`.

    Where it is nowhere: fails in CI, skips on a laptop.
    """
    found = shutil.which(name) or shutil.which(name, path=os.pathsep.join(_BESIDE_PATH))
    if found is not None:
        return found
    for pattern in elsewhere:
        for path in sorted(Path("/").glob(pattern.lstrip("/")), reverse=True):
            if os.access(path, os.X_OK):
                return str(path)
    return missing(f"{name} is not installed; on Debian: apt install {debian}")


def missing(sentence: str) -> NoReturn:
    """End the test because something it needs is not there; `sentence` says what, and how to get it."""
    if os.environ.get("CI") == "true":
        pytest.fail(sentence)
    pytest.skip(sentence)
