"""The `command` check: any Nagios plugin, by its exit code and performance data.

Exit codes 0 to 3 are OK, WARNING, CRITICAL and UNKNOWN; performance data follows a ``|`` as
``'label'=value[unit];warn;crit;min;max`` (Monitoring Plugins Development Guidelines).
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
from contextlib import suppress
from typing import Annotated

import anyio
from anyio.abc import ByteReceiveStream, Process
from msgspec import Meta

from auscult import Check, CheckContext, Measurement, Reading, SecretStr, Status, hookimpl

__all__ = ["CommandCheck", "auscult_checks", "performance_data"]

MAX_OUTPUT = 64 * 1024
LINGER = 1.0
"""Seconds that outputs are read on after the program has ended."""
_STATUS = {0: Status.HEALTHY, 1: Status.DEGRADED, 2: Status.UNHEALTHY, 3: Status.UNKNOWN}
_DATUM = re.compile(r"(?:'((?:[^']|'')+)'|([^\s='|]+))=([-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?)([a-zA-Z%]*)")
_SCALES = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12, "b": 1.0}
_SUFFIXES = {"s": "seconds", "ms": "seconds", "us": "seconds", "ns": "seconds", "%": "percent"}
_INHERITED = ("PATH", "LANG", "LC_ALL", "HOME", "USER", "TZ", "TMPDIR")


class CommandCheck(Check):
    """A program's exit code says that all is well."""

    kind = "command"
    measurements = (Measurement("exit_code", "", "The program's exit code."),)

    argv: Annotated[list[str], Meta(min_length=1)]
    """Program and arguments. No shell: nothing is expanded."""
    environment: dict[str, SecretStr] = {}
    """Variables for the program, beside PATH and the like; values are treated as secrets."""
    directory: str = ""
    """Working directory."""

    async def probe(self, ctx: CheckContext) -> Reading:
        """Run it once; cut short, it is killed with all it started."""
        process = await self._start()
        try:
            output = await _read(process)
            code = await process.wait()
        finally:
            with anyio.CancelScope(shield=True):
                await _end(process)
        return _judge(output, code)

    async def _start(self) -> Process:
        inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        try:
            return await anyio.open_process(
                self.argv,
                stdin=subprocess.DEVNULL,
                env=inherited | self.environment,
                cwd=self.directory or None,
                start_new_session=True,
            )
        except OSError as error:
            raise type(error)(_refused(self.argv[0], self.directory, error)) from error


def _refused(program: str, directory: str, error: OSError) -> str:
    if directory and not os.path.isdir(directory):  # noqa: PTH112
        return f"there is no directory {directory!r}"
    if isinstance(error, FileNotFoundError):
        return f"there is no {program!r}"
    return f"{program!r} cannot be run: {error.strerror or error}"


async def _read(process: Process) -> str:
    """Both outputs, capped; the error output only where there is no other.

    Ends with the program: what it left running is killed, or left alone where it made itself independent, for it may
    hold the outputs open for ever.
    """
    collected: dict[str, bytes] = {"out": b"", "err": b""}

    async def drain(name: str, stream: ByteReceiveStream) -> None:
        async for data in stream:
            if len(collected[name]) < MAX_OUTPUT:
                collected[name] += data

    assert process.stdout is not None
    assert process.stderr is not None
    async with anyio.create_task_group() as group:
        group.start_soon(drain, "out", process.stdout)
        group.start_soon(drain, "err", process.stderr)
        await process.wait()
        _kill(process)
        group.cancel_scope.deadline = anyio.current_time() + LINGER
    return (collected["out"] or collected["err"])[:MAX_OUTPUT].decode(errors="replace")


def _kill(process: Process) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


async def _end(process: Process) -> None:
    """Kill the whole process group: a plugin's children would live on."""
    _kill(process)
    with anyio.move_on_after(1):
        await process.wait()
    with anyio.move_on_after(1):
        await process.aclose()


def _judge(output: str, code: int) -> Reading:
    first, _, rest = output.strip().partition("\n")
    text, _, data = first.partition("|")
    data = f"{data} {' '.join(line.partition('|')[2] for line in rest.splitlines() if '|' in line)}"
    counted = {"exit_code": float(code)} | performance_data(data)
    status = _STATUS.get(code, Status.UNKNOWN if code == 127 else Status.UNHEALTHY)
    return Reading(status, _sentence(text.strip(), code), counted)


def _sentence(text: str, code: int) -> str:
    if code in _STATUS and text:
        return text
    what = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
    return f"{what}: {text}" if text else what


def performance_data(text: str) -> dict[str, float]:
    """Values by name, in base units: ``'time'=12ms;;`` is ``time_seconds`` 0.012."""
    numbers: dict[str, float] = {}
    for quoted, bare, value, unit in _DATUM.findall(text):
        label = re.sub(r"[^a-zA-Z0-9_]+", "_", quoted or bare).strip("_").lower() or "value"
        suffix = _SUFFIXES.get(unit.lower()) or ("bytes" if unit.lower() in _SCALES else "")
        name = f"{label}_{suffix}" if suffix and not label.endswith(suffix) else label
        name = f"_{name}" if name[0].isdigit() else name
        with suppress(OverflowError, ValueError):
            numbers[name[:100]] = float(value) * _SCALES.get(unit.lower(), 1.0)
    return numbers


@hookimpl
def auscult_checks() -> list[type[Check]]:
    """Offer the check."""
    return [CommandCheck]
