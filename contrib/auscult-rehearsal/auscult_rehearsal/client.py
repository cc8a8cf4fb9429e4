"""Start the stand-ins as a child process, and steer them: for the demo, and for tests."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["Control", "ControlError", "running_stack"]


class ControlError(RuntimeError):
    """The stand-ins refuse, or are not there; the text says which."""


class Control:
    """What the control endpoint can do."""

    def __init__(self, url: str) -> None:
        self.url = url

    def status(self) -> dict[str, Any]:
        """Where everything is, and what is broken. Raises ControlError."""
        return self._ask("GET", "/", None)

    def break_(self, component: str, fault: str, seconds: float = 3.0) -> dict[str, Any]:
        """Switch a fault on. Raises ControlError."""
        return self._ask("POST", "/break", {"component": component, "fault": fault, "seconds": seconds})

    def mend(self, component: str | None = None) -> dict[str, Any]:
        """Switch one component's fault off, or all. Raises ControlError."""
        return self._ask("POST", "/mend", {"component": component})

    def address(self, component: str) -> str:
        """Where a component is. Raises KeyError when it is left out."""
        url: str = self.status()["components"][component]["url"]
        return url

    def _ask(self, method: str, path: str, wish: dict[str, Any] | None) -> dict[str, Any]:
        body = None if wish is None else json.dumps(wish).encode()
        request = urllib.request.Request(self.url + path, body, {"content-type": "application/json"}, method=method)  # noqa: S310 - our own address
        try:
            with urllib.request.urlopen(request, timeout=15) as reply:  # noqa: S310
                said: dict[str, Any] = json.loads(reply.read())
                return said
        except urllib.error.HTTPError as error:
            raise ControlError(_said(error)) from None
        except (OSError, ValueError) as error:
            raise ControlError(f"no stand-ins answer at {self.url}: {error}") from None


def _said(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.loads(error.read())["error"])
    except (ValueError, KeyError, TypeError):
        return f"the stand-ins answer {error.code}"


@contextmanager
def running_stack(directory: Path, *, clips_only: bool = False, talk: bool = False) -> Iterator[Control]:
    """The stand-ins, for as long as the block runs; with `talk` an agent answers a caller over them.

    Raises ControlError when they do not come up.
    """
    flags = [*(["--clips"] if clips_only else []), *(["--talk"] if talk else [])]
    command = [sys.executable, "-m", "auscult_rehearsal", str(directory), *flags]
    # A session of its own: Ctrl-C in a terminal reaches the parent alone, which then stops the child in order.
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        line = child.stdout.readline()
        if not line:
            raise ControlError(f"the stand-ins ended at once, with exit code {child.wait(10)}")
        yield Control(json.loads(line)["control"])
    finally:
        child.stdin.close()
        child.stdout.close()
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
