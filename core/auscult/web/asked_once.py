"""What is asked for once, and stands in the address several times, is refused: nobody can say which one was meant."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from litestar.connection import ASGIConnection
from litestar.exceptions import ValidationException
from litestar.handlers import BaseRouteHandler

__all__ = ["asked_once"]


def asked_once(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """A Litestar guard. Raises ValidationException."""
    query = connection.query_params
    names = [name for name, _ in query.multi_items()]
    if len(set(names)) == len(names):
        return
    for name in sorted(_single(handler)):
        if (times := names.count(name)) > 1:
            raise ValidationException(f"`{name}` is there {times} times; expected once")


@lru_cache(maxsize=512)
def _single(handler: BaseRouteHandler) -> frozenset[str]:
    """Parameters that are no lists; those of the path among them, which does no harm."""
    found = handler.parsed_fn_signature.parameters
    return frozenset(
        getattr(field.kwarg_definition, "name", None) or name
        for name, field in found.items()
        if not any(each.is_non_string_collection for each in (field, *field.inner_types))
    )
