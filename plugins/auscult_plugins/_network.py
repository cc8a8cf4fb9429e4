"""Connecting, with errors that are sentences: what several checks need."""

from __future__ import annotations

import os
from collections.abc import Sequence

import anyio
from anyio.abc import ByteStream

__all__ = ["connect_tcp", "place", "reason"]


def place(host: str, port: int) -> str:
    """Host and port for people."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def reason(error: BaseException) -> str:
    """The system's own words for what went wrong, without what a library wraps around them."""
    while isinstance(error.__cause__, OSError):
        error = error.__cause__
    if isinstance(error, ExceptionGroup):
        return reason(error.exceptions[-1])
    number = getattr(error, "errno", None)
    return os.strerror(number) if number and number > 0 else str(error) or type(error).__name__


async def connect_tcp(addresses: Sequence[tuple[str, int]]) -> ByteStream:
    """To the first address that takes connections. Raises ConnectionError for the last."""
    for index, (address, port) in enumerate(addresses):
        try:
            return await anyio.connect_tcp(address, port)
        except OSError as error:
            if index + 1 == len(addresses):
                raise ConnectionError(f"cannot connect to {place(address, port)}: {reason(error)}") from error
    raise ConnectionError("the name has no address")
