"""`AlertManager`: rules, alerts, silences, channels and deliveries of one monitor. It wires; the logic is in the parts.

Whatever changes an alert is committed before anybody sees it, here too: `alerts` and the listeners get what is on disk.
"""

from __future__ import annotations

import logging
import secrets
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any, TypeVar

import anyio
from anyio import to_thread
from msgspec import Struct
from msgspec.structs import replace

from auscult.alert import (
    Acknowledgement,
    Alert,
    AlertChange,
    AlertStatus,
    ChangeKind,
    Notice,
    Notification,
    delivery_key,
)
from auscult.alerts.batch import Batch
from auscult.alerts.book import AlertBook, Firing, Surroundings
from auscult.alerts.external import RESOLVE_AFTER, ExternalAlert, Externals
from auscult.alerts.matching import Matcher
from auscult.alerts.outbox import Balance, Outbox
from auscult.alerts.posted import Posted
from auscult.alerts.quiet import MaintenanceWindow, Silence
from auscult.alerts.quieting import SILENCE_ENDING
from auscult.alerts.restoring import stretches
from auscult.alerts.routing import Route, Router
from auscult.alerts.rows import Envelope, Row
from auscult.clock import Clock, iso_seconds
from auscult.component import NAME
from auscult.errors import AlertNotFound, ConfigurationError, SilenceNotFound, StoreError, did_you_mean
from auscult.kinds import TOLD, Channel, is_same
from auscult.model import AlertSeverity, CheckResult, ComponentHealth, Problem, SystemHealth
from auscult.rules.data import RuleData, SystemData
from auscult.rules.defaults import default_rules
from auscult.rules.rule import AlertRule
from auscult.rules.stepping import RuleEngine, RuleState, Verdict
from auscult.runtime.alert_stats import AlertStats, ChannelFigures, count_open
from auscult.runtime.channel_context import DeliveryContext
from auscult.runtime.committing import Committer
from auscult.runtime.context import Services
from auscult.runtime.delivery import ChannelStats, Delivery
from auscult.runtime.intake import Intake
from auscult.runtime.loop import Handle, Loop
from auscult.runtime.readings import clean_text
from auscult.runtime.sending import in_words

if TYPE_CHECKING:
    from auscult.config.alerting import AlertSettings
    from auscult.store import Store
    from auscult.store.alerts import Kept

__all__ = ["AlertManager", "AlertSummary", "Tried", "test_notification"]

log = logging.getLogger("auscult.alerts")

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
MAX_SILENCES = 1000
SWEEP = 5.0
"""Seconds at most between looks at what time alone brings; what is due earlier is looked at then."""
DELIVERY_FAILED = "delivery_failed"
"""The rule under which a channel that was given up is an alert itself."""
LONG_SILENCE = 45 * 60_000
REMIND_BEFORE = 15 * 60_000
"""How long before the end of a silence that is long people are reminded of it."""
CLOCK_SET = 2_000
"""Milliseconds by which the wall clock has to run away from the monotonic one to count as set."""
STOPPING = 0.5
"""Seconds for what is on its way to arrive when the monitor stops."""
OURS = frozenset({DELIVERY_FAILED, SILENCE_ENDING})
"""Names under which alerts are raised besides those of rules."""
SELF = "auscult"
RECENT = 1000
"""Changes that are remembered where there is no store to ask."""
NOTHING = Balance(offered=0, waiting=0, told=0, merged=0, silenced=0, dead=0)
PATIENCE = 10.0
"""Seconds that somebody waits for a commit before they are told that it has not come yet."""
T = TypeVar("T")


class AlertSummary(Struct, frozen=True, kw_only=True):
    """The totals of the seed document's ``GET /alerts``."""

    total_active: int
    """Active and acknowledged."""
    total_resolved: int
    """Within the last 24 hours."""
    active_by_severity: dict[str, int]


class Tried(Struct, frozen=True, kw_only=True):
    """What came of a test of a channel."""

    seconds: float
    error: str
    """Empty when it was delivered."""


