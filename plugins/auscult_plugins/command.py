"""The `command` check: any Nagios plugin, by its exit code and performance data.

Exit codes 0 to 3 are OK, WARNING, CRITICAL and UNKNOWN; performance data follows a ``|`` as
``'label'=value[unit];warn;crit;min;max`` (Monitoring Plugins Development Guidelines).
"""

from __future__ import annotations

import os
import re
import signal
from contextlib import suppress
from typing import Annotated

import anyio
from anyio.abc import ByteReceiveStream, Process
from msgspec import Meta

from auscult import Check, CheckContext, Measurement, Reading, SecretStr, Status, hookimpl

__all__ = ["CommandCheck", "auscult_checks", "performance_data"]

MAX_OUTPUT = 64 * 1024
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
        inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        try:
            process = await anyio.open_process(
                self.argv,
                stdin=None,
                env=inherited | self.environment,
                cwd=self.directory or None,
                start_new_session=True,
            )
        except FileNotFoundError as error:
            what = self.argv[0] if not self.directory or os.path.isdir(self.directory) else self.directory  # noqa: ASYNC240, PTH112
            raise FileNotFoundError(f"there is no {what!r}") from error
        try:
            output = await _read(process)
            code = await process.wait()
        finally:
            with anyio.CancelScope(shield=True):
                await _end(process)
        return _judge(output, code)


async def _read(process: Process) -> str:
    """Both outputs, capped; the error output only where there is no other."""
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
    return (collected["out"] or collected["err"])[:MAX_OUTPUT].decode(errors="replace")


async def _end(process: Process) -> None:
    """Kill the whole process group: a plugin's children would live on."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
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
    message = text.strip() or f"exit code {code}"
    if code < 0:
        message = f"killed by signal {-code}: {message}"
    elif code not in _STATUS:
        message = f"exit code {code}: {message}"
    return Reading(status, message, counted)


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
