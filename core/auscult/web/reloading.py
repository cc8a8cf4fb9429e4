"""Reading the configuration again while the server runs, for SIGHUP and ``POST /-/reload`` alike."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import anyio
import msgspec
from anyio import to_thread

from auscult.config import check_exposure
from auscult.monitor import Monitor

if TYPE_CHECKING:
    from auscult.catalogue import Catalogue
    from auscult.config import Plan, Settings

__all__ = ["Reload", "reloading"]

Reload = Callable[[], Awaitable["Plan"]]
"""Reads the configuration again and takes it in; raises ConfigurationError and changes nothing where it is bad."""


def reloading(monitor: Monitor, again: Callable[[], tuple[Settings, Catalogue]]) -> Reload:
    """What takes in the configuration that `again` loads, one reload at a time.

    The server goes on listening where it does, so a configuration that would leave that address without tokens is
    refused as it is at the start.
    """
    assert monitor.settings is not None, "only a monitor made from settings can be reloaded"
    host = monitor.settings.server.host
    turn = anyio.Lock()

    async def reload() -> Plan:
        async with turn:
            settings, catalogue = await to_thread.run_sync(again)
            for listening in {host, settings.server.host}:
                server = msgspec.structs.replace(settings.server, host=listening)
                check_exposure(msgspec.structs.replace(settings, server=server))
            return monitor.reload(settings, catalogue)

    return reload
