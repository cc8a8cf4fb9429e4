"""Who asks, as the guard found out."""

from __future__ import annotations

from typing import Any

from litestar.connection import ASGIConnection
from msgspec import Struct

__all__ = ["Caller", "caller_of", "still_allowed", "who"]


class Caller(Struct, frozen=True, kw_only=True):
    """One who may ask."""

    name: str
    role: str
    via: str
    """``session``, ``token``, ``local`` (nothing is configured to prove oneself with) or ``host``."""
    session: str = ""
    """The hash under which the session is known."""
    csrf: str = ""
    expires_at: int | None = None
    """When the session ends at the latest, ms."""


def caller_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Caller | None:
    """Who asks; None for strangers, who reach what is public."""
    found = connection.scope.get("state", {}).get("auscult_caller")
    return found if isinstance(found, Caller) else None


def who(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    """The name to write down."""
    found = caller_of(connection)
    return found.name if found is not None else "local"


def still_allowed(connection: ASGIConnection[Any, Any, Any, Any]) -> bool:
    """Whether who asked may go on listening: no logout, no other password or role meanwhile. Never slow."""
    look = connection.scope.get("state", {}).get("auscult_still")
    return look is None or bool(look())
