"""``POST /-/reload``: the configuration is read again, as SIGHUP does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import anyio
import msgspec
from anyio import to_thread
from litestar import Response, post
from litestar.handlers import BaseRouteHandler

from auscult.config import check_exposure
from auscult.monitor import Monitor
from auscult.web.bodies import ReloadBody
from auscult.web.problems import ERRORS, FINDINGS, problem

if TYPE_CHECKING:
    from auscult.catalogue import Catalogue
    from auscult.config import Plan, Settings

__all__ = ["Reload", "control_routes", "reloading"]

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


def control_routes(reload: Reload | None) -> list[BaseRouteHandler]:
    """The one route."""

    @post(
        "/-/reload",
        role="admin",
        status_code=200,
        operation_id="reload",
        summary="Read the configuration again",
        responses=ERRORS | {422: FINDINGS},
    )
    async def reload_now() -> ReloadBody | Response[Any]:
        """A configuration with mistakes changes nothing and is answered with all of them."""
        if reload is None:
            return problem(404, "This monitor was not made from a configuration that could be read again")
        plan = await reload()
        return ReloadBody(list(plan.added), list(plan.changed), list(plan.removed), list(plan.other))

    return [reload_now]
