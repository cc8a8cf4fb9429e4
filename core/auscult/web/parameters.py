"""Query parameters that several routes share."""

from __future__ import annotations

from litestar.params import QueryParameter

__all__ = ["number"]


def number(description: str, least: int, most: int) -> QueryParameter:
    """A number that may be left out: beside `None`, bounds do not reach the OpenAPI document by themselves."""
    bounds = {"minimum": least, "maximum": most}
    return QueryParameter(description=description, ge=least, le=most, schema_extra=bounds)
