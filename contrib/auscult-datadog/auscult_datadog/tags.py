"""Tags as Datadog writes them."""

from __future__ import annotations

import re

from auscult import wording

__all__ = ["tag"]

_LONGEST = 200
_UNFIT = re.compile(r"[^\w:./-]")


def tag(text: str) -> str:
    """`text` as Datadog writes tags: lower case, beginning with a letter."""
    fit = _UNFIT.sub("_", wording.clean(text, _LONGEST).lower()).strip("_:") or "label"
    fit = fit if fit[0].isalpha() else f"label_{fit}"
    return fit[:_LONGEST]
