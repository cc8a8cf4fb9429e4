"""The path of a Pushgateway's group."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from urllib.parse import quote

__all__ = ["group_path"]

_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


def group_path(job: str, grouping: Mapping[str, str]) -> str:
    """``/metrics/job/JOB/LABEL/VALUE…``; values with a slash, and empty ones, in Base64 (Pushgateway's README, "URL").

    Raises ValueError for an empty job and for a label that is none.
    """
    if not job:
        raise ValueError("`job_name` is empty; a Pushgateway asks for one")
    for label in grouping:
        if label == "job" or not _LABEL.fullmatch(label) or label.startswith("__"):
            raise ValueError(f"`grouping`: {label!r} is no label name; expected letters, digits and `_`, and not `job`")
    return "/metrics" + "".join(_part(label, value) for label, value in (("job", job), *grouping.items()))


def _part(label: str, value: str) -> str:
    if not value:
        return f"/{label}@base64/="
    if "/" in value or value in (".", ".."):  # a path would be shortened
        return f"/{label}@base64/{base64.urlsafe_b64encode(value.encode()).decode()}"
    return f"/{label}/{quote(value, safe='')}"
