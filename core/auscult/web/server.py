"""The HTTP server: uvicorn inside our own task group, so that signals are ours and streams end in time."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import anyio
import uvicorn

from auscult.errors import AuscultError, ConfigurationError
from auscult.monitor import Monitor
from auscult.web.app import Reload, create_app

if TYPE_CHECKING:
    from auscult.config import Settings

__all__ = ["serve"]

log = logging.getLogger("auscult.server")


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
) -> None:
    """Run `monitor` and serve it until SIGTERM or SIGINT; SIGHUP calls `reload`.

    `on_started` is called with the address once connections are accepted. Raises ConfigurationError when the port
    is taken or listening there needs a token, and what `Monitor.run` raises.
    """
    from auscult.config import check_exposure

    check_exposure(settings)
    server = _Server(
        uvicorn.Config(
            create_app(monitor, settings=settings, reload=reload),  # type: ignore[arg-type]
            host=settings.server.host,
            port=settings.server.port,
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            date_header=False,
            timeout_graceful_shutdown=max(int(settings.server.graceful_timeout), 1),
            backlog=2048,
            proxy_headers=False,
            ws="none",
        )
    )
    sockets = [_bind(settings)]
    host, port = sockets[0].getsockname()[:2]
    address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    async with anyio.create_task_group() as group:
        await group.start(_watch_signals, server, reload)
        group.start_soon(_serve, server, sockets, group)
        try:
            await monitor.run()
            log.info("listening on %s", address)
            if on_started is not None:
                on_started(address)
            await anyio.sleep_forever()
        finally:
            with anyio.CancelScope(shield=True):
                await monitor.stop()


async def _serve(server: uvicorn.Server, sockets: list[object], group: anyio.abc.TaskGroup) -> None:
    await server.serve(sockets=sockets)  # type: ignore[arg-type]
    group.cancel_scope.cancel()


def _bind(settings: Settings) -> object:
    import socket

    host, port = settings.server.host, settings.server.port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise ConfigurationError(
            f"Cannot listen on {host}:{port} ({os.strerror(error.errno or 0)}); "
            "choose another with --port or `server.port`, or stop what listens there"
        ) from error
    listening.setblocking(False)
    return listening


async def _watch_signals(
    server: uvicorn.Server,
    reload: Reload | None,
    *,
    task_status: anyio.abc.TaskStatus[None] = anyio.TASK_STATUS_IGNORED,
) -> None:
    wanted = [signal.SIGTERM, signal.SIGINT, *([signal.SIGHUP] if sys.platform != "win32" else [])]
    with anyio.open_signal_receiver(*wanted) as signals:
        task_status.started()
        async for number in signals:
            if number == signal.SIGHUP:
                await _reload(reload)
                continue
            if server.should_exit:
                server.force_exit = True
            server.should_exit = True


async def _reload(reload: Reload | None) -> None:
    """A bad configuration changes nothing and is told in full."""
    if reload is None:
        return
    try:
        plan = await reload()
    except AuscultError as error:
        log.error("the configuration was not reloaded, nothing changed:\n%s", error)
    else:
        log.info(
            "configuration reloaded: %d added, %d changed, %d removed",
            len(plan.added),
            len(plan.changed),
            len(plan.removed),
        )
