"""How long to wait before a delivery is tried again, and when a channel is left in peace."""

from __future__ import annotations

import random

from auscult.errors import DeliveryError

__all__ = ["FIRST", "LONGEST", "LONGEST_ASKED", "Breaker", "asked_for", "wait_before"]

FIRST = 1.0
"""Seconds, at most, before the second attempt; each further wait may be twice as long."""
LONGEST = 300.0
LONGEST_ASKED = 3600.0
"""Seconds that a receiver may ask for with ``Retry-After``."""
PATIENCE = 5
"""Failures in a row after which a channel gets one attempt at a time."""


def wait_before(attempt: int, error: BaseException, rng: random.Random) -> float:
    """Seconds from the failure of that attempt (from 1 on) to the next: exponential with full jitter.

    Full jitter: anything between nothing and the bound, so that many that failed together do not come back together
    (AWS Architecture Blog, "Exponential Backoff And Jitter"). A longer ``Retry-After`` wins.
    """
    bound = min(LONGEST, FIRST * 2.0 ** min(attempt - 1, 20))
    # A tenth on top at most: whoever was told to come back at one time comes back one after the other.
    return max(rng.uniform(0.1, 1.0) * bound, asked_for(error) * rng.uniform(1.0, 1.1))


def asked_for(error: BaseException) -> float:
    """Seconds for which the receiver wants to be left in peace; 0 when it did not say, or nothing sensible."""
    wanted = getattr(error, "retry_after", None) if isinstance(error, DeliveryError) else None
    if isinstance(wanted, int | float) and not isinstance(wanted, bool) and wanted > 0:
        return float(min(wanted, LONGEST_ASKED))
    return 0.0


class Breaker:
    """Counts one channel's failures in a row. While it is open, one attempt is made when its wait is over.

    What a receiver asks for with ``Retry-After`` holds for the whole channel, from the first failure on.
    """

    def __init__(self) -> None:
        self.failures = 0
        self.until = 0.0
        """Monotonic seconds before which nothing is tried."""
        self.failing_since: int | None = None
        """Wall clock, ms."""

    @property
    def is_open(self) -> bool:
        """Whether the channel is being left in peace."""
        return self.failures >= PATIENCE

    def succeeded(self) -> None:
        """The receiver is well."""
        self.failures, self.until, self.failing_since = 0, 0.0, None

    def failed(self, now: float, wall: int, rng: random.Random, error: BaseException | None = None) -> None:
        """One more failure of a kind that another attempt may mend."""
        self.failures += 1
        if self.failing_since is None:
            self.failing_since = wall
        wait = asked_for(error) if error is not None else 0.0
        if self.is_open:
            wait = max(wait, wait_before(self.failures - PATIENCE + 1, DeliveryError(""), rng))
        if wait:
            self.until = max(self.until, now + wait)
