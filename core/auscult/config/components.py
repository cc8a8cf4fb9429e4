"""The table `components` into `Component`s: common keys, the check's own options, defaults, dependencies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
from msgspec.structs import replace

from auscult.component import NAME, Component
from auscult.config.decode import FAILED, Decoder
from auscult.config.document import KeyPath
from auscult.config.fingerprint import fingerprint
from auscult.config.settings import ComponentKeys, DefaultSettings
from auscult.config.tables import NAME_RULE, refuse_zero
from auscult.errors import MissingDependency, UnknownKind, did_you_mean, misspelt
from auscult.kinds import Check, CheckContext, Preferences
from auscult.model import Reading
from auscult.options import Duration

if TYPE_CHECKING:
    from auscult.catalogue import Catalogue

__all__ = ["ITSELF", "Components", "assemble"]

ITSELF = "auscult"
"""The component that is the monitor itself: its table has common keys and no check of its own."""
_LONGEST_TIMEOUT = 10.0


class Itself(Check):
    """Stands where the monitor puts the check of itself."""

    kind = "self"
    component_type: ClassVar[str] = "auscult"

    def prefers(self) -> Preferences:
        """As the monitor asks for where nothing is configured."""
        return Preferences(interval=10.0, failures=1, successes=1, critical=False)

    async def probe(self, ctx: CheckContext) -> Reading:
        """Never called: the monitor brings the real one."""
        return Reading.unknown("the monitor has not taken this component in yet")


class Components:
    """Builds the components of one configuration; findings go to the decoder's report."""

    def __init__(self, decoder: Decoder, catalogue: Catalogue, defaults: DefaultSettings) -> None:
        self._decoder = decoder
        self._report = decoder.report
        self._catalogue = catalogue
        self._defaults = defaults
        self._needs: dict[str, tuple[str, ...]] = {}
        """What each component depends on, those that have mistakes elsewhere included."""

    def build(self, tables: Any) -> dict[str, Component]:
        """Every component of the table `components` that has no mistake; the mistakes are in the report."""
        if not isinstance(tables, dict):
            self._report.add(("components",), "expected tables such as [components.redis]")
            return {}
        found: dict[str, Component] = {}
        for name, table in tables.items():
            component = self._one(name, table, ("components", name))
            if component is not None:
                found[name] = component
        self._check_dependencies({*tables, ITSELF})
        return found

    def _one(self, name: str, table: Any, path: KeyPath) -> Component | None:
        if not NAME.fullmatch(name):
            self._report.add(path, NAME_RULE)
            return None
        if not isinstance(table, dict):
            self._report.add(path, f"expected a table: [components.{name}]")
            return None
        kind = self._kind(name, table, path)
        common = {key: value for key, value in table.items() if key in ComponentKeys.__struct_fields__}
        keys = self._keys({**common, "check": kind or ""}, path)
        self._needs[name] = () if keys is FAILED else keys.depends_on
        check = self._check(kind, {key: value for key, value in table.items() if key not in common}, keys, path)
        if check is None or keys is FAILED:
            return None
        return assemble(name, check, keys, self._defaults)

    # Common keys

    def _keys(self, table: dict[str, Any], path: KeyPath) -> ComponentKeys | Any:
        table["threshold"] = self._threshold(table.get("threshold", {}))
        keys = self._decoder.struct(ComponentKeys, table, path)
        if keys is FAILED:
            return FAILED
        pace = ("interval", "timeout", "retry_interval")
        ok = [refuse_zero(self._report, (*path, key), getattr(keys, key)) for key in pace]
        if keys.interval and keys.timeout and keys.timeout > keys.interval:
            message = (
                f"{keys.timeout} is longer than the interval of {keys.interval}: a hanging probe misses its next turn"
            )
            self._report.add((*path, "timeout"), message, fatal=False)
        return keys if all(ok) else FAILED

    def _threshold(self, own: Any) -> Any:
        """The component's levels over the default ones; a default way back to good goes with the level it is for."""
        if not isinstance(own, dict):
            return own
        base = msgspec.to_builtins(self._defaults.threshold)
        recover = {level: value for level, value in base.pop("recover").items() if level not in own}
        if isinstance(own_recover := own.get("recover", {}), dict):
            return {**base, **own, "recover": {**recover, **own_recover}}
        return {**base, **own}

    # The check

    def _kind(self, name: str, table: dict[str, Any], path: KeyPath) -> str | None:
        if "check" not in table:
            if name != ITSELF:
                self._report.add(path, f"missing: `check` names the kind of check{self._guess(name, table)}")
                return None
            return Itself.kind
        kind = self._decoder.value(table["check"], str, (*path, "check"))
        if name == ITSELF and kind not in (Itself.kind, FAILED):
            self._report.add((*path, "check"), "the name `auscult` is the monitor's own; give this component another")
            return None
        return None if kind is FAILED else str(kind)

    def _guess(self, name: str, table: dict[str, Any]) -> str:
        """The kind that was probably meant: given under a similar key, or as the component's name."""
        for candidate in (table.get("kind"), table.get("type"), name):
            if isinstance(candidate, str) and candidate in self._catalogue.checks:
                return f'; did you mean check = "{candidate}"?'
        return misspelt("check", table) or did_you_mean("", self._catalogue.checks)

    def _check(self, kind: str | None, options: dict[str, Any], keys: Any, path: KeyPath) -> Check | None:
        if kind is None:
            return None
        cls = Itself if path[-1] == ITSELF else self._class(kind, keys is FAILED or keys.enabled, path)
        if cls is None:
            return None
        check = self._decoder.struct(cls, options, path, also=ComponentKeys.__struct_fields__)
        return None if check is FAILED else check

    def _class(self, kind: str, enabled: bool, path: KeyPath) -> type[Check] | None:
        try:
            cls: type[Check] = self._catalogue.check(kind)
        except MissingDependency:
            cls = self._catalogue.checks[kind]
        except UnknownKind as error:
            called = self._decoder.called((*path, "check"), kind)
            message = _lower(str(error)).replace(f"`{kind}`", called, 1)
            self._report.add((*path, "check"), message + self._failed_plugins())
            return None
        if enabled and (remedy := self._catalogue.missing(cls)):
            self._report.add(
                (*path, "check"), f"the check `{kind}` needs a package that is not installed; run: {remedy}"
            )
        return cls

    def _failed_plugins(self) -> str:
        names = sorted({problem.plugin for problem in self._catalogue.problems})
        return f" (with problems: {', '.join(names)}; see `auscult plugins`)" if names else ""

    # Dependencies

    def _check_dependencies(self, known: set[str]) -> None:
        for name, needs in self._needs.items():
            for at, other in enumerate(needs):
                path = ("components", name, "depends_on", at)
                if other == name:
                    self._report.add(path, "a component cannot depend on itself")
                elif other not in known:
                    near = did_you_mean(other, known - {name})
                    self._report.add(path, f"there is no component {self._decoder.called(path, other)}{near}")
        for circle in _circles(self._needs):
            way = " → ".join([*circle, circle[0]])
            self._report.add(("components", circle[0], "depends_on"), f"the dependencies form a circle: {way}")


