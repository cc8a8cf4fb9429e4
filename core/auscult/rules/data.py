"""What a rule looks at: one component's health, or the system's, as a mapping of plain names (decision 15)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from operator import attrgetter
from typing import Any, Generic, TypeVar

from auscult.model import ComponentHealth, Status, SystemHealth
from auscult.rules.windows import READER, WindowReader

__all__ = ["Data", "RuleData", "SystemData"]

V = TypeVar("V")
Look = Callable[[Any], Any]


class Data(Mapping[str, Any], Generic[V]):
    """Looks at a view only when it is asked, and only for what it is asked. What is missing is no key."""

    __slots__ = ("_look", "_reckon", "_view", "windows")

    _fields: Mapping[str, Look] = {}
    _reckoned: frozenset[str] = frozenset()
    """Names whose values are made only when a rule asks for them, where somebody is there to make them."""

    def __init__(self, look: Callable[[], V], reckon: Callable[[str], Any] | None = None) -> None:
        """`reckon(name)` gives what is had more cheaply one by one than as part of the view; see `_reckoned`."""
        self._look = look
        self._reckon = reckon
        self._view: V | None = None
        self.windows: WindowReader | None = None
        """The recent past, for conditions that ask for it."""

    @property
    def view(self) -> V:
        """What it looks at; made once."""
        if self._view is None:
            self._view = self._look()
        return self._view

    def get(self, key: str, default: Any = None) -> Any:
        """The value of that name, or `default`."""
        if self._reckon is not None and key in self._reckoned:
            value = self._reckon(key)
        elif (field := self._fields.get(key)) is not None:
            value = field(self.view)
        else:
            value = self.windows if key == READER else self._other(key)
        return default if value is None else value

    def _other(self, key: str) -> Any:
        return None

    def _others(self) -> Iterator[str]:
        return iter(())

    def __getitem__(self, key: str) -> Any:
        value = self.get(key)
        if value is None:
            raise KeyError(key)
        return value

    def __iter__(self) -> Iterator[str]:
        names = dict.fromkeys([*self._fields, *self._others()])
        return (name for name in names if self.get(name) is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({dict(self)!r})"


def _text(name: str) -> Look:
    def read(view: Any) -> str | None:
        return str(getattr(view, name)) or None

    return read


def _measured(name: str) -> Look:
    def read(view: ComponentHealth) -> float | None:
        return view.measurements.get(name)

    return read


class RuleData(Data[ComponentHealth]):
    """One component: the names of decision 15, then its measurements, then its labels."""

    __slots__ = ()

    _reckoned = frozenset({"trend"})
    _fields = {
        "component": attrgetter("component_name"),
        "component_type": attrgetter("component_type"),
        "status": lambda view: view.status.value,
        "message": _text("message"),
        "group": _text("group"),
        "trend": lambda view: view.trend.value,
        # A float, as it is once it was stored: a replay shows the same digits.
        "response_time_ms": lambda view: None if view.response_time_ms is None else float(view.response_time_ms),
        **{
            name: attrgetter(name)
            for name in (
                "success_rate",
                "error_rate",
                "p50_ms",
                "p95_ms",
                "p99_ms",
                "window_results",
                "consecutive_failures",
                "consecutive_successes",
                "flap_score",
                "flapping",
                "stale",
            )
        },
        "memory_usage": _measured("memory_usage_percent"),
        "cpu_usage": _measured("cpu_usage_percent"),
        "disk_usage": _measured("disk_usage_percent"),
    }

    def _other(self, key: str) -> Any:
        value = self.view.measurements.get(key)
        return self.view.labels.get(key) if value is None else value

    def _others(self) -> Iterator[str]:
        yield from self.view.measurements
        yield from self.view.labels


def _unhealthy(view: SystemHealth) -> str | None:
    names = [name for name, each in view.components.items() if each.status is Status.UNHEALTHY and each.counted]
    return ", ".join(names) or None


class SystemData(Data[SystemHealth]):
    """All components together."""

    __slots__ = ()

    _reckoned = frozenset({"status", "trend", "unhealthy"})
    _fields = {
        "status": lambda view: view.status.value,
        "message": _text("message"),
        "trend": lambda view: view.trend.value,
        "unhealthy": _unhealthy,
        **{
            name: attrgetter(name)
            for name in ("healthy_components", "total_components", "health_percentage", "health_score")
        },
    }
