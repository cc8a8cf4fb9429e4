"""What makes the catalogue refuse a class: the part of the contract that can be seen without running it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from auscult.catalogue.containment import Failure, attempt, called, describe
from auscult.component import NAME, Component
from auscult.kinds import Channel, Check, Exporter, Panel, Source
from auscult.model import Measurement
from auscult.options import convert_options, secret_fields

__all__ = ["COMMON_KEYS", "ROLES", "Refusal", "Role", "refusal"]

COMMON_KEYS = frozenset(Component.__struct_fields__) - {"name", "fingerprint"}
"""Keys that every component may have in configuration; a check's own option of that name would never arrive."""
PANEL_KEYS = frozenset({"id", "title", "description", "width", "height"})
"""The same for panels."""
_MEASUREMENT = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]{0,99}")
_NOT_OPTIONS = ("kind", "requires", "may_require", "component_type", "measurements", "passive")
_NOT_OPTIONS_OF_PANELS = ("heading", "size")


class Role(Struct, frozen=True):
    """One of the things a plugin class can be."""

    name: str
    """In the plural, as the catalogue's mapping and the hook have it: ``checks``."""
    key: str
    """The key in configuration: ``check``."""
    base: type
    work: tuple[str, ...]
    """Its methods, of which at least one has to be defined."""

    @property
    def hook(self) -> str:
        """The hook that returns such classes."""
        return f"auscult_{self.name}"


ROLES = (
    Role("checks", "check", Check, ("probe",)),
    Role("channels", "channel", Channel, ("send",)),
    Role("exporters", "exporter", Exporter, ("render", "push")),
    Role("panels", "panel", Panel, ("show",)),
    Role("sources", "source", Source, ("collect", "run", "receive")),
)
_ASYNC = frozenset({"probe", "send", "push", "collect", "run", "receive"})


class Refusal(Struct, frozen=True):
    """Why a class is refused, and what its author can do."""

    message: str
    remedy: str


def refusal(candidate: Any, role: Role) -> Refusal | None:
    """The first thing that keeps `candidate` from being one of `role`; None when it is fit."""
    found = attempt(lambda: next((r for rule in _RULES if (r := rule(candidate, role)) is not None), None))
    if isinstance(found, Failure):
        return Refusal(f"{_label(candidate)} cannot be looked at: {found}", "make it an ordinary class")
    return found


def _label(candidate: Any) -> str:
    return f"`{candidate.__name__}`" if inspect.isclass(candidate) else called(candidate)


def _is_class(candidate: Any, role: Role) -> Refusal | None:
    if inspect.isclass(candidate):
        return None
    if isinstance(candidate, role.base):
        name = type(candidate).__name__
        return Refusal(f"`{role.hook}` returned an object of the class `{name}`", f"return the class itself: [{name}]")
    return Refusal(
        f"`{role.hook}` returned {_label(candidate)} among its classes",
        f"return subclasses of auscult.{role.base.__name__} only",
    )


def _is_subclass(candidate: type, role: Role) -> Refusal | None:
    if issubclass(candidate, role.base):
        return None
    other = next((r for r in ROLES if issubclass(candidate, r.base)), None)
    if other is not None:
        message = f"{_label(candidate)} is a {other.base.__name__}, not a {role.base.__name__}"
        return Refusal(message, f"return it from `{other.hook}`")
    message = f"{_label(candidate)} is not a subclass of auscult.{role.base.__name__}"
    return Refusal(message, f"write `class {candidate.__name__}({role.base.__name__}):`")


def _declares_no_constant_as_option(candidate: Any, role: Role) -> Refusal | None:
    for name in (*_NOT_OPTIONS, *(_NOT_OPTIONS_OF_PANELS if role.base is Panel else ())):
        if name in candidate.__struct_fields__:
            message = f"{_label(candidate)} makes `{name}` an option by giving it a type"
            return Refusal(message, f"write `{name} = …` without a type, or annotate it as ClassVar")
    return None


def _does_the_work(candidate: Any, role: Role) -> Refusal | None:
    if inspect.isabstract(candidate):
        names = sorted(candidate.__abstractmethods__)
        missing = ", ".join(f"`{name}`" for name in names)
        remedy = f"define {missing}"
        if candidate is not role.base and names == ["probe"] and candidate.open is not Check.open:
            remedy += "; beside `open` it can say: return await super().probe(ctx)"
        return Refusal(f"{_label(candidate)} does not define {missing}", remedy)
    if all(getattr(candidate, name) is getattr(role.base, name) for name in role.work):
        wanted = " or ".join(f"`{name}`" for name in role.work)
        return Refusal(f"{_label(candidate)} does not define {wanted}", f"define {wanted}")
    return None


def _has_kind(candidate: Any, role: Role) -> Refusal | None:
    kind = candidate.kind
    example = f'kind = "{_suggested_kind(candidate.__name__, role)}"'
    if kind == "":
        return Refusal(f"{_label(candidate)} has no `kind`, so configuration cannot name it", f"add {example}")
    if not isinstance(kind, str) or not NAME.fullmatch(kind):
        message = f"{_label(candidate)} has the kind {kind!r}; a kind matches [a-z0-9_.-]{{1,64}}"
        return Refusal(message, f"rename it, for example {example}")
    return None


