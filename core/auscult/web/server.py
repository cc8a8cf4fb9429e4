"""The HTTP server: uvicorn inside our own task group, so that signals are ours and streams end in time."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, cast

import anyio
import uvicorn

from auscult.errors import AuscultError, ConfigurationError
from auscult.monitor import Monitor
from auscult.runtime.structs import prepare_structs
from auscult.web.answers import HealthAnswers
from auscult.web.ending import LastResort
from auscult.web.front import Front
from auscult.web.reloading import Reload

if TYPE_CHECKING:
    from litestar.types import ASGIApp

    from auscult.config import Settings

__all__ = ["serve"]

log = logging.getLogger("auscult.server")

STOPPING = 1.2
"""Seconds of `server.graceful_timeout` that are kept for stopping probes and closing the store."""
LEAVING = 0.3
"""Seconds of it after which nothing is waited for any more."""


class _Server(uvicorn.Server):
    """Leaves signals to us."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


async def serve(
    monitor: Monitor,
    settings: Settings,
    *,
    reload: Reload | None = None,
    on_started: Callable[[str], None] | None = None,
    own_process: bool = False,
) -> None:
    """Run `monitor` and serve it until SIGTERM or SIGINT; SIGHUP calls `reload`.

    `on_started` is called with the address once connections are accepted. With `own_process` the whole process ends
    with exit code 0 within `server.graceful_timeout` of the signal, also when a probe will not end. Raises
    ConfigurationError when the port is taken or listening there needs a token, and what `Monitor.run` raises.
    """
    from auscult.config import check_exposure

    check_exposure(settings)
    listening = _bind(settings.server.host, settings.server.port)
    prepare_structs()
    front = _front(monitor, settings, reload)
    server = _server(front, settings)
    last_resort = LastResort(monitor) if own_process else None
    loop = asyncio.get_running_loop()

    def end() -> None:
        loop.call_soon_threadsafe(monitor.feed.close)  # streams say goodbye, and hold nothing up
        if last_resort is not None:
            last_resort.within(float(settings.server.graceful_timeout) - LEAVING)
        server.force_exit = server.should_exit
        server.should_exit = True

    failure: AuscultError | None = None
    async with anyio.create_task_group() as group:
        with _signals(end, lambda: group.start_soon(_reload, reload)):
            group.start_soon(_serve, server, listening, group, own_process)
            try:
                await monitor.run()
                _tell(listening, on_started)
                await anyio.to_thread.run_sync(front.prepare)
                if own_process:
                    _spare_collector()
                await anyio.sleep_forever()
            except AuscultError as error:
                failure = error
                group.cancel_scope.cancel()
            finally:
                with anyio.CancelScope(shield=True):
                    await monitor.stop()
                if last_resort is not None and server.should_exit:
                    last_resort.within(LEAVING)
    if failure is not None:
        raise failure  # not in a group of one: it is one sentence for people


def _spare_collector() -> None:
    """Have the garbage collector leave alone what was loaded for good, and look less often at what comes and goes.

    A storm of alerts makes many objects that live for a while: by default they would be walked again and again.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def _front(monitor: Monitor, settings: Settings, reload: Reload | None) -> Front:
    answers = HealthAnswers(monitor)

    def make() -> ASGIApp:
        from auscult.web.app import make_litestar

        return make_litestar(monitor, answers, settings=settings, reload=reload)

    return Front(make, answers)


def _server(front: Front, settings: Settings) -> _Server:
    grace = max(settings.server.graceful_timeout - STOPPING, LEAVING)
    return _Server(
        uvicorn.Config(
            front,
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            date_header=False,
            timeout_graceful_shutdown=cast("int", grace),  # asyncio.wait_for takes fractions as well
            backlog=2048,
            proxy_headers=False,
            ws="none",
        )
    )


async def _serve(
    server: uvicorn.Server, listening: socket.socket, group: anyio.abc.TaskGroup, own_process: bool
) -> None:
    try:
        await server.serve(sockets=[listening])
    finally:
        listening.close()
        if own_process and server.should_exit:
            # Requests that were cut are no news.
            logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    group.cancel_scope.cancel()


def _tell(listening: socket.socket, on_started: Callable[[str], None] | None) -> None:
    host, port = listening.getsockname()[:2]
    address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    log.info("listening on %s", address)
    if on_started is not None:
        on_started(address)


def _bind(host: str, port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        # Two may bind and only one may listen, so that is part of the question.
        listening.listen(2048)
    except OSError as error:
        listening.close()
        raise ConfigurationError(
            f"Cannot listen on {host}:{port} ({error.strerror}); "
            "choose another with --port or `server.port`, or stop what listens there"
        ) from error
    listening.setblocking(False)
    return listening


@contextlib.contextmanager
def _signals(end: Callable[[], None], reload: Callable[[], object]) -> Iterator[None]:
    """Have SIGTERM and SIGINT call `end`, and SIGHUP `reload` on the loop.

    `end` is called at once, also while a probe blocks the loop, so it must not need the loop. Only the main thread
    may ask for signals; in another one there are none.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    before = {number: signal.signal(number, lambda *_: end()) for number in (signal.SIGTERM, signal.SIGINT)}
    if sys.platform != "win32":
        before[signal.SIGHUP] = signal.signal(signal.SIGHUP, lambda *_: loop.call_soon_threadsafe(reload))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


async def _reload(reload: Reload | None) -> None:
    """A bad configuration changes nothing and is told in full."""
    if reload is None:
        return
    try:
        plan = await reload()
    except AuscultError as error:
        log.error("the configuration was not reloaded, nothing changed:\n%s", error)
    except Exception:
        log.exception("the configuration was not reloaded, nothing changed")
    else:
        log.info(
            "configuration reloaded: %d added, %d changed, %d removed",
            len(plan.added),
            len(plan.changed),
            len(plan.removed),
        )
