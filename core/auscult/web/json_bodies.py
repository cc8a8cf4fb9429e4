"""Bodies have to be JSON that says so: what a form on another site can send is none."""

from __future__ import annotations

from typing import Any

from litestar import Request
from litestar.exceptions import ClientException, HTTPException
from litestar.status_codes import HTTP_415_UNSUPPORTED_MEDIA_TYPE

__all__ = ["require_json"]


async def require_json(request: Request[Any, Any, Any]) -> None:
    """For `before_request`: raises 415 for another media type, 400 for no body at all."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json" and not (
        media_type.startswith("application/") and media_type.endswith("+json")
    ):
        raise HTTPException(
            "Send JSON, and the header `Content-Type: application/json`", status_code=HTTP_415_UNSUPPORTED_MEDIA_TYPE
        )
    if not await request.body():
        raise ClientException("The body is empty; a JSON object is expected")
