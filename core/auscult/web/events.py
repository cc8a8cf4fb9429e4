"""``GET /api/v1/events``: what happens while it happens."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any

from litestar import Request, Response, get
from litestar.exceptions import ClientException, ServiceUnavailableException
from litestar.handlers import BaseRouteHandler
from litestar.params import QueryParameter
from litestar.response import Stream

from auscult.errors import did_you_mean
from auscult.monitor import Monitor
from auscult.web.caller import still_allowed
from auscult.web.problems import ERRORS
from auscult.web.ring import ALL, TOPICS
from auscult.web.stream import MOST_READERS, EventStream, Position, position_of

__all__ = ["event_routes"]

_Since = Annotated[
    str | None,
    QueryParameter(description="The last id that was seen; the header `Last-Event-ID` comes first.", max_length=40),
]
_Topics = Annotated[
    str | None,
    QueryParameter(description=f"Only these, with commas between them: {', '.join(TOPICS)}.", max_length=100),
]
_Snapshot = Annotated[bool, QueryParameter(description="Whether the current state comes first; not with an id.")]
_HEADERS = {"Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}


def event_routes(monitor: Monitor, stream: EventStream) -> Sequence[BaseRouteHandler]:
    """The one route."""

    @get(
        "/events",
        operation_id="getEvents",
        summary="What happens while it happens, as server-sent events",
        media_type="text/event-stream",
        responses=ERRORS,
    )
    async def events(
        request: Request[Any, Any, Any], since: _Since = None, topics: _Topics = None, snapshot: _Snapshot = True
    ) -> Response[Any]:
        """The current state first, or what was missed since an id; then every change. See the page on events."""
        position = _position(request.headers.get("last-event-id") or since)
        wanted = _wanted(topics)
        if request.scope.get("auscult.head"):
            return Response(b"", headers=_HEADERS)
        if stream.readers >= MOST_READERS:
            raise ServiceUnavailableException(f"There are {MOST_READERS} readers already; try again later")
        # Who logs out, or was let in by what is no longer in force, hears no more.
        valid = partial(still_allowed, request)
        return Stream(stream.read(position, wanted, snapshot=snapshot, valid=valid), headers=_HEADERS)

    return (events,)


def _position(text: str | None) -> Position | None:
    if not text:
        return None
    try:
        return position_of(text)
    except ValueError as error:
        raise ClientException(str(error)) from error


def _wanted(text: str | None) -> frozenset[str]:
    if text is None:
        return ALL
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in ALL:
            raise ClientException(f"`topics`: there is no topic `{name[:40]}`{did_you_mean(name, TOPICS)}")
    return frozenset(names)
