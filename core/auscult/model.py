"""The words of auscult as data: what a probe says, what the core makes of it, what people are shown.

Everything here is a frozen msgspec Struct or an enum. Nothing here does I/O or knows a clock. Times are
integers, milliseconds since the epoch in UTC; durations are float seconds, except where a name ends in ``_ms``.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Self

import msgspec
from msgspec import Struct

__all__ = [
    "AlertSeverity",
    "CheckResult",
    "ComponentHealth",
    "HealthThreshold",
    "Measurement",
    "Origin",
    "Ping",
    "Problem",
    "Reading",
    "Status",
    "SystemHealth",
    "Trend",
]


class Status(StrEnum):
    """What a component is. Ordered by `severity_of`; `MAINTENANCE` is for display only, no probe returns it."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"
    UNKNOWN = "unknown"
    MAINTENANCE = "maintenance"

    __hash__ = str.__hash__  # the enum's own is a function in Python, and statuses are keys at every result

    @property
    def badness(self) -> int:
        """How bad, for comparing: unhealthy > degraded > unknown > healthy (decision 7)."""
        return _BADNESS[self]


_BADNESS = {Status.HEALTHY: 0, Status.MAINTENANCE: 0, Status.UNKNOWN: 1, Status.DEGRADED: 2, Status.UNHEALTHY: 3}


class AlertSeverity(StrEnum):
    """How loudly an alert speaks."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"


class Origin(StrEnum):
    """Where a result came from."""

    PROBE = "probe"
    TIMEOUT = "timeout"
    EXCEPTION = "exception"
    PUSH = "push"
    SOURCE = "source"

    __hash__ = str.__hash__  # as for `Status`


class Trend(StrEnum):
    """Where a component is heading, judged by response time and success over a window (decision 10)."""

    IMPROVING = "improving"
    STABLE = "stable"
    WORSENING = "worsening"
    UNKNOWN = "unknown"


class Measurement(Struct, frozen=True):
    """A number that a check can report, declared on the class so that units and meaning are known up front."""

    name: str
    """The key in `Reading.measurements`; matches ``[a-zA-Z_][a-zA-Z0-9_]*``, a base unit as suffix."""
    unit: str = ""
    """``ms``, ``seconds``, ``bytes``, ``percent``, or a plural noun; empty for a plain number."""
    help: str = ""
    """One sentence."""
    kind: str = "gauge"
    """``gauge``, or ``counter`` for a number that only grows."""


class Reading(Struct, frozen=True):
    """What one probe says about a component."""

    status: Status = Status.HEALTHY
    message: str = ""
    """One sentence for a person: what was found, and for a bad status what was expected."""
    measurements: dict[str, float] = {}
    """Finite numbers by name; the check class declares them."""
    stages: dict[str, float] = {}
    """Where the time went, in order: stage name to seconds, for example ``{"connect": 0.002}``."""
    response_time_ms: float | None = None
    """The time that counts for the threshold, where the whole probe's duration is not it."""

    @classmethod
    def healthy(cls, message: str = "", /, **measurements: float) -> Self:
        """A good reading: ``Reading.healthy(documents=12)``."""
        return cls(Status.HEALTHY, message, measurements)

    @classmethod
    def degraded(cls, message: str, /, **measurements: float) -> Self:
        """It works, worse than it should; the message says how."""
        return cls(Status.DEGRADED, message, measurements)

    @classmethod
    def unhealthy(cls, message: str, /, **measurements: float) -> Self:
        """It does not work; the message says what failed."""
        return cls(Status.UNHEALTHY, message, measurements)

    @classmethod
    def unknown(cls, message: str, /, **measurements: float) -> Self:
        """Nothing can be said; counts neither as success nor as failure."""
        return cls(Status.UNKNOWN, message, measurements)


class CheckResult(Struct, frozen=True, gc=False):
    """A reading plus what the core adds. Immutable, and the only thing that enters the pipeline."""

    component: str
    status: Status
    at: int
    """When it was known, ms since the epoch."""
    duration: float = 0.0
    """Seconds from start to end as the core measured them; 0 for pushed results."""
    response_time_ms: float | None = None
    """The reading's own, else the duration; None where nothing was timed."""
    message: str = ""
    measurements: dict[str, float] = {}
    stages: dict[str, float] = {}
    origin: Origin = Origin.PROBE


class Ping(Struct, frozen=True):
    """A sign of life pushed from outside, as `heartbeat` understands it."""

    at: int
    kind: str = "success"
    """``start``, ``success`` or ``fail``."""
    exit_code: int | None = None
    message: str = ""


