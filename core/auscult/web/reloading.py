"""Reading the configuration again while the server runs, for SIGHUP and ``POST /-/reload`` alike."""

from __future__ import annotations

import logging
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

__all__ = ["Reload", "Reloading", "reloading"]

log = logging.getLogger("auscult.server")
Reload = Callable[[], Awaitable["Plan"]]
"""Reads the configuration again and takes it in; raises ConfigurationError and changes nothing where it is bad."""


def reloading(monitor: Monitor, again: Callable[[], tuple[Settings, Catalogue]]) -> Reloading:
    """What takes in the configuration that `again` loads, one reload at a time.

    The server goes on listening where it does, so a configuration that would leave that address without tokens is
    refused as it is at the start.
    """
    return Reloading(monitor, again)


class Reloading:
    """Call it to reload; see `reloading`."""

    def __init__(self, monitor: Monitor, again: Callable[[], tuple[Settings, Catalogue]]) -> None:
        assert monitor.settings is not None, "only a monitor made from settings can be reloaded"
        self._monitor, self._again = monitor, again
        self._host = monitor.settings.server.host
        self._turn = anyio.Lock()

    async def __call__(self) -> Plan:
        """Take in the configuration as it is now; says what changed. Raises ConfigurationError."""
        async with self._turn:
            settings, catalogue = await to_thread.run_sync(self._again)
            for listening in {self._host, settings.server.host}:
                server = msgspec.structs.replace(settings.server, host=listening)
                check_exposure(msgspec.structs.replace(settings, server=server))
            plan = self._monitor.reload(settings, catalogue)
        for finding in settings.warnings:
            log.warning("configuration: %s", finding)
        return plan

    async def look(self) -> Settings:
        """The configuration as it is now, and nothing is taken in. Raises ConfigurationError."""
        async with self._turn:
            settings, _ = await to_thread.run_sync(self._again)
            return settings
