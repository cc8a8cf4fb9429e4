"""Which components depend on which, and which of them is at fault."""

from __future__ import annotations

from collections.abc import Iterator

from auscult.model import Status
from auscult.runtime.health import HealthMonitor

__all__ = ["Topology"]


class Topology:
    """Answers from the components and results of one `HealthMonitor`; unknown names have neither."""

    def __init__(self, health: HealthMonitor) -> None:
        self._health = health
        self._revision: int | None = None
        self._dependents: dict[str, set[str]] = {}

    def causes(self, component: str) -> tuple[str, ...]:
        """Unhealthy components that it depends on, directly or through others, the deepest first."""
        bad = [name for name in self._needs(component) if self._health.status(name) is Status.UNHEALTHY]
        return tuple(reversed(bad))

    def suspects(self, component: str) -> tuple[str, ...]:
        """Components it depends on of which nothing good is known since it began to fail."""
        begin = self._began_to_fail(component)
        return tuple(name for name in self._needs(component) if not self._good_since(name, begin))

    def dependents(self, component: str) -> tuple[str, ...]:
        """Components that depend on it, directly or through others, the nearest first."""
        direct = self._index()
        found: dict[str, None] = {}
        wanted = sorted(direct.get(component, ()))
        while wanted:
            name = wanted.pop(0)
            if name not in found and name != component:
                found[name] = None
                wanted.extend(sorted(direct.get(name, ())))
        return tuple(found)

    def _needs(self, component: str) -> Iterator[str]:
        """What it depends on, the nearest first, each once."""
        components = self._health.components
        seen, wanted = {component}, [component]
        while wanted:
            current = components.get(wanted.pop(0))
            for name in current.depends_on if current is not None else ():
                if name in components and name not in seen:
                    seen.add(name)
                    wanted.append(name)
                    yield name

    def _index(self) -> dict[str, set[str]]:
        """Component to those that name it, made anew when components came or went."""
        if self._revision != self._health.registrations:
            self._revision = self._health.registrations
            self._dependents = {}
            for component in self._health.components.values():
                for name in component.depends_on:
                    self._dependents.setdefault(name, set()).add(component.name)
        return self._dependents

    def _began_to_fail(self, component: str) -> int:
        """When the latest run of results that were not healthy began (ms); 0 when there is none."""
        begin = 0
        for result in self._health.recent(component) if component in self._health.components else ():
            if result.status is Status.HEALTHY:
                break
            begin = result.at
        return begin

    def _good_since(self, component: str, begin: int) -> bool:
        latest = next(iter(self._health.recent(component, 1)), None)
        return latest is None or (latest.at >= begin and latest.status is not Status.UNHEALTHY)
