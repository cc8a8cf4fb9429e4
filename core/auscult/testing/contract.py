"""One assertion for everything that a check class promises."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import anyio

from auscult.catalogue.refusal import ROLES, refusal
from auscult.component import NAME
from auscult.kinds import Check, Discovered
from auscult.options import secret_fields
from auscult.runtime.readings import clean_text
from auscult.testing.environment import HOSTILE, AnyName, Recorder
from auscult.testing.probing import probe_once
from auscult.testing.promises import documented, in_thread, make, secrets_typed, shown_secrets

__all__ = ["assert_check_contract"]

TIMEOUT = 5.0
"""Seconds that the probe has."""


def assert_check_contract(check: type[Check], /, **options: Any) -> None:
    """Assert that `check` keeps the contract, with `options` for one object of it. Says every breach, in a sentence.

    The catalogue takes the class; class, options and measurements are documented; options can come from a file;
    what is named like a secret is typed `SecretStr`, and no ``repr`` shows it; `discover` copes with an empty and
    with a hostile environment (a ValueError there is a warning to the user, anything else is a breach), and tells no
    value; one probe with `options` gives a reading whose measurements are declared.

    Probes in a thread of its own, so what `options` point at has to be served by another thread or process. Where
    it is not there at all, the reading is unhealthy, which is fine as well.
    """
    if (refused := refusal(check, ROLES[0])) is not None:
        raise AssertionError(f"The catalogue refuses the class: {refused.message}; {refused.remedy}")
    breaches = [*documented(check, "what it means when it is healthy"), *_measurements(check), *secrets_typed(check)]
    breaches += _discovery(check)
    made = make(check, options)
    if isinstance(made, str):
        breaches.append(made)
    else:
        breaches += shown_secrets(made)
        breaches += _probed(made)
    if breaches:
        raise AssertionError("\n".join(breaches))


def _measurements(check: type[Check]) -> Iterator[str]:
    for measurement in check.measurements:
        if not measurement.help:
            yield f"the measurement `{measurement.name}` has no help: say in one sentence what it counts"
        if measurement.kind not in ("gauge", "counter"):
            yield f"the measurement `{measurement.name}` is a {measurement.kind}: a kind is gauge or counter"


# The environment


def _discovery(check: type[Check]) -> Iterator[str]:
    recorder = Recorder()
    yield from _discovered(check, recorder, "an empty environment")
    for value in HOSTILE:
        label = repr(value) if len(value) < 40 else f"a text of {len(value)} characters"
        environ = AnyName(value, recorder.names)
        yield from _discovered(check, environ, f"an environment where everything is {label}", value)


def _discovered(check: type[Check], environ: Mapping[str, str], where: str, value: str = "") -> Iterator[str]:
    proposals: list[object] = []
    try:
        proposals.extend(check.discover(environ))
    except Exception as error:
        # A ValueError tells the user that a variable makes no sense, which is better than silence.
        if not value or not isinstance(error, ValueError):
            text = clean_text(str(error))
            yield f"`discover` raises {type(error).__name__} in {where}: {text}; propose nothing there"
    for proposal in proposals:
        yield from (f"{breach} (in {where})" for breach in _proposal(check, proposal, value))


def _proposal(check: type[Check], proposal: object, value: str) -> Iterator[str]:
    if not isinstance(proposal, Discovered):
        yield f"`discover` gives a {type(proposal).__name__}, not a `Discovered`"
        return
    if not isinstance(proposal.check, check):
        yield f"`discover` proposes a {type(proposal.check).__name__}: each class speaks for itself"
    if not NAME.fullmatch(proposal.name):
        yield f"`discover` proposes the name {proposal.name!r}; a name matches [a-z0-9_.-]{{1,64}}"
    if not proposal.because:
        yield f"`discover` proposes `{proposal.name}` without `because`: name the variable that was found"
    if len(value) >= 8 and value in proposal.because:
        yield f"`because` of `{proposal.name}` repeats a variable's value: name the variable only"
    for name in sorted(secret_fields(check) & set(proposal.settings)):
        if "${" not in str(proposal.settings[name]):
            yield f"`settings` of `{proposal.name}` carry the secret `{name}`: refer to it as ${{NAME}}"


# The probe


def _probed(made: Check) -> list[str]:
    """What the monitor would complain of after one probe."""
    if made.passive:
        return []

    async def once() -> None:
        await probe_once(made, timeout=TIMEOUT)

    error = in_thread(lambda: anyio.run(once))
    return [f"one probe: {error}"] if error is not None else []
