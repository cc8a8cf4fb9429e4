"""``POST /-/reload``: the configuration is read again, as SIGHUP does."""

from __future__ import annotations

from litestar import post
from litestar.exceptions import NotFoundException
from litestar.handlers import BaseRouteHandler

from auscult.web.bodies import ReloadBody
from auscult.web.problems import ERRORS, FINDINGS
from auscult.web.reloading import Reload

__all__ = ["control_routes"]


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
    async def reload_now() -> ReloadBody:
        """A configuration with mistakes changes nothing and is answered with all of them."""
        if reload is None:
            raise NotFoundException("This monitor was not made from a configuration that could be read again")
        plan = await reload()
        return ReloadBody(list(plan.added), list(plan.changed), list(plan.removed), list(plan.other))

    return [reload_now]