class Problem(Struct, frozen=True, kw_only=True):
    """Something a plugin does wrong, with what to do about it. Data, shown everywhere, raised nowhere."""

    plugin: str
    distribution: str = ""
    version: str = ""
    stage: str
    """Where it showed: ``import``, ``register``, ``hook``, ``kind``, ``probe``, ``blocked``."""
    message: str
    remedy: str


_Percent = Annotated[float, msgspec.Meta(ge=0, le=100)]


class HealthThreshold(Struct, frozen=True, forbid_unknown_fields=True):
    """The levels that turn readings into a status. A breached level makes a component `degraded` (decision 6)."""

    response_time_ms: Annotated[float, msgspec.Meta(gt=0)] = 5000.0
    """Slower than this is degraded."""
    success_rate_percent: _Percent = 95.0
    """Lower than this over the window is degraded, judged from 10 results on."""
    error_rate_percent: _Percent = 5.0
    """Higher than this over the window is degraded, judged from 10 results on."""
    memory_usage_percent: _Percent = 90.0
    """More than this, as measured under the same name, is degraded."""
    cpu_usage_percent: _Percent = 90.0
    """More than this, as measured under the same name, is degraded."""
    disk_usage_percent: _Percent = 90.0
    """More than this, as measured under the same name, is degraded."""
    recover: dict[str, float] = {}
    """Hysteresis: once a level is breached, the component is good again only beyond this one, for example
    ``{"response_time_ms": 200}`` under a level of 250. Keys are the level names above."""

    def __post_init__(self) -> None:
        levels = [field for field in self.__struct_fields__ if field != "recover"]
        for name, value in self.recover.items():
            if name not in levels:
                raise ValueError(f"`recover.{name}` is not a level; expected one of {', '.join(levels)}")
            level = getattr(self, name)
            wrong = value < level if name == "success_rate_percent" else value > level
            if wrong:
                raise ValueError(f"`recover.{name}` = {value:g} lies on the bad side of the level {level:g}")


class ComponentHealth(Struct, frozen=True, kw_only=True):
    """One component as people and exporters see it: a verdict with its reasons, at one moment."""

    component_name: str
    component_type: str
    status: Status = Status.UNKNOWN
    last_check: int | None = None
    """When the latest result came, ms; None before the first."""
    since: int | None = None
    """Since when the status is what it is, ms."""
    message: str = ""
    """The reason in words: the latest reading's message, or which level is breached and by how much."""
    response_time_ms: float | None = None
    success_rate: float | None = None
    """Percent over the window; None before the first counted result."""
    error_rate: float | None = None
    p50_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None
    window_results: int = 0
    consecutive_failures: int = 0
    consecutive_successes: int = 0
    reasons: tuple[str, ...] = ()
    """Names of the levels breached now, for example ``("response_time_ms",)``."""
    trend: Trend = Trend.UNKNOWN
    trends: dict[str, Trend] = {}
    """Per window: ``15m``, ``1h``, ``6h``."""
    flap_score: float = 0.0
    """Share of status changes over the recent results, 0 to 1."""
    flapping: bool = False
    stale: bool = False
    """True when no result came for longer than the component's age limit; the status is then `unknown`."""
    uptime: dict[str, float | None] = {}
    """Percent of time up over ``1h 24h 7d 30d``; None where there is no data."""
    measurements: dict[str, float] = {}
    stages: dict[str, float] = {}
    origin: Origin | None = None
    group: str = ""
    labels: dict[str, str] = {}
    runbook: str = ""
    critical: bool = True
    weight: float = 1.0
    depends_on: tuple[str, ...] = ()
    blamed_on: tuple[str, ...] = ()
    """Unhealthy components this one depends on, directly or through others: the likely cause."""
    counted: bool = True
    """Whether it takes part in the totals (`auscult` itself does not)."""


class SystemHealth(Struct, frozen=True, kw_only=True):
    """All components in one verdict (decision 7)."""

    status: Status = Status.UNKNOWN
    last_check: int | None = None
    healthy_components: int = 0
    total_components: int = 0
    health_percentage: float = 0.0
    """healthy / total, exactly; 0 without components."""
    health_score: float = 0.0
    """Weighted, 0 to 100: healthy 1, degraded 0.5, else 0."""
    trend: Trend = Trend.UNKNOWN
    message: str = ""
    components: dict[str, ComponentHealth] = {}


def jsonable(value: Any) -> Any:
    """`value` (Structs, enums, containers) as plain JSON data; non-finite floats become None."""
    return msgspec.to_builtins(value)
