"""The faults that most stand-ins have. A module of its own: the command line needs them, and no server."""

from __future__ import annotations

__all__ = ["FAULTS"]

FAULTS: dict[str, str] = {
    "slow": "answers, late",
    "silent": "answers, but nothing is in it",
    "down": "refuses connections",
    "unauthorized": "refuses the key (401)",
    "throttled": "refuses the work (429 with Retry-After)",
    "lying": "its health endpoint says fine, and the work fails",
}
"""By name, what they look like from outside."""