class AlertManager:
    """See the module. Verbs of people (`acknowledge`, `silence`, …) return when what they did is committed."""

    def __init__(
        self,
        clock: Clock,
        around: Surroundings,
        *,
        system: Callable[[], SystemHealth],
        complain: Callable[[str, Problem], None],
        look: Callable[[str], None],
        is_known: Callable[[str], bool],
    ) -> None:
        self._clock, self._system, self._complain, self._look = clock, system, complain, look
        self._is_known = is_known
        self._channels: dict[str, Channel] = {}
        self._configured: set[str] = set()
        self._routes: tuple[Route, ...] = ()
        self._own_rules: dict[str, AlertRule] = {rule.name: rule for rule in default_rules()}
        self._added_rules: dict[str, AlertRule] = {}
        self._engine = RuleEngine(self._own_rules.values(), complain=self._on_bad_rule, timer=clock.monotonic)
        self._outbox = Outbox(staged=True)
        self._book = AlertBook(Router((), ()), self._outbox, around)
        self._externals = Externals(self._book, lambda name: name in self._own_rules or name in OURS)
        self._intake = Intake(clock, self._externals, self._commit_worked_off)
        self._committer = Committer(self._on_committed)
        self._states: list[RuleState] = []
        self._seen: dict[str, Alert] = {}
        self._resolved: list[tuple[int, str]] = []
        self._listeners: list[Callable[[int, AlertChange], None]] = []
        self._stepped: float | None = None
        self._proving: anyio.Event | None = None
        self._happened: Counter[ChangeKind] = Counter()
        self._witnesses: list[Callable[[Batch, list[int]], None]] = []
        self._recent: deque[tuple[int, AlertChange]] = deque(maxlen=RECENT)
        self._sender, self._address = SELF, ""
        self._delivery: Delivery | None = None
        self._services: Services | None = None
        self._store: Store | None = None
        self._loop: Loop | None = None
        self._timer: Handle | None = None
        self._armed = 0
        self._troubled: set[str] = set()
        self._stopped = False
        self._drift: int | None = None
        self._clock_set: Callable[[int], None] = lambda by: None
        self._ending: set[str] = set()
        """Fingerprints of the reminders that a silence ends soon."""
        self.check_interval = 60.0
        """Seconds at most between looks at what time alone brings."""
        self._bring: Callable[[int], None] = self.advance
        self._due: Callable[[], int | None] = self.next_due
        self._moment_of: Callable[[int], int] = lambda now: now

    # Life

    async def start(self, loop: Loop, services: Services, store: Store | None, now: int | None = None) -> None:
        """Bring back what was there before, and begin to deliver; `now` (ms) is when the run begins."""
        self._loop, self._services, self._store = loop, services, store
        self._stopped = False
        if store is not None:
            await self._restore(store, self._clock.now_ms() if now is None else now)
        self._committer.open(loop, store)
        self._intake.open(loop, store, lambda: self._committer.pending)
        self._delivery = Delivery(
            loop,
            self._clock,
            self._outbox,
            services,
            write=self._write_rows,
            gave_up=self._gave_up,
            failing=self._failing,
            recovered=self._recovered,
            going_on=self._going_on,
            sender=self._sender,
            url=self._address,
        )
        self._reroute()
        self._settle()

    async def stop(self) -> None:
        """Deliver no more; what is on its way is committed as such and goes out after the next start."""
        if self._timer is not None:
            self._timer.cancel()
        if self._delivery is not None:
            await self._delivery.drain(STOPPING)
            self._delivery.stop()
        self._intake.close()
        self._remember_rules()
        self._settle()
        await self._committer.drain(2.0)
        self._committer.close()
        self._stopped = True
        self._delivery = self._loop = self._store = None

    # Rehearsals: tests of rules, and replays

    def rehearse(self, keep: Callable[[Batch], None]) -> None:
        """Judge without storing and delivering: what is decided goes to `keep`, and counts as committed at once."""
        self.witness(lambda batch, _: keep(batch))
        self._committer.at_once()
        self._reroute()

    @property
    def outbox(self) -> Outbox:
        """What waits to be told."""
        return self._outbox

    def remember(self) -> None:
        """Hand on what rules remember."""
        self._remember_rules()

    def hush(self, silence: Silence, now: int) -> None:
        """Take in a silence of an earlier run."""
        self._book.quieting.put(silence)
        self._book.requiet(now)
        self._settle()

    def again(self, change: AlertChange) -> None:
        """Do once more what a person did in an earlier run, if there is such an alert."""
        alert, acts = change.alert, self._book
        with suppress(KeyError):
            if change.kind is ChangeKind.ACKNOWLEDGED and alert.acknowledged is not None:
                acts.acknowledge(alert.id, alert.acknowledged)
            elif change.kind is ChangeKind.UNACKNOWLEDGED:
                acts.unacknowledge(alert.id, change.by, change.at)
            elif change.kind is ChangeKind.RESOLVED:
                acts.resolve(alert.id, change.by, change.note, change.at)
            elif change.kind is ChangeKind.NOTED:
                acts.note(alert.id, change.by, change.note, change.at)
        self._settle()

    # What is configured

    def configure(self, settings: AlertSettings) -> None:
        """Take in rules, channels, routes and maintenance windows; what was added in code stays."""
        now = self._clock.now_ms()
        for name in self._configured - set(settings.channels):
            self._channels.pop(name, None)
        for name, channel in settings.channels.items():
            # An unchanged channel stays the same object, and keeps what it knows of its receiver.
            if not is_same(self._channels.get(name), channel):
                self._channels[name] = channel
        self._configured = set(settings.channels)
        self._routes = settings.routes
        self.check_interval = settings.check_interval
        self._replace_rules({rule.name: rule for rule in settings.rules}, now)
        self._book.quieting.set_windows(settings.windows)
        self._book.requiet(now)
        self._reroute()
        self._settle()

    def introduce(self, name: str, url: str) -> None:
        """What this installation is called in notifications, and where people find it."""
        self._sender, self._address = name, url.rstrip("/")
        if self._delivery is not None:
            self._delivery.introduce(self._sender, self._address)

    def add_rule(self, rule: AlertRule) -> None:
        """Have one more rule; one of the same name takes the other's place. Raises ConfigurationError."""
        if not NAME.fullmatch(rule.name):
            raise ConfigurationError(f"The rule name {rule.name!r} does not match [a-z0-9_.-]{{1,64}}")
        try:
            self._engine.add(rule)
        except ValueError as error:
            raise ConfigurationError(f"The rule `{rule.name}` cannot be used: {error}") from error
        self._own_rules[rule.name] = self._added_rules[rule.name] = rule

    def remove_rule(self, name: str) -> None:
        """Judge by that rule no more; what it raised is resolved. Raises KeyError."""
        del self._own_rules[name]
        self._added_rules.pop(name, None)
        self._engine.remove(name)
        self._book.forget_rule(name, self._clock.now_ms())
        self._settle()

    def add_channel(self, name: str, channel: Channel) -> None:
        """Deliver through one more channel. Raises ConfigurationError."""
        if not NAME.fullmatch(name):
            raise ConfigurationError(f"The channel name {name!r} does not match [a-z0-9_.-]{{1,64}}")
        if not isinstance(channel, Channel):
            raise ConfigurationError(f"The channel `{name}` is a {type(channel).__name__}, not an auscult.Channel")
        self._channels[name] = channel
        self._reroute()

    def remove_channel(self, name: str) -> None:
        """Deliver through that channel no more; what waits for it stays until there is one of that name again."""
        self._channels.pop(name, None)
        self._reroute()

    def _reroute(self) -> None:
        for name, channel in self._channels.items():
            self._outbox.set_tells(name, _tells_of(channel))
        self._book.reroute(
            Router(self._routes, self._channels), self._clock.now_ms() if self._loop is not None else None
        )
        if self._delivery is not None:
            self._delivery.set_channels(self._channels)
            self._settle()

    def _replace_rules(self, rules: Mapping[str, AlertRule], now: int) -> None:
        wanted = {**rules, **self._added_rules}
        for name in self._own_rules:
            if name not in wanted:
                self._book.forget_rule(name, now)
        self._own_rules = wanted
        self._apply(self._engine.replace(wanted.values(), now), now)

    # Results in

    def take(
        self,
        result: CheckResult,
        view: Callable[[], ComponentHealth],
        reckon: Callable[[str], Any] | None = None,
    ) -> None:
        """Step the rules on a component's fresh result, and say so to alerts that wait for one."""
        if self._stopped:
            return
        self._stepped = self._clock.monotonic()
        self._apply(self._engine.step(result.component, RuleData(view, reckon), result.at), result.at)
        self._book.looked_at(result.component, result.at)
        self._settle()

    def look(
        self, component: str, view: Callable[[], ComponentHealth], now: int, reckon: Callable[[str], Any] | None = None
    ) -> None:
        """Step the rules on a component that has had no result for too long."""
        if not self._stopped:
            self._apply(self._engine.step(component, RuleData(view, reckon), now, fresh=False), now)
            self._settle()

    def watch(self, component: str, view: Callable[[], ComponentHealth], now: int) -> None:
        """A component is monitored from now on, though it has no result yet."""
        if not self._stopped:
            self._apply(self._engine.watch(component, RuleData(view), now), now)
            self._settle()

    def take_system(self, data: SystemData | None = None, now: int | None = None) -> None:
        """Step the rules on the system's state; after a change of any component's status."""
        if self._stopped:
            return
        at = self._clock.now_ms() if now is None else now
        looked_at = data if data is not None else SystemData(self._system)
        self._apply(self._engine.step_system(looked_at, at), at)
        self._settle()

    def refresh_component(self, name: str) -> None:
        """The component's labels or type changed."""
        self._engine.refresh(name)

    def forget_component(self, name: str) -> None:
        """The component is gone."""
        self._engine.forget(name)
        self._book.forget_component(name, self._clock.now_ms())
        self._settle()

    # Time

    def follow(
        self,
        advance: Callable[[int], None],
        next_due: Callable[[], int | None],
        moment: Callable[[int], int],
        clock_set: Callable[[int], None],
    ) -> None:
        """Let somebody else bring time forward, who has more to do at its moments than alerts; see `Judge`."""
        self._bring, self._due, self._moment_of = advance, next_due, moment
        self._clock_set = clock_set

    def sweep(self) -> None:
        """Do what time alone has brought until now."""
        self.mind_clock()
        now = self._clock.now_ms()
        self._bring(now)
        self._remind_of_silences(now)
        self._write_rows(self._outbox.expire(now))
        self._remember_rules()
        self._tell_of_mismatches()
        self._tidy(now)
        self._settle()
        self._arm()

    def advance(self, now: int, until: int = 0) -> None:
        """Do what time alone brings at `now` (ms); `until`: nobody looked until then."""
        self._apply(self._engine.sweep(now), now)
        self._externals.sweep(now)
        self._book.advance(now, until)
        self._settle()

    def mind_clock(self) -> None:
        """See whether the wall clock was set: who waits for a span of time waits as long as was meant."""
        if self._loop is None:
            return
        drift = self._clock.now_ms() - int(self._clock.monotonic() * 1000)
        by, self._drift = drift - self._drift if self._drift is not None else 0, drift
        if abs(by) >= CLOCK_SET:
            log.warning("the clock was set by %+.1f s", by / 1000)
            self._engine.shift(by)
            self._clock_set(by)
            self._book.shift(by)
            self._outbox.shift(by)

    def _tidy(self, now: int) -> None:
        """Forget what is over and told."""
        self._book.trim(now)
        while self._resolved and self._resolved[0][0] < now - DAY_MS:
            heappop(self._resolved)

    def _remind_of_silences(self, now: int) -> None:
        """Say of a long silence that it ends soon, while there is time to extend it."""
        known, self._ending = self._ending, set()
        for silence in self._book.quieting.silences.values():
            if silence.ends_at - silence.starts_at < LONG_SILENCE or now < silence.ends_at - REMIND_BEFORE:
                continue
            firing = self._ending_of(silence)
            self._ending.add(print_ := firing.fingerprint)
            if print_ not in known and not self._book.knows(print_):
                self._book.fire(firing, now, print_)
        for print_ in known - self._ending:
            self._book.clear_print(print_, now, "the silence is over")

    def _ending_of(self, silence: Silence) -> Firing:
        quiet = sum(alert.suppressed_by == f"silence {silence.id}" for alert in self._book.open_alerts())
        return Firing(
            rule=SILENCE_ENDING,
            component=SELF,
            component_type=SELF,
            labels={"silence": silence.id},
            severity=AlertSeverity.INFO,
            message=(
                f"The silence of {', '.join(map(str, silence.matchers))} by {silence.author} ends at "
                f"{iso_seconds(silence.ends_at)}; it keeps {quiet} open alert(s) quiet"
            ),
            cooldown=0.0,
            per_hour=0,
        )

    def next_due(self) -> int | None:
        """When `advance` may have something to do (ms)."""
        due = self._book.next_due()
        for each in (self._engine, self._externals):  # asked at every result
            other = each.next_due()
            if other is not None and (due is None or other < due):
                due = other
        return due

    def _moment(self) -> int:
        """Now, for what a person does."""
        return self._moment_of(self._clock.now_ms())

    def _apply(self, verdicts: Iterable[Verdict], now: int) -> None:
        for verdict in verdicts:
            if verdict.firing:
                self._book.fire(_firing(self._own_rules[verdict.rule], verdict), now)
            else:
                self._book.clear(verdict.rule, verdict.component, verdict.labels, now, verdict.reason or "recovered")

    def _on_bad_rule(self, rule: str, message: str) -> None:
        self._complain(
            f"rule {rule}",
            Problem(
                plugin=f"rule {rule}", stage="rule", message=f"the rule `{rule}`: {message}", remedy="mend the rule"
            ),
        )

    def _tell_of_mismatches(self) -> None:
        """Conditions that met values of the wrong type: nobody is called for those as they happen."""
        for name in self._engine.troubles:
            rule = self._own_rules.get(name)
            if name not in self._troubled and rule is not None and isinstance(rule.condition, str):
                self._troubled.add(name)
                self._on_bad_rule(name, "its condition met a value of the wrong type, and such a comparison is false")

    def _remember_rules(self) -> None:
        """Have on disk what waits for time to pass."""
        states = self._engine.snapshot()
        if states != self._states:
            self._states = states
            batch = Batch()
            batch.rule_states = states
            self._commit(batch)

    # Out: commit, then show

    def _settle(self) -> None:
        """Commit what was decided, and see to what comes next."""
        if self._book.has_news:
            self._commit(self._book.collect())
        if self._book.rechecks:
            names, self._book.rechecks = self._book.rechecks, set()
            for name in names:
                self._look(name)
        due = self._due()
        if self._timer is None or (due is not None and due < self._armed):
            self._arm()

    def _commit(self, batch: Batch, done: Callable[[], None] | None = None) -> None:
        self._committer.submit(batch, self._outbox.order, done)

    def _write_rows(self, rows: Iterable[Row], done: Callable[[], None] | None = None) -> None:
        self._committer.submit_rows(rows, self._outbox.order, done)

    def _on_committed(self, batch: Batch, order: int, ids: list[int]) -> None:
        """A batch is on disk: now it is true."""
        for alert in batch.alerts.values():
            if alert.status.is_open:
                self._seen[alert.id] = alert
            else:
                self._seen.pop(alert.id, None)
                if alert.resolved_at is not None:
                    heappush(self._resolved, (alert.resolved_at, alert.id))
        if self._store is None:
            self._recent.extend(zip(ids, batch.changes, strict=True))
        told, listeners = bool(self._channels), list(self._listeners)
        if listeners or not told or log.isEnabledFor(logging.DEBUG):
            for number, change in zip(ids, batch.changes, strict=True):
                _log_change(change, told=told)
                for listen in listeners:
                    _call(listen, number, change)
        self._happened.update(change.kind for change in batch.changes)
        for witness in self._witnesses:
            witness(batch, ids)
        channels = self._outbox.release(order)
        if self._delivery is not None and channels:
            self._delivery.wake(channels)

    def _arm(self) -> None:
        """Come back when time alone brings something."""
        if self._loop is None:
            return
        if self._timer is not None:
            self._timer.cancel()
        now, due, longest = self._clock.now_ms(), self._due(), min(SWEEP, self.check_interval)
        delay = longest if due is None else min(max((due - now) / 1000, 0.01), longest)
        self._armed = now + int(delay * 1000)
        self._timer = self._loop.call_later(delay, self.sweep)

    # People

    async def acknowledge(self, ident: str, *, by: str, note: str = "", until: int | None = None) -> Alert:
        """Somebody takes it on, until that time (ms) or its end. Raises AlertNotFound."""
        if until is not None and until <= self._clock.now_ms():
            raise ConfigurationError("An acknowledgement ends in the future")
        ack = Acknowledgement(author=by, at=self._moment(), note=note, until=until)
        return await self._act(lambda: self._book.acknowledge(ident, ack), ident, by, "acknowledge", note)

    async def unacknowledge(self, ident: str, *, by: str) -> Alert:
        """Nobody has it any more. Raises AlertNotFound."""
        return await self._act(lambda: self._book.unacknowledge(ident, by, self._moment()), ident, by, "unacknowledge")

    async def resolve(self, ident: str, *, by: str, note: str = "") -> Alert:
        """Over, because somebody says so; fires again when its condition begins to hold anew. Raises AlertNotFound."""
        return await self._act(lambda: self._book.resolve(ident, by, note, self._moment()), ident, by, "resolve", note)

    async def note(self, ident: str, *, by: str, text: str) -> Alert:
        """Write something down. Raises AlertNotFound."""
        return await self._act(lambda: self._book.note(ident, by, text, self._moment()), ident, by, "note", text)

    async def silence(
        self, matchers: Iterable[Matcher], *, ends_at: int, by: str, comment: str, starts_at: int | None = None
    ) -> Silence:
        """Tell nobody of the alerts that match, until `ends_at` (ms). Raises ConfigurationError."""
        now = self._moment()
        if len(self._book.quieting.silences) >= MAX_SILENCES:
            raise ConfigurationError(f"There are {MAX_SILENCES} silences already; end some first")
        if ends_at <= now:
            raise ConfigurationError("A silence ends in the future")
        try:
            silence = Silence(
                id=secrets.token_hex(6),
                matchers=tuple(matchers),
                starts_at=max(starts_at or now, now),
                ends_at=ends_at,
                author=by,
                comment=comment,
                created_at=now,
            )
        except ValueError as error:
            raise ConfigurationError(str(error)) from error
        await self._put_silence(silence, by, "silence", now)
        return silence

    async def end_silence(self, ident: str, *, by: str) -> Silence:
        """End a silence now. Raises SilenceNotFound."""
        now = self._moment()
        if (silence := self._book.quieting.silences.get(ident)) is None:
            raise SilenceNotFound(ident)
        ended = replace(silence, starts_at=min(silence.starts_at, now - 1), ends_at=now, ended_by=by)
        await self._put_silence(ended, by, "end silence", now)
        return ended

    async def _put_silence(self, silence: Silence, by: str, action: str, now: int) -> None:
        self._book.quieting.put(silence)
        self._book.requiet(now)
        batch = self._book.collect()
        batch.silences[silence.id] = silence
        batch.audits.append((now, by, action, silence.id, ", ".join(map(str, silence.matchers))))
        await self._committed(batch)

    async def _act(self, act: Callable[[], Alert], ident: str, by: str, action: str, details: str = "") -> Alert:
        self._settle()
        try:
            alert = act()
        except KeyError:
            raise AlertNotFound(ident) from None
        batch = self._book.collect()
        batch.audits.append((self._clock.now_ms(), by, action, ident, details))
        await self._committed(batch)
        return alert

    async def _committed(self, batch: Batch) -> None:
        done = anyio.Event()
        self._commit(batch, done.set)
        self._arm()
        if self._loop is not None:
            with anyio.move_on_after(PATIENCE):
                await done.wait()
            if not done.is_set():
                raise StoreError(f"It is not committed yet; that is tried again until it works: {self.commit_error}")

    async def post(self, alerts: Iterable[ExternalAlert]) -> None:
        """Take in what others raise; returns when it is committed. Raises StoreError."""
        self._externals.post(alerts, self._clock.now_ms())
        await self._committed_news()

    async def post_encoded(self, posted: Sequence[Posted], body: bytes) -> list[tuple[int, str]]:
        """The same for a body and what is in it; gives place and reason of what was refused. Raises StoreError."""
        judged, refused = await self._intake.post(posted, body)
        if judged:
            await self._committed_news()
        return refused

    def _commit_worked_off(self, rows: list[int]) -> None:
        """What the intake has told the book; these rows of it are done with."""
        batch = self._book.collect()
        batch.worked_off = rows
        if batch or rows:
            self._commit(batch)
        self._settle()

    async def _committed_news(self) -> None:
        # Who posts again what is still being committed waits for that as well.
        if self._book.has_news or self._committer.pending:
            await self._committed(self._book.collect())

    def _going_on(self, channel: str) -> list[Notice]:
        """What that channel was told of and not of its end, oldest first."""
        now = self._clock.now_ms()
        told = [alert for alert in self._seen.values() if channel in self._outbox.told_channels(alert.id)]
        return [
            Notice(
                key=delivery_key(alert.id, alert.number, channel),
                change=AlertChange(kind=ChangeKind.REMINDED, alert=alert, at=now),
                first=False,
            )
            for alert in sorted(told, key=lambda alert: (alert.created_at, alert.id))
        ]

    async def try_channel(self, name: str) -> Tried:
        """Send a test through that channel at once. Raises ConfigurationError for an unknown one."""
        if (channel := self._channels.get(name)) is None:
            raise ConfigurationError(f"There is no channel `{name}`{did_you_mean(name, self._channels)}")
        assert self._services is not None, "the monitor runs"
        ctx = DeliveryContext(name, channel, self._services)
        begin, error = self._clock.monotonic(), ""
        with anyio.move_on_after(ctx.timeout) as scope:
            try:
                told = test_notification(name, self._clock.now_ms())
                await channel.send(replace(told, sender=self._sender, url=self._address), ctx)
            except anyio.get_cancelled_exc_class():
                raise
            except BaseException as raised:  # whatever a channel's code does
                error = clean_text(in_words(raised, channel))
        if scope.cancelled_caught:
            error = f"no answer within {ctx.timeout:g} s"
        return Tried(seconds=self._clock.monotonic() - begin, error=error)

    async def resend(self, key: str, *, by: str) -> Row:
        """Try a dead letter again. Raises AlertNotFound when there is none of that key, or it is out of date."""
        store = self._store
        found = await to_thread.run_sync(partial(store.alerts.delivery, key)) if store is not None else None
        rows = []
        if store is not None and found is not None:
            row, change = found
            end = await to_thread.run_sync(partial(store.alerts.end_of, row.alert))
            if self._book.get(row.alert) is not None:
                end = None
            rows = self._outbox.revive(row, change, self._clock.now_ms(), end)
        if not rows:
            raise AlertNotFound(key)
        self._book.mind(rows[-1].alert, self._clock.now_ms())
        batch = Batch()
        batch.add_rows(rows)
        batch.audits.append((self._clock.now_ms(), by, "resend", key, ""))
        await self._committed(batch)
        return rows[-1]

    # Questions

    def open_alerts(self) -> list[Alert]:
        """Alerts that go on, suppressed ones included, newest first."""
        return sorted(self._seen.values(), key=lambda alert: (alert.created_at, alert.id), reverse=True)

    def alerts(self) -> list[Alert]:
        """Active and acknowledged alerts, newest first."""
        return [alert for alert in self.open_alerts() if alert.status is not AlertStatus.SUPPRESSED]

    def get(self, ident: str) -> Alert:
        """An alert that goes on. Raises AlertNotFound."""
        try:
            return self._seen[ident]
        except KeyError:
            raise AlertNotFound(ident) from None

    def summary(self) -> AlertSummary:
        """The totals."""
        since = self._clock.now_ms() - DAY_MS
        while self._resolved and self._resolved[0][0] < since:
            heappop(self._resolved)
        counts = dict.fromkeys((severity.value for severity in AlertSeverity), 0)
        active = self.alerts()
        for alert in active:
            counts[alert.severity] += 1
        return AlertSummary(
            total_active=len(active),
            total_resolved=len({ident for _, ident in self._resolved} - set(self._seen)),
            active_by_severity=counts,
        )

    def rules(self) -> tuple[AlertRule, ...]:
        """The rules in force."""
        return tuple(self._own_rules.values())

    def channels(self) -> Mapping[str, Channel]:
        """Channels by name."""
        return dict(self._channels)

    def routes(self) -> tuple[Route, ...]:
        """The routes in force."""
        return self._book.router.routes

    def windows(self) -> tuple[MaintenanceWindow, ...]:
        """Maintenance windows."""
        return tuple(self._book.quieting.windows.values())

    def silences(self) -> list[Silence]:
        """Silences that are not over, those that end first in front."""
        return sorted(self._book.quieting.silences.values(), key=lambda silence: silence.ends_at)

    def preview(self, matchers: Iterable[Matcher]) -> list[Alert]:
        """The open alerts that a silence with these matchers would keep quiet."""
        return self._book.quieting.preview(matchers, self.open_alerts())

    def stats(self) -> AlertStats:
        """How alerting is doing."""
        now, balance, states = self._clock.now_ms(), self._outbox.balance(), self.channel_stats()
        return AlertStats(
            open=count_open(self._seen.values()),
            changes=dict(self._happened),
            external=len(self._externals),
            repeats=self._externals.repeats,
            silences=len(self._book.quieting.silences),
            uncommitted=self._committer.pending,
            waiting=self._intake.waiting,
            commit_error=self._committer.last_error,
            channels={
                name: ChannelFigures(
                    stats=state,
                    balance=balance.get(name, NOTHING),
                    oldest=_seconds_since(self._outbox.oldest(name), now),
                    failing=_seconds_since(state.failing_since, now),
                )
                for name, state in sorted(states.items())
            },
        )

    def stepped_at(self) -> float | None:
        """When rules last judged a result, monotonic; None: never."""
        return self._stepped

    async def commits(self, within: float) -> bool:
        """Whether something can be committed now, behind everything that waits to be."""
        done = self._proving
        if done is None or done.is_set():
            done, proof = anyio.Event(), Batch()
            proof.proof, self._proving = self._clock.now_ms(), done
            self._commit(proof, done.set)
        with anyio.move_on_after(within):
            await done.wait()
        return done.is_set()

    def stalled(self) -> list[str]:
        """Channels with something due that nobody sees to."""
        return self._delivery.stalled() if self._delivery is not None else sorted(self._channels)

    def channels_of(self, alert: Alert) -> list[str]:
        """Names of the channels that the routes in force lead an alert to."""
        return [hit.channel for hit in self._book.router.route(alert)]

    def ends_at(self, alert: Alert) -> int:
        """When an open alert is over (ms) unless somebody says again that it goes on."""
        end = self._externals.end_of(alert)
        return self._clock.now_ms() + RESOLVE_AFTER if end is None else end

    def balance(self) -> dict[str, Balance]:
        """Per channel every row that was offered since the start, and what became of it; `missing` is always 0."""
        return self._outbox.balance()

    def channel_stats(self) -> dict[str, ChannelStats]:
        """How each channel is doing."""
        return self._delivery.stats() if self._delivery is not None else {}

    @property
    def commit_error(self) -> str:
        """Why what was decided is not on disk; empty while commits succeed."""
        return self._committer.last_error

    def witness(self, witness: Callable[[Batch, list[int]], None]) -> None:
        """Have `witness` called, on the loop, with everything that was committed and the numbers of its changes."""
        self._witnesses.append(witness)

    def listen(self, listener: Callable[[int, AlertChange], None]) -> None:
        """Have `listener` called, on the loop, with each committed change and its growing number."""
        self._listeners.append(listener)

    def unlisten(self, listener: Callable[[int, AlertChange], None]) -> None:
        """See `listen`."""
        self._listeners.remove(listener)

    async def history(self, **filters: Any) -> list[Alert]:
        """Alerts newest first; `before` (ms), `limit`, `status`, `rule`, `component`, `severity` choose."""
        return await self._ask(lambda store: store.alerts.history(**filters), self._from_memory(**filters))

    def _from_memory(
        self, *, before: int | None = None, before_id: str = "", limit: int = 100, **wanted: Any
    ) -> list[Alert]:
        """The same where there is no store: alerts that go on, and those of the latest changes."""
        known = {change.alert.id: change.alert for _, change in self._recent} | self._seen
        found = [
            alert
            for alert in known.values()
            if (before is None or (alert.created_at, alert.id) < (before, before_id))
            and all(value is None or getattr(alert, name) == value for name, value in wanted.items())
        ]
        return sorted(found, key=lambda alert: (alert.created_at, alert.id), reverse=True)[:limit]

    async def audits(self, *, before: int | None = None, limit: int = 100) -> list[tuple[int, int, str, str, str, str]]:
        """What people did, newest first: growing number, time (ms), who, action, target, details."""
        return await self._ask(lambda store: store.alerts.audits(before=before, limit=limit), [])

    async def changes(self, ident: str) -> list[AlertChange]:
        """What happened to an alert, oldest first. Raises AlertNotFound."""
        recent = [change for _, change in self._recent if change.alert.id == ident]
        found: list[AlertChange] = await self._ask(lambda store: store.alerts.changes_of(ident), recent)
        if not found:
            raise AlertNotFound(ident)
        return found

    async def last_sequence(self) -> int:
        """The number of the latest change."""
        latest = self._recent[-1][0] if self._recent else 0
        return await self._ask(lambda store: store.alerts.last_sequence(), latest)

    async def changes_since(self, number: int, limit: int = 1000) -> list[tuple[int, AlertChange]]:
        """Changes with larger numbers, oldest first."""
        recent = [(sequence, change) for sequence, change in self._recent if sequence > number][:limit]
        return await self._ask(lambda store: store.alerts.changes_since(number, limit), recent)

    async def deliveries(self, **filters: Any) -> list[tuple[Row, AlertChange]]:
        """Rows of the outbox with what they tell, newest first; `channel`, `state`, `alert`, `limit` choose."""
        return await self._ask(lambda store: store.alerts.deliveries(**filters), [])

    async def _ask(self, question: Callable[[Store], T], otherwise: T) -> T:
        store = self._store
        return otherwise if store is None else await to_thread.run_sync(partial(question, store))

    # Inside: delivery goes wrong

    def _gave_up(self, envelope: Envelope, reason: str) -> None:
        """A dead letter is an alert itself."""
        lost = f"{len(envelope.rows)} notice{'s' if len(envelope.rows) > 1 else ''}"
        self._book.fire(
            Firing(
                rule=DELIVERY_FAILED,
                component=SELF,
                component_type=SELF,
                labels={"channel": envelope.channel},
                severity=AlertSeverity.HIGH,
                message=f"The channel {envelope.channel} gave up {lost}: {reason}",
            ),
            self._clock.now_ms(),
        )
        self._book.gave_up(envelope.channel, [row.alert for row in envelope.rows], self._clock.now_ms())
        self._settle()

    def _recovered(self, channel: str) -> None:
        """A channel that was given up before has delivered again."""
        self._book.clear(DELIVERY_FAILED, SELF, {"channel": channel}, self._clock.now_ms(), "delivers again")
        self._settle()

    def _failing(self, channel: str, since: int) -> None:
        """A channel stays down: its routes may name another one to tell as well."""
        self._book.stays_down(channel, since, self._clock.now_ms())
        self._settle()

    # Inside: after a restart

    async def _restore(self, store: Store, now: int) -> None:
        self.resume(await to_thread.run_sync(partial(store.alerts.restore, now)), now)

    def resume(self, kept: Kept, now: int) -> None:
        """Go on where an earlier run ended."""
        moved = self._outbox.restore(kept.rows, kept.changes)
        self._outbox.release(self._outbox.order)
        for silence in kept.silences:
            self._book.quieting.put(silence)
        self._book.restore(
            kept.alerts,
            kept.noticed,
            now,
            stretches=stretches(kept.changes, kept.rows),
            limits=self._limits_of,
        )
        self._ending = {alert.fingerprint for alert in kept.alerts if _is_reminder(alert)}
        alive = [alert for alert in kept.alerts if alert.status.is_open]
        self._engine.restore(
            kept.rule_states,
            [(alert.rule, alert.component, alert.labels) for alert in alive if not alert.generator],
            now,
        )
        self._states = kept.rule_states
        self._end_orphans(alive, now)
        self._externals.restore(kept.alerts, now)
        self._intake.restore(kept.posted)
        for alert in kept.alerts:
            if alert.status.is_open:
                self._seen[alert.id] = alert
            elif alert.resolved_at is not None:
                heappush(self._resolved, (alert.resolved_at, alert.id))
        self._write_rows(moved)

    def _limits_of(self, alert: Alert) -> tuple[float, int]:
        """Cooldown in seconds and notices an hour, as the alert's rule has them now."""
        rule = self._own_rules.get(alert.rule)
        if alert.generator or rule is None:
            return 0.0, 0
        return rule.cooldown_minutes * 60.0, rule.max_alerts_per_hour

    def _end_orphans(self, alive: Iterable[Alert], now: int) -> None:
        """Open alerts that nothing could end any more."""
        for alert in alive:
            if alert.generator:
                continue  # see `Externals.restore`
            if alert.rule not in self._own_rules and alert.rule not in (DELIVERY_FAILED, SILENCE_ENDING):
                self._book.forget_rule(alert.rule, now)
            elif alert.component and not self._is_known(alert.component):
                self._book.forget_component(alert.component, now)


