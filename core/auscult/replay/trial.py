"""Tests of rules in a file: given results over virtual time, what is expected of them, and whether that came.

The strings below the fields are the reference page of the file.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from itertools import zip_longest
from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from auscult.alert import Alert, ChangeKind
from auscult.config import document, load
from auscult.config.decode import FAILED, Decoder
from auscult.config.references import References
from auscult.config.report import Report
from auscult.config.settings import Settings
from auscult.errors import AuscultError, ConfigurationError, did_you_mean
from auscult.options import Duration
from auscult.replay.tester import START, RuleTester, Told

__all__ = ["Act", "Expected", "ExpectedAlert", "ExpectedNotice", "Given", "Outcome", "Trial", "TrialFile", "Trials"]

_Name = Annotated[str, Meta(min_length=1)]
_Values = float | tuple[float, ...]


class Given(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Results of one component."""

    component: _Name
    """Its name in the configuration."""
    at: Duration | None = None
    """When the first one comes, from the begin of the test. Default: one step after the last one of this component
    so far, else the very begin."""
    every: Duration | None = None
    """Time from one to the next. Default: the component's interval."""
    times: Annotated[int, Meta(ge=1, le=100_000)] = 1
    """How many; with a list of values as many as it has."""
    status: Literal["healthy", "degraded", "unhealthy", "unknown"] = "healthy"
    """What each result says."""
    message: str = ""
    """What it says in words."""
    response_time_ms: _Values | None = None
    """Its response time, or a list of them: one for each result."""
    measurements: dict[str, _Values] = {}
    """Its measurements: a number, or a list of them."""


