"""Every error auscult raises, as one tree.

AuscultError
├── ConfigurationError      findings, all of them at once
├── ComponentNotFound       no component of that name
├── AlertNotFound           no open alert of that id
├── SilenceNotFound         no silence of that id
├── DashboardNotFound       no dashboard (or panel, or incident) of that id
├── DashboardConflict       it is taken, was changed meanwhile, or is not ours to change
├── UnknownKind             no plugin offers that kind
│   └── AmbiguousKind       several do, and none of them is bundled
├── MissingDependency       an extra is not installed (also an ImportError)
├── EgressRefused           the policy forbids the address
├── DeliveryError           a channel could not deliver (may be tried again or not)
├── StateDirectoryLocked    another process owns the state directory
└── StoreError              the store cannot go on
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

from msgspec import Struct

__all__ = [
    "AlertNotFound",
    "AmbiguousKind",
    "AuscultError",
    "ComponentNotFound",
    "ConfigurationError",
    "DashboardConflict",
    "DashboardNotFound",
    "DeliveryError",
    "EgressRefused",
    "Finding",
    "MissingDependency",
    "SilenceNotFound",
    "StateDirectoryLocked",
    "StoreError",
    "UnknownKind",
    "did_you_mean",
    "misspelt",
]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """``"; did you mean `redis`?"`` for the closest known name, the list of all when none is near and few exist."""
    names = sorted(known)
    if near := difflib.get_close_matches(name, names, n=1, cutoff=0.6):
        return f"; did you mean `{near[0]}`?"
    if names and len(names) <= 30:
        return f"; known: {', '.join(names)}"
    return ""


def misspelt(name: str, found: Iterable[str]) -> str:
    """``"; `chek` looks like it"`` for the name closest to one that is missing, nothing when none is near."""
    near = difflib.get_close_matches(name, list(found), n=1, cutoff=0.75)
    return f"; `{near[0]}` looks like it" if near else ""


class AuscultError(Exception):
    """The root: everything auscult raises on purpose."""


class Finding(Struct, frozen=True, kw_only=True):
    """One mistake in a configuration, in one clear sentence with its place."""

    key: str
    """The key's path: ``components.redis.interval``."""
    message: str
    """What was found, what was expected, the nearest valid name."""
    file: str = ""
    line: int | None = None
    fatal: bool = True
    """False for what deserves attention and stops nothing."""

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line) if part)
        return ": ".join(part for part in (place, self.key, self.message) if part)


class ConfigurationError(AuscultError):
    """The configuration cannot be used; `findings` lists every reason."""

    def __init__(self, findings: Sequence[Finding] | str) -> None:
        self.findings = [Finding(key="", message=findings)] if isinstance(findings, str) else list(findings)
        super().__init__(findings if isinstance(findings, str) else "\n".join(map(str, self.findings)))


class ComponentNotFound(AuscultError):
    """There is no component of that name."""

    def __init__(self, name: str, known: Iterable[str] = ()) -> None:
        self.name = name
        super().__init__(f"There is no component `{name}`{did_you_mean(name, known)}")


class UnknownKind(AuscultError):
    """No installed plugin offers that kind."""

    def __init__(self, role: str, kind: str, known: Iterable[str] = ()) -> None:
        self.kind = kind
        super().__init__(f"No installed plugin offers the {role} `{kind}`{did_you_mean(kind, known)}")


class AmbiguousKind(UnknownKind):
    """Several plugins offer that kind; only the qualified names tell them apart."""

    def __init__(self, role: str, kind: str, qualified: Sequence[str]) -> None:
        self.kind = kind
        self.qualified = tuple(qualified)
        choices = " or ".join(f"`{name}`" for name in qualified)
        AuscultError.__init__(self, f"Several installed plugins offer the {role} `{kind}`; write {choices}")


class AlertNotFound(AuscultError):
    """There is no alert of that id, or it is over."""

    def __init__(self, ident: str) -> None:
        self.ident = ident
        super().__init__(f"There is no open alert {ident!r}")


class SilenceNotFound(AuscultError):
    """There is no silence of that id, or it is over."""

    def __init__(self, ident: str) -> None:
        self.ident = ident
        super().__init__(f"There is no silence {ident!r}")


class DashboardNotFound(AuscultError):
    """There is no dashboard, panel or incident of that id."""

    def __init__(self, ident: str, known: Iterable[str] = (), *, what: str = "dashboard") -> None:
        self.ident = ident
        super().__init__(f"There is no {what} `{ident}`{did_you_mean(ident, known)}")


class DashboardConflict(AuscultError):
    """It is taken, was changed by somebody else meanwhile, or is not ours to change."""


class MissingDependency(AuscultError, ImportError):
    """A plugin needs a package that is not installed; the message carries the command that mends it."""

    def __init__(self, package: str, extra: str | None = None, *, install: str | None = None) -> None:
        self.package = package
        self.remedy = install or (f"pip install 'auscult[{extra}]'" if extra else f"pip install {package}")
        super().__init__(f"The package `{package}` is not installed; run: {self.remedy}")


class EgressRefused(AuscultError):
    """The egress policy forbids connecting to an address."""


class DeliveryError(AuscultError):
    """A channel could not deliver. `retry` says whether trying again can help, `retry_after` (seconds) when.

    `too_large`: it was refused for its size, and less of it at a time may be taken.
    """

    def __init__(
        self, message: str, *, retry: bool = True, retry_after: float | None = None, too_large: bool = False
    ) -> None:
        self.retry = retry
        self.retry_after = retry_after
        self.too_large = too_large
        super().__init__(message)


class StateDirectoryLocked(AuscultError):
    """Another process owns the state directory."""


class StoreError(AuscultError):
    """The store cannot go on: corrupt, a newer schema, or the disk refuses."""
