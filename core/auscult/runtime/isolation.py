"""``isolate = "process"``: a probe in a worker process, for a plugin that blocks, crashes or leaks.

The worker is killed when the probe is cut; nothing it does can hold the monitor.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import pickle
import sys
from typing import TYPE_CHECKING, Any

import msgspec

from auscult.component import Component
from auscult.kinds import Check
from auscult.model import Ping, Reading

if TYPE_CHECKING:
    from auscult.runtime.context import ProbeContext

__all__ = ["probe_in_process"]


class _Call(msgspec.Struct):
    """What the worker has to know: how to build the check anew, and what to give it."""

    module: str
    file: str | None
    qualname: str
    options: dict[str, Any]
    component: str
    timeout: float
    policy: Any
    state_dir: Any
    pings: tuple[Ping, ...]


async def probe_in_process(component: Component, ctx: ProbeContext) -> Reading:
    """One probe of `component` in a worker process, which may and sees the same as one here.

    What the probe raises is raised here, as RuntimeError.
    """
    from anyio import BrokenWorkerProcess, to_process

    check = component.check
    home = sys.modules.get(type(check).__module__)
    call = _Call(
        type(check).__module__,
        getattr(home, "__file__", None),
        type(check).__qualname__,
        {name: getattr(check, name) for name in check.__struct_fields__},
        component.name,
        component.timeout,
        *ctx.apart(),
    )
    try:
        answer = await to_process.run_sync(_probe_here, call, cancellable=True)
    except BrokenWorkerProcess as error:
        raise RuntimeError("its process ended in the middle of the probe") from error
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise RuntimeError(f"what it needs cannot be handed to a process of its own: {error}") from error
    if isinstance(answer, str):
        raise RuntimeError(answer)  # noqa: TRY004
    return msgspec.convert(answer, Reading)


def _load(module: str, file: str | None) -> Any:
    """The plugin's module: by name, or from its file where it is a local one that no name finds."""
    try:
        return importlib.import_module(module)
    except ImportError:
        if file is None:
            raise
    spec = importlib.util.spec_from_file_location(module, file)
    assert spec is not None
    assert spec.loader is not None
    loaded = sys.modules[module] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(loaded)
    except BaseException:
        del sys.modules[module]
        raise
    return loaded


def _probe_here(call: _Call) -> dict[str, Any] | str:
    """Runs in the worker: build the check anew, probe once, answer with plain data (a string is an error)."""
    import anyio

    from auscult.clock import SystemClock
    from auscult.runtime.context import ProbeContext, Services
    from auscult.runtime.readings import failure, to_reading

    logging.getLogger("auscult").addHandler(logging.NullHandler())

    async def once() -> Reading:
        kind: Any = _load(call.module, call.file)
        for part in call.qualname.split("."):
            kind = getattr(kind, part)
        check: Check = kind(**call.options)
        services = Services(SystemClock(), call.policy, call.state_dir)
        ctx = ProbeContext(Component(name=call.component, check=check, timeout=call.timeout), services)
        for ping in call.pings:
            ctx.add_ping(ping)
        try:
            return to_reading(await check.probe(ctx))
        finally:
            await services.close()

    try:
        reading: dict[str, Any] = msgspec.to_builtins(anyio.run(once))
    except BaseException as error:  # whatever it is, it becomes a sentence in the parent
        return failure(error)
    return reading