class Act(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something that a person does."""

    at: Duration
    """When."""
    what: Literal["acknowledge", "resolve", "silence"]
    """What."""
    rule: str = ""
    """Of the alert that is meant."""
    component: str = ""
    """Of the alert that is meant."""
    matchers: tuple[str, ...] = ()
    """What a silence is for: `component=redis`, `severity!=low`."""
    lasts: Duration = Duration(3600)
    """How long a silence or an acknowledgement lasts."""
    by: str = "somebody"
    """Who."""


class ExpectedAlert(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An alert that goes on. What is left out may be anything."""

    rule: _Name
    """Its rule."""
    component: str | None = None
    """Its component; empty for a rule over the whole system."""
    severity: Literal["critical", "high", "medium", "low", "info"] | None = None
    status: Literal["active", "acknowledged", "suppressed"] | None = None
    message: str | None = None
    labels: dict[str, str] = {}
    """Labels that it has, among others."""
    since: Duration | None = None
    """When it first fired, from the begin of the test."""


class Expected(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which alerts go on at a moment: these and no others."""

    at: Duration
    """When; what comes at that very moment has been judged."""
    alerts: tuple[ExpectedAlert, ...] = ()


class ExpectedNotice(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A notice that a channel gets. What is left out may be anything."""

    channel: _Name
    at: Duration | None = None
    """When, from the begin of the test."""
    kind: ChangeKind | None = None
    """What happened to the alert."""
    rule: str | None = None
    component: str | None = None
    severity: Literal["critical", "high", "medium", "low", "info"] | None = None
    message: str | None = None


class Trial(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One test."""

    name: _Name
    """What it shows."""
    start: str = ""
    """When it begins: `2026-03-29T00:30:00+01:00`, for maintenance windows. Default: a Monday, 10:30 in UTC."""
    given: tuple[Given, ...] = ()
    act: tuple[Act, ...] = ()
    expect: tuple[Expected, ...] = ()
    notices: tuple[ExpectedNotice, ...] | None = None
    """Every notice that the channels get until the last moment that the test names, in the order of each channel; an
    empty list: nobody hears anything. Left out: not looked at."""


class TrialFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file of tests."""

    config: str = ""
    """The configuration that is tested, from this file's folder. Default: `--config`, or the one in use."""
    environment: dict[str, str] = {}
    """Values for the variables that the configuration refers to."""
    tests: tuple[Trial, ...] = ()


class Outcome(Struct, frozen=True, kw_only=True):
    """What came of one test."""

    name: str
    failures: tuple[str, ...] = ()
    reached: frozenset[str] = frozenset()
    """Rules that fired."""

    @property
    def passed(self) -> bool:
        """Whether everything came as expected."""
        return not self.failures


class Trials:
    """A file of tests, read and checked against its configuration. Raises ConfigurationError with every mistake."""

    def __init__(self, file: Path, *, config: Path | None = None, environ: Mapping[str, str] = os.environ) -> None:
        source = document.read(file)
        self._report = Report(source)
        found = Decoder(self._report, References(environ, source.directory)).value(source.data, TrialFile, ())
        self._raise()
        assert found is not FAILED
        self.file, self.tests = file, found.tests
        if not found.tests:
            self._report.add((), "has no tests: write [[tests]], once for each")
        names = [test.name for test in found.tests]
        for at, name in enumerate(names):
            if name in names[:at]:
                self._report.add(("tests", at, "name"), f"there is a test `{name}` already")
        path = file.parent / found.config if found.config else config
        self.settings: Settings = load(path, environ={**environ, **found.environment})[0]
        for at, test in enumerate(found.tests):
            self._check(test, at)
        self._raise()

    @property
    def rules(self) -> list[str]:
        """Names of the rules that are tested."""
        return [rule.name for rule in self.settings.alerting.rules]

    def run(self, test: Trial) -> Outcome:
        """Run one of the tests."""
        return _Running(self.settings, test).outcome()

    def _raise(self) -> None:
        if self._report.failed:
            raise ConfigurationError(self._report.sorted())

    def _check(self, test: Trial, at: int) -> None:
        components = {**self.settings.components, "auscult": None}
        rules, channels = self.rules, self.settings.alerting.channels
        path = ("tests", at)
        for number, given in enumerate(test.given):
            self._known((*path, "given", number, "component"), "component", given.component, components)
        for number, act in enumerate(test.act):
            if act.what != "silence":
                self._known((*path, "act", number, "rule"), "rule", act.rule, rules)
        for number, expected in enumerate(test.expect):
            for inner, alert in enumerate(expected.alerts):
                self._known((*path, "expect", number, "alerts", inner, "rule"), "rule", alert.rule, rules)
        for number, notice in enumerate(test.notices or ()):
            self._known((*path, "notices", number, "channel"), "channel", notice.channel, channels)
            if notice.rule is not None:
                self._known((*path, "notices", number, "rule"), "rule", notice.rule, rules)
        if test.start:
            try:
                datetime.fromisoformat(test.start)
            except ValueError:
                self._report.add(
                    (*path, "start"), f"expected a time such as 2026-12-24T18:00:00Z, found {test.start!r}"
                )

    def _known(self, path: tuple[str | int, ...], what: str, name: str, known: Iterable[str]) -> None:
        if name not in known:
            self._report.add(path, f"there is no {what} `{name}`{did_you_mean(name, list(known))}")


class _Running:
    def __init__(self, settings: Settings, test: Trial) -> None:
        self._test = test
        self._tester = RuleTester.of(settings, _moment(test.start))
        self._failures: list[str] = []

    def outcome(self) -> Outcome:
        ends: dict[str, float] = {}
        for given in self._test.given:
            self._give(given, ends)
        moments: list[tuple[float, int, Act | Expected]] = [(act.at, 0, act) for act in self._test.act]
        moments += [(expected.at, 1, expected) for expected in self._test.expect]
        for at, _, what in sorted(moments, key=lambda moment: moment[:2]):
            self._tester.advance_to(at)
            if isinstance(what, Act):
                self._act(what)
            else:
                self._compare(what)
        last = [notice.at for notice in self._test.notices or () if notice.at is not None]
        self._tester.advance_to(max([*ends.values(), *last, self._tester.now]))
        if self._test.notices is not None:
            self._compare_notices(self._test.notices)
        return Outcome(name=self._test.name, failures=tuple(self._failures), reached=frozenset(self._tester.reached))

    def _give(self, given: Given, ends: dict[str, float]) -> None:
        name, tester = given.component, self._tester
        step = float(given.every) if given.every is not None else tester.interval(name)
        at = float(given.at) if given.at is not None else ends[name] + step if name in ends else 0.0
        last = tester.give(
            name,
            at=at,
            every=step,
            times=given.times,
            status=given.status,
            message=given.message,
            response_time_ms=given.response_time_ms,
            **given.measurements,
        )
        ends[name] = max(last, ends.get(name, 0.0))

    def _act(self, act: Act) -> None:
        try:
            if act.what == "silence":
                self._tester.silence(*act.matchers, lasts=act.lasts, by=act.by)
            elif act.what == "acknowledge":
                self._tester.acknowledge(act.rule, act.component, by=act.by, until=act.at + act.lasts)
            else:
                self._tester.resolve(act.rule, act.component, by=act.by)
        except (AuscultError, ValueError) as error:
            self._failures.append(f"at {act.at}: {act.what}: {error}")

    def _compare(self, expected: Expected) -> None:
        left = self._tester.alerts
        for wanted in expected.alerts:
            same = [alert for alert in left if not self._differences(wanted, alert)]
            if same:
                left.remove(same[0])
                continue
            near = [
                alert for alert in left if alert.rule == wanted.rule and wanted.component in (None, alert.component)
            ]
            if near:
                left.remove(near[0])
                self._failures.append(
                    f"at {expected.at}: the alert {_name(near[0])} has {'; '.join(self._differences(wanted, near[0]))}"
                )
            else:
                of = f" for {wanted.component}" if wanted.component else ""
                self._failures.append(f"at {expected.at}: there is no alert {wanted.rule}{of}{self._there_are()}")
        self._failures += [
            f"at {expected.at}: the alert {_name(alert)} is not expected ({alert.message})" for alert in left
        ]

    def _there_are(self) -> str:
        names = [_name(alert) for alert in self._tester.alerts]
        return f"; there are {', '.join(names)}" if names else "; there is none at all"

    def _differences(self, wanted: ExpectedAlert, alert: Alert) -> list[str]:
        found: dict[str, Any] = {
            "rule": alert.rule,
            "component": alert.component,
            "severity": alert.severity.value,
            "status": alert.status.value,
            "message": alert.message,
            "since": Duration(self._tester.since(alert)),
        }
        wrong = _unlike(wanted, found)
        for name, value in wanted.labels.items():
            if alert.labels.get(name) != value:
                wrong.append(f"the label {name}={alert.labels.get(name, '')!r}, not {value!r}")
        return wrong

    def _compare_notices(self, expected: Iterable[ExpectedNotice]) -> None:
        wanted: dict[str, list[ExpectedNotice]] = {}
        for notice in expected:
            wanted.setdefault(notice.channel, []).append(notice)
        found: dict[str, list[Told]] = {}
        for told in self._tester.told:
            found.setdefault(told.channel, []).append(told)
        for channel in dict.fromkeys([*wanted, *found]):
            self._compare_channel(channel, wanted.get(channel, []), found.get(channel, []))

    def _compare_channel(self, channel: str, wanted: list[ExpectedNotice], found: list[Told]) -> None:
        """Only the first difference: what comes after it would repeat it."""
        for number, (notice, told) in enumerate(zip_longest(wanted, found), 1):
            if notice is None:
                self._failures.append(f"{channel} is told more than expected: {told} ({told.alert.message})")
            elif told is None:
                self._failures.append(f"{channel} is told less than expected: there is no {_wish(notice)}")
            elif wrong := _unlike(notice, _facts(told)):
                self._failures.append(f"notice {number} of {channel} ({told}) has {'; '.join(wrong)}")
            else:
                continue
            return


def _facts(told: Told) -> dict[str, Any]:
    return {
        "at": Duration(told.at),
        "kind": told.kind,
        "rule": told.rule,
        "component": told.component,
        "severity": told.alert.severity.value,
        "message": told.alert.message,
    }


def _unlike(wanted: Struct, found: Mapping[str, Any]) -> list[str]:
    """What differs, of what is wanted at all."""
    pairs = [(name, value, getattr(wanted, name)) for name, value in found.items()]
    return [
        f"{name} {str(value)!r}, not {str(wish)!r}"
        for name, value, wish in pairs
        if wish is not None and str(wish) != str(value)
    ]


def _wish(notice: ExpectedNotice) -> str:
    parts = [f"{name} {value}" for name in ("kind", "rule", "component", "at") if (value := getattr(notice, name))]
    return "notice with " + ", ".join(parts) if parts else "further notice"


def _name(alert: Alert) -> str:
    return f"{alert.rule} for {alert.component}" if alert.component else alert.rule


def _moment(text: str) -> int:
    if not text:
        return START
    found = datetime.fromisoformat(text)
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1000)
