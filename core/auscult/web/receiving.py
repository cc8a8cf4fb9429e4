"""``/in/NAME/…``: where sources of metrics take in requests; ``/v1/…`` where senders look for one by themselves."""

from __future__ import annotations

import re
from typing import Annotated, Any

from litestar import HttpMethod, Request, Response, route
from litestar.exceptions import NotFoundException
from litestar.handlers import BaseRouteHandler
from litestar.params import PathParameter

from auscult.kinds import Answer, Received, Receiver
from auscult.monitor import Monitor
from auscult.runtime.asking import NoReceiver
from auscult.web.problems import ERRORS, problem

__all__ = ["receiving_routes"]

_LARGEST = 64 << 20
"""Bytes that a body may have whatever a source says."""
_Path = Annotated[str, PathParameter(description="The receiver's path.")]
_What = Annotated[str, PathParameter(description="What is sent: `metrics`, `traces`.", max_length=64)]
_Source = Annotated[str, PathParameter(description="The source's name in the configuration.", max_length=64)]


def receiving_routes(monitor: Monitor) -> list[BaseRouteHandler]:
    """One route with a path behind the name, one without, and one for a path alone."""

    async def find(request: Request[Any, Any, Any], source: str, path: str) -> Response[Any]:
        try:
            receiver = monitor.metrics.receiver(source, path)
        except NoReceiver:
            raise NotFoundException(f"No source takes in requests at {request.url.path}") from None
        return await take(request, source, receiver)

    async def take(request: Request[Any, Any, Any], source: str, receiver: Receiver) -> Response[Any]:
        if request.method not in receiver.methods:
            takes = ", ".join(receiver.methods)
            return problem(405, f"It takes {takes}, not {request.method}", headers={"Allow": takes})
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > receiver.max_body:
                return problem(413, f"The body has more than {receiver.max_body} bytes")
        received = Received(
            path=receiver.path,
            method=request.method,
            headers={name.lower(): value for name, value in request.headers.items()},
            query=dict(request.query_params),
            body=bytes(body),
        )
        return _response(await monitor.metrics.receive(source, received))

    shared: dict[str, Any] = {
        "role": "operator",
        "include_in_schema": False,
        "request_max_body_size": _LARGEST,
        "responses": ERRORS,
    }

    methods = [HttpMethod.POST, HttpMethod.PUT, HttpMethod.GET]

    @route("/in/{source:str}", http_method=methods, receiver=True, **shared)
    async def receive(request: Request[Any, Any, Any], source: _Source) -> Response[Any]:
        return await find(request, source, "")

    @route("/in/{source:str}/{path:path}", http_method=methods, receiver=True, **shared)
    async def receive_below(request: Request[Any, Any, Any], source: _Source, path: _Path) -> Response[Any]:
        return await find(request, source, path)

    @route("/v1/{what:str}", http_method=[HttpMethod.POST], **shared)
    async def receive_well_known(request: Request[Any, Any, Any], what: _What) -> Response[Any]:
        try:
            source, receiver = monitor.metrics.well_known_receiver(f"/v1/{what}")
        except NoReceiver:
            why = f"There is not one source alone that takes in /v1/{what}; say /in/NAME/v1/{what}"
            raise NotFoundException(why) from None
        return await take(request, source, receiver)

    return [receive, receive_below, receive_well_known]


_MEDIA_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+(;[\w =.+\"-]*)?")


def _response(answer: Answer) -> Response[Any]:
    media_type = answer.content_type if _MEDIA_TYPE.fullmatch(answer.content_type) else "application/octet-stream"
    return Response(bytes(answer.body), status_code=answer.status, media_type=media_type, headers=dict(answer.headers))