def _suggested_kind(name: str, role: Role) -> str:
    stem = name.removesuffix(role.base.__name__) or name
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", stem).lower().strip("_")[:64]


def _leaves_common_keys_alone(candidate: Any, role: Role) -> Refusal | None:
    reserved = COMMON_KEYS if role.base is Check else {role.key, "enabled"}
    if role.base in (Exporter, Source):
        reserved |= {"interval"}
    if role.base is Panel:
        reserved |= PANEL_KEYS
    taken = [name for name in _encoded_names(candidate) if name in reserved]
    if not taken:
        return None
    message = f"{_label(candidate)} has the option `{taken[0]}`, which is a key that every {role.key} has"
    return Refusal(message, "rename the option; its value would never arrive")


def _encoded_names(candidate: Any) -> Iterator[str]:
    yield from candidate.__struct_encode_fields__


def _is_strict(candidate: Any, role: Role) -> Refusal | None:
    config = candidate.__struct_config__
    if config.frozen and config.forbid_unknown_fields:
        return None
    message = f"{_label(candidate)} weakens its base: objects are frozen and refuse unknown options"
    return Refusal(message, "take `frozen` and `forbid_unknown_fields` out of the class line")


def _works_asynchronously(candidate: Any, role: Role) -> Refusal | None:
    for name in role.work:
        method = inspect.unwrap(getattr(candidate, name))
        if not inspect.isfunction(method) or method is getattr(role.base, name):
            continue
        if inspect.isgeneratorfunction(method) or inspect.isasyncgenfunction(method):
            return Refusal(f"{_label(candidate)}.{name} yields", "return once; only `open` yields")
        if name in _ASYNC and not inspect.iscoroutinefunction(method):
            remedy = f"write `async def {name}`, and call what blocks with `await ctx.in_thread(function)`"
            return Refusal(f"{_label(candidate)}.{name} is not async", remedy)
    return None


def _opens_by_yielding(candidate: Any, role: Role) -> Refusal | None:
    if role.base is not Check or candidate.open is Check.open:
        return None
    method = inspect.unwrap(candidate.open)
    if not inspect.isfunction(method) or inspect.isasyncgenfunction(method):
        return None
    return Refusal(
        f"{_label(candidate)}.open does not yield",
        "write `async def open(self, ctx)`, yield an async function that probes once, disconnect after the yield",
    )


def _has_readable_options(candidate: Any, role: Role) -> Refusal | None:
    # A key that no class has: types are resolved and it is refused, before any `__post_init__` runs.
    result = attempt(lambda: (secret_fields(candidate), convert_options({"\0": 0}, candidate)))
    if not isinstance(result, Failure) or isinstance(result.error, msgspec.ValidationError):
        return None
    message = f"the options of {_label(candidate)} cannot be read from configuration: {describe(result.error)}"
    if isinstance(result.error, NameError):
        return Refusal(message, "import the types of options at run time, not under TYPE_CHECKING")
    return Refusal(message, "use types that a file can express: text, numbers, lists, tables, Duration, SecretStr")


def _declares_measurements(candidate: Any, role: Role) -> Refusal | None:
    if role.base is not Check:
        return None
    declared = candidate.measurements
    if not isinstance(declared, tuple) or not all(isinstance(item, Measurement) for item in declared):
        message = f"{_label(candidate)}.measurements is not a tuple of auscult.Measurement"
        return Refusal(message, 'write measurements = (Measurement("name", "unit", "What it is."),)')
    names = [item.name for item in declared]
    for name in names:
        if not isinstance(name, str) or not _MEASUREMENT.fullmatch(name) or names.count(name) > 1:
            message = f"{_label(candidate)} declares the measurement {name!r}, which is no name or stands twice"
            return Refusal(message, "use letters, digits and underscores, each name once")
    return None


def _declares_requirements(candidate: Any, role: Role) -> Refusal | None:
    for attribute in ("requires", "may_require"):
        declared = getattr(candidate, attribute)
        if not isinstance(declared, Mapping) or not all(
            isinstance(part, str) for item in declared.items() for part in item
        ):
            message = f"{_label(candidate)}.{attribute} does not map import names to extras"
            return Refusal(message, f'write {attribute} = {{"psycopg": "postgres"}}')
    return None


def _declares_looks(candidate: Any, role: Role) -> Refusal | None:
    if role.base is not Panel:
        return None
    size = candidate.size
    if isinstance(candidate.heading, str) and isinstance(size, tuple) and [type(part) for part in size] == [int, int]:
        return None
    message = f"the `heading` of {_label(candidate)} is no text, or its `size` no pair of whole numbers"
    return Refusal(message, 'write heading = "What it shows" and size = (6, 4)')


_RULES: tuple[Callable[[Any, Role], Refusal | None], ...] = (
    _is_class,
    _is_subclass,
    _declares_no_constant_as_option,
    _does_the_work,
    _has_kind,
    _leaves_common_keys_alone,
    _is_strict,
    _works_asynchronously,
    _opens_by_yielding,
    _has_readable_options,
    _declares_measurements,
    _declares_requirements,
    _declares_looks,
)
