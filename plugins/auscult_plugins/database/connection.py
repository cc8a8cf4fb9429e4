"""What the engines' modules offer: one connection, and the two ways in which it fails."""

from __future__ import annotations

from typing import Any, Protocol

__all__ = ["NOT_UNDERSTOOD", "Connection", "ConnectionLost", "QueryFailed"]

NOT_UNDERSTOOD = "`url` is not understood: are all special characters in it quoted?"
"""Said of an address that cannot be taken apart; it is not repeated, as it may hold a password."""


class QueryFailed(Exception):
    """The server answered with an error; the text is its own, in one line. The connection is still good."""


class ConnectionLost(ConnectionError):
    """The connection broke or turned out to be dead; the text says how."""


class Connection(Protocol):
    """An open connection to a database."""

    version: str
    """The server's name and version, for people."""
    complaint: str
    """What the latest statistics say is wrong, in words."""

    async def query(self, statement: str) -> list[tuple[Any, ...]]:
        """Run a statement, return its rows. Raises QueryFailed, ConnectionLost."""
        ...

    async def statistics(self, slow: float) -> dict[str, float]:
        """What the server tells of itself; what this user may not see is left out. Raises ConnectionLost."""
        ...

    async def close(self) -> None:
        """Disconnect."""
        ...
