"""Requests within New Relic's limits."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

__all__ = ["MAX_NAME", "MAX_VALUE", "Listed", "clipped", "packed"]

MAX_BYTES = 1_000_000
"""Bytes of a request; held before it is compressed, so that it holds however the limit is read."""
MAX_NAME, MAX_VALUE = 255, 4096
"""Characters of names and of texts."""

Listed = Sequence[dict[str, Any]]


def packed(items: Listed, wrap: Callable[[Listed], object]) -> Iterator[bytes]:
    """Compressed requests around as many items as fit into one; `wrap` makes the document of some of them."""
    if not items:
        return
    data = json.dumps(wrap(items), ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    if len(data) > MAX_BYTES and len(items) > 1:
        middle = len(items) // 2
        yield from packed(items[:middle], wrap)
        yield from packed(items[middle:], wrap)
        return
    packer = zlib.compressobj(6, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    yield packer.compress(data) + packer.flush()


def clipped(attributes: dict[str, str], most: int) -> dict[str, str]:
    """Attributes of which New Relic refuses none: at most so many, none empty, names and texts as long as allowed."""
    fit = {name[:MAX_NAME]: value[:MAX_VALUE] for name, value in attributes.items() if name and value}
    return dict(list(fit.items())[:most])
