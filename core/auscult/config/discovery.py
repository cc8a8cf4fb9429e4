"""What to monitor where no file says so: every installed check is asked what it finds in the environment."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from auscult.catalogue.containment import Failure, attempt
from auscult.component import NAME, Component
from auscult.config.components import ITSELF, assemble
from auscult.config.settings import ComponentKeys, DefaultSettings
from auscult.errors import Finding
from auscult.kinds import Check, Discovered
from auscult.options import scrub

if TYPE_CHECKING:
    from auscult.catalogue import Catalogue

__all__ = ["discover", "discovered_components"]

HOST = "host"
_UNFIT = re.compile(r"[^a-z0-9_.-]+")


def discovered_components(
    catalogue: Catalogue, environ: Mapping[str, str], defaults: DefaultSettings
) -> tuple[dict[str, Component], list[Finding]]:
    """The components of an environment, and warnings about checks that could not say or cannot run."""
    proposals, warnings = discover(catalogue, environ)
    keys = ComponentKeys(check="", threshold=defaults.threshold)
    return {name: assemble(name, proposal.check, keys, defaults) for name, proposal in proposals.items()}, warnings


def discover(catalogue: Catalogue, environ: Mapping[str, str]) -> tuple[dict[str, Discovered], list[Finding]]:
    """What the checks propose, by unique names, the host first; and warnings, none of them fatal."""
    warnings: list[Finding] = []
    found: dict[str, Discovered] = {}
    for kind, cls in sorted(catalogue.checks.items(), key=lambda item: (item[0] != HOST, item[0])):
        proposals = list(_ask(kind, cls, environ, warnings))
        if proposals and (remedy := catalogue.missing(cls)):
            because = "; ".join(proposal.because for proposal in proposals)
            _warn(warnings, kind, f"{because}, but the check needs a package that is not installed; run: {remedy}")
            continue
        for proposal in proposals:
            found[_unique(proposal.name, found)] = proposal
    return found, warnings


def _ask(kind: str, cls: type[Check], environ: Mapping[str, str], warnings: list[Finding]) -> Iterator[Discovered]:
    """What one check proposes. A plugin may raise anything, and give anything back."""
    proposals: list[Any] = []
    outcome = attempt(lambda: proposals.extend(cls.discover(environ)))
    if isinstance(outcome, Failure):
        text = scrub(str(outcome), _values(environ))
        _warn(warnings, kind, f"could not say what it finds in the environment: {text}")
    for proposal in proposals:
        if isinstance(proposal, Discovered) and isinstance(proposal.check, Check):
            yield proposal
        else:
            _warn(warnings, kind, f"proposes something that is no `Discovered`: {type(proposal).__name__}")
    if kind == HOST and not proposals:
        yield from _host(cls, warnings)


def _host(cls: type[Check], warnings: list[Finding]) -> Iterator[Discovered]:
    """The machine itself is always monitored, whether or not its check asks for it."""
    check = attempt(cls)
    if isinstance(check, Failure):
        _warn(warnings, HOST, f"cannot be used without options: {check}")
    else:
        yield Discovered(name=HOST, check=check, because="this machine")


def _unique(wanted: str, taken: Mapping[str, Any]) -> str:
    name = wanted if NAME.fullmatch(wanted) else _UNFIT.sub("-", wanted.lower())[:60].strip("-") or "component"
    name = name if name != ITSELF else f"{ITSELF}-check"
    number = 2
    unique = name
    while unique in taken:
        unique = f"{name[:60]}-{number}"
        number += 1
    return unique


def _values(environ: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(sorted((value for value in environ.values() if len(value) >= 4), key=len, reverse=True))


def _warn(warnings: list[Finding], kind: str, message: str) -> None:
    warnings.append(Finding(key=f"check `{kind}`", message=message, fatal=False))
