"""``/in/NAME/…``: where sources of metrics take in requests."""

from __future__ import annotations

import re
from typing import Annotated, Any

from litestar import HttpMethod, Request, Response, route
from litestar.exceptions import NotFoundException
from litestar.handlers import BaseRouteHandler
from litestar.params import PathParameter

from auscult.kinds import Answer, Received
from auscult.monitor import Monitor
from auscult.runtime.asking import NoReceiver
from auscult.web.problems import ERRORS, problem

__all__ = ["receiving_routes"]

_LARGEST = 64 << 20
"""Bytes that a body may have whatever a source says."""
_Path = Annotated[str, PathParameter(description="The receiver's path.")]
_Source = Annotated[str, PathParameter(description="The source's name in the configuration.", max_length=64)]


def receiving_routes(monitor: Monitor) -> list[BaseRouteHandler]:
    """One route with a path behind the name, and one without."""

    async def take(request: Request[Any, Any, Any], source: str, path: str) -> Response[Any]:
        try:
            receiver = monitor.metrics.receiver(source, path)
        except NoReceiver:
            raise NotFoundException(f"No source takes in requests at {request.url.path}") from None
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
        "http_method": [HttpMethod.POST, HttpMethod.PUT, HttpMethod.GET],
        "role": "operator",
        "receiver": True,
        "include_in_schema": False,
        "request_max_body_size": _LARGEST,
        "responses": ERRORS,
    }

    @route("/in/{source:str}", **shared)
    async def receive(request: Request[Any, Any, Any], source: _Source) -> Response[Any]:
        return await take(request, source, "")

    @route("/in/{source:str}/{path:path}", **shared)
    async def receive_below(request: Request[Any, Any, Any], source: _Source, path: _Path) -> Response[Any]:
        return await take(request, source, path)

    return [receive, receive_below]


_MEDIA_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+(;[\w =.+\"-]*)?")


def _response(answer: Answer) -> Response[Any]:
    media_type = answer.content_type if _MEDIA_TYPE.fullmatch(answer.content_type) else "application/octet-stream"
    return Response(bytes(answer.body), status_code=answer.status, media_type=media_type, headers=dict(answer.headers))
