"""For checks whose driver knows no other event loop than asyncio's."""

from __future__ import annotations

import asyncio

__all__ = ["need_asyncio"]


def need_asyncio(driver: str) -> None:
    """Raises RuntimeError, as one sentence, where the monitor runs on another loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        raise RuntimeError(f"the driver {driver} works on asyncio only, and this monitor runs on trio") from None