def assemble(name: str, check: Check, keys: ComponentKeys, defaults: DefaultSettings) -> Component:
    """A component with every default filled in: its own keys, then what the check prefers, then `defaults`."""
    wanted = _preferences(check)
    interval = _first(keys.interval, wanted.interval, defaults.interval)
    component = Component(
        name=name,
        check=check,
        type=keys.type,
        interval=float(interval),
        timeout=float(keys.timeout or min(_first(wanted.timeout, defaults.timeout, _LONGEST_TIMEOUT), interval)),
        threshold=keys.threshold,
        depends_on=keys.depends_on,
        weight=keys.weight,
        critical=_first(keys.critical, wanted.critical, defaults.critical),
        group=keys.group,
        labels={**defaults.labels, **keys.labels},
        runbook=keys.runbook,
        enabled=keys.enabled,
        failures=_first(keys.failures, wanted.failures, defaults.failures),
        successes=_first(keys.successes, wanted.successes, defaults.successes),
        retry_interval=_seconds(_first(keys.retry_interval, defaults.retry_interval)),
        isolate=keys.isolate,
        counted=keys.counted,
    )
    return replace(component, fingerprint=fingerprint(component))


def _preferences(check: Check) -> Preferences:
    """What the check asks for; nothing where a plugin's `prefers` fails."""
    try:
        wanted = check.prefers()
    except KeyboardInterrupt:
        raise
    except BaseException:  # a plugin may raise anything; its component is probed at the usual pace then
        return Preferences()
    return wanted if isinstance(wanted, Preferences) else Preferences()


def _first(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


def _seconds(value: Duration | None) -> float | None:
    return None if value is None else float(value)


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _circles(needs: Mapping[str, tuple[str, ...]]) -> Iterator[list[str]]:
    """Every circle of dependencies once, found without recursion (a chain may be as long as there are components)."""
    done: set[str] = set()
    for start in needs:
        way: dict[str, Iterator[str]] = {} if start in done else {start: iter(needs[start])}
        while way:
            name = next(reversed(way))
            other = next(way[name], None)
            if other is None:
                done.add(name)
                del way[name]
            elif other in way and other != name:
                names = list(way)
                yield names[names.index(other) :]
            elif other in needs and other not in done and other != name:
                way[other] = iter(needs[other])