def _tells_of(channel: Channel) -> frozenset[ChangeKind]:
    """Which changes a channel wants, whatever its class says; the usual ones where that makes no sense."""
    try:
        return frozenset(ChangeKind(kind) for kind in channel.tells) or TOLD
    except (TypeError, ValueError):
        return TOLD


def _is_reminder(alert: Alert) -> bool:
    return alert.rule == SILENCE_ENDING and alert.status.is_open


def _seconds_since(at: int | None, now: int) -> float:
    return 0.0 if at is None else max(now - at, 0) / 1000


def _firing(rule: AlertRule, verdict: Verdict) -> Firing:
    return Firing(
        rule=rule.name,
        component=verdict.component,
        component_type=verdict.component_type,
        labels=verdict.labels,
        severity=verdict.severity,
        message=verdict.message,
        values=verdict.values,
        runbook=rule.runbook or verdict.runbook,
        cooldown=rule.cooldown_minutes * 60.0,
        per_hour=rule.max_alerts_per_hour,
    )


def _call(listen: Callable[[int, AlertChange], None], number: int, change: AlertChange) -> None:
    try:
        listen(number, change)
    except Exception:  # somebody else's code; whoever comes next is told all the same
        log.exception("a listener to changes of alerts failed")


def _log_change(change: AlertChange, *, told: bool) -> None:
    """For whoever debugs; and where there is no channel at all, for everybody."""
    alert = change.alert
    loud = not told and change.kind in TOLD and alert.status is not AlertStatus.SUPPRESSED
    log.log(logging.WARNING if loud else logging.DEBUG, "%s %s: %s", alert.rule, change.kind, alert.message)


def test_notification(channel: str, now: int) -> Notification:
    """What ``auscult channels test`` sends."""
    alert = Alert(
        id=f"test-{now:x}",
        rule="test",
        severity=AlertSeverity.INFO,
        status=AlertStatus.ACTIVE,
        message="This is a test of auscult's channel; nothing is wrong.",
        component=SELF,
        component_type=SELF,
        created_at=now,
        updated_at=now,
    )
    change = AlertChange(kind=ChangeKind.FIRED, alert=alert, at=now)
    key = delivery_key(alert.id, 1, channel)
    return Notification(key=key, channel=channel, notices=(Notice(key=key, change=change),), created_at=now, test=True)
