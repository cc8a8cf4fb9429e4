"""`Component`: a thing the user monitors, everything resolved. Configuration produces it and the monitor runs it."""

from __future__ import annotations

import re

from msgspec import Struct

from auscult.kinds import Check
from auscult.model import HealthThreshold

__all__ = ["NAME", "Component"]

NAME = re.compile(r"[a-z0-9_.-]{1,64}")
"""What component, channel and exporter names match, whole (decision 1)."""


class Component(Struct, frozen=True, kw_only=True, eq=False):
    """One monitored component; immutable. A reload compares `fingerprint` to know what changed."""

    name: str
    check: Check
    type: str = ""
    """Overrides the check's `component_type`."""
    interval: float = 30.0
    """Seconds from start to start."""
    timeout: float = 10.0
    """Seconds after which a probe is cut."""
    threshold: HealthThreshold = HealthThreshold()
    depends_on: tuple[str, ...] = ()
    weight: float = 1.0
    critical: bool = True
    group: str = ""
    labels: dict[str, str] = {}
    runbook: str = ""
    enabled: bool = True
    failures: int = 2
    """Failing results in a row that make it unhealthy."""
    successes: int = 2
    """Good results in a row that make it healthy again."""
    retry_interval: float | None = None
    """Seconds to the next probe while a change of status waits for confirmation; None probes at the usual pace."""
    isolate: str = ""
    """``"process"`` runs each probe in a worker process that is killed when it hangs."""
    counted: bool = True
    """Whether it takes part in the totals."""
    fingerprint: str = ""
    """Changes exactly when the configuration of this component changes; holds no secret in clear."""

    @property
    def component_type(self) -> str:
        """The seed document's ``component_type``: own, else the check's, else its kind."""
        return self.type or self.check.component_type or self.check.kind

    @property
    def age_limit(self) -> float:
        """Seconds without any result after which there is "no data": three intervals and a timeout."""
        return 3 * self.interval + self.timeout
