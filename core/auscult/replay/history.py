"""Replays stored results: what a set of rules would have made of them.

The same results, configuration and version give the same alerts that were recorded: same ids, times and messages.
Runs are followed one after the other, each starting from what it found or from what the one before left, as after a
restart; what people did (acknowledged, resolved, silenced) is done again at its time, where there is such an alert.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import partial

from msgspec import Struct

from auscult.alert import AlertChange
from auscult.alerts.quiet import Silence
from auscult.config.fingerprint import settings_fingerprint
from auscult.config.settings import Settings
from auscult.model import CheckResult
from auscult.replay.difference import NOT_RULES, Episode, episodes
from auscult.replay.ledger import Ledger
from auscult.replay.stage import Sent, Stage
from auscult.runtime.health import restored_results
from auscult.store.alert_reader import Kept
from auscult.store.record import Record
from auscult.store.runs import Run

__all__ = ["Replay", "replay"]

WARM_UP = 3_600_000
"""Milliseconds judged before what is asked for where no run's begin is kept: windows look back at most so long."""


class Replay(Struct, kw_only=True):
    """What came of it."""

    since: int
    """From when on (ms) it is told what came of it."""
    until: int
    results: int = 0
    skipped: dict[str, int] = {}
    """Results of components that the configuration does not have."""
    replayed: list[Episode] = []
    recorded: list[Episode] = []
    sent: list[Sent] = []
    cut: bool = False
    """Whether older results were kept no longer."""
    exact_from: int | None = None
    """From when on the same rules give the same alerts: the begin of a run whose results are all kept."""
    settings: list[str] = []
    """Fingerprints of the configurations that were in force."""
    versions: list[str] = []

    @property
    def same(self) -> bool:
        """Whether it gave what was recorded."""
        return self.replayed == self.recorded


def replay(record: Record, settings: Settings, *, since: int, until: int = 1 << 62) -> Replay | None:
    """Judge the stored results of [since, until) (ms) by `settings`; None where nothing is stored."""
    reach = record.reach()
    if reach is None:
        return None
    return _Replaying(record, settings, since, until, reach).run()


class _Replaying:
    def __init__(self, record: Record, settings: Settings, since: int, until: int, reach: tuple[int, int, int]) -> None:
        self._record, self._settings = record, settings
        self._first, self._first_at, self._last = reach
        self._until = until
        self._changes = record.changes()
        self._deeds = [change for change in self._changes if change.by]
        self._silences = record.silences()
        self._told = record.rows()
        self._fingerprint = settings_fingerprint(settings)
        runs = [run for run in record.runs() if run.starts]
        self._runs = self._chosen(runs, since)
        self._outcome = Replay(since=max(since, self._runs[0].at), until=until)
        self._skipped: Counter[str] = Counter()
        self._results = 0

    def _chosen(self, runs: list[Run], since: int) -> list[Run]:
        """The runs to follow: from the last begin before `since` whose results are kept, or from the oldest result."""
        whole = [run for run in runs if run.result + 1 >= self._first]
        before = [run for run in whole if run.at <= since]
        if before:
            return [run for run in whole if run.id >= before[-1].id]
        if whole and (whole[0].result + 1 == self._first or not runs or runs[0].id == whole[0].id):
            return whole
        number = self._record.first_since(since - WARM_UP) or self._first
        at = self._first_at if number == self._first else since - WARM_UP
        change = self._record.changes_before(at)
        begin = Run(
            id=0, at=at, result=number - 1, change=change, starts=False, version="", settings="", states={},
            rule_states=[],
        )  # fmt: skip
        return [begin, *(run for run in whole if run.result >= number)]

    def run(self) -> Replay:
        ledger, states = Ledger(), dict(self._runs[0].states)
        for number, run in enumerate(self._runs):
            following = self._runs[number + 1] if number + 1 < len(self._runs) else None
            # Under the configuration that recorded it a run starts from what it found, should it have been killed
            # before it could store everything; under another one from what the run before has left here.
            found = number == 0 or run.settings == self._fingerprint
            kept = self._kept(run) if found else ledger.kept(run.at, self._silences_at(run.at), self._told)
            if number == 0:
                ledger.add(kept)
            stage = self._stage(run, ledger, kept, run.states if found else states)
            self._play(stage, run, following)
            ledger, states = stage.end(), stage.states
            self._outcome.sent += [sent for sent in stage.sent if sent.at >= self._outcome.since]
        return self._concluded(ledger)

    def _kept(self, run: Run) -> Kept:
        return self._record.kept(run, self._silences_at(run.at))

    def _silences_at(self, now: int) -> list[Silence]:
        return [each for each in self._silences if each.created_at < now < each.ends_at]

    def _stage(self, run: Run, ledger: Ledger, kept: Kept, states: dict[str, tuple[str, int]]) -> Stage:
        settings = self._settings
        limit = restored_results(len(settings.components) + 1)
        return Stage(
            settings.components.values(),
            settings.alerting,
            start=run.at,
            interval=float(settings.defaults.interval),
            itself=settings.itself,
            ledger=ledger,
            kept=kept,
            recent=self._record.restored(run.at, limit, run.result),
            states=states,
        )

    def _play(self, stage: Stage, run: Run, following: Run | None) -> None:
        end = following.at if following is not None else self._until
        acts = iter(self._acts(run.at, end))
        act = next(acts, None)
        for result in self._results_of(run, following):
            if result.component not in stage.health.components:
                self._skipped[result.component] += 1
                continue
            while act is not None and act.at <= result.at:
                act.on(stage)
                act = next(acts, None)
            stage.take(result)
            self._results += 1
        while act is not None:
            act.on(stage)
            act = next(acts, None)
        # What time alone brought after the last result was recorded with its moment: until then the run went on.
        own = (
            change.at for change in self._changes if change.alert.rule not in NOT_RULES and not change.alert.generator
        )
        stage.advance(max((at for at in own if run.at <= at < end), default=run.at))

    def _results_of(self, run: Run, following: Run | None) -> Iterator[CheckResult]:
        upto = following.result if following is not None else self._last
        for stored in self._record.results(run.result, upto):
            if stored.result.at >= self._until:
                return
            yield stored.result

    def _acts(self, start: int, end: int) -> list[_Act]:
        acts = [_Act(change.at, change) for change in self._deeds if start <= change.at < end]
        acts += [_Act(silence.created_at, silence) for silence in self._silences if start <= silence.created_at < end]
        return sorted(acts, key=lambda act: act.at)

    def _concluded(self, ledger: Ledger) -> Replay:
        outcome = self._outcome
        known = {change.at for change in ledger.changes}
        outcome.until = min(self._until, max([*known, self._runs[0].at], default=self._until))
        outcome.results, outcome.skipped = self._results, dict(self._skipped)
        outcome.replayed = episodes(ledger.changes, outcome.since, self._until)
        outcome.recorded = episodes(self._changes, outcome.since, self._until)
        outcome.cut = self._first > 1
        outcome.exact_from = next((run.at for run in self._runs if run.starts), None)
        every = [run for run in self._record.runs() if run.at >= self._runs[0].at]
        outcome.settings = list(dict.fromkeys(run.settings for run in every))
        outcome.versions = list(dict.fromkeys(run.version for run in every))
        return outcome


class _Act(Struct):
    """Something that a person did."""

    at: int
    what: AlertChange | Silence

    def on(self, stage: Stage) -> None:
        """Do it again."""
        if isinstance(self.what, Silence):
            stage.hush(self.what)
        else:
            stage.act(partial(stage.alerts.again, self.what), self.at)
