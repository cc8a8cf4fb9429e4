"""`EventStream`: what happens, as server-sent events for any number of readers; see ``docs/reference/events.md``.

Events are encoded once and kept in one ring for all. A reader has nothing but its position in it, so a thousand slow
ones take no more memory than one; whoever falls out of the ring, or comes back after a while, gets what it missed
from the store and from how things are now.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterable

import anyio
import msgspec

from auscult import __version__
from auscult.alert import AlertChange
from auscult.clock import iso_millis
from auscult.errors import AuscultError
from auscult.monitor import Monitor
from auscult.runtime.delivery import ChannelStats
from auscult.runtime.feed import Changes
from auscult.web.alert_bodies import AlertBody, ChannelBody, DeliveryBody, SilenceBody
from auscult.web.event_bodies import (
    AlertEvent,
    ByeEvent,
    ComponentEvent,
    HelloEvent,
    IdsEvent,
    Mode,
    NameEvent,
    NamesEvent,
    ReadyEvent,
    SystemEvent,
    TimeEvent,
)
from auscult.web.ring import Ring

__all__ = ["EventStream", "Position", "TooManyReaders", "position_of"]

ALIVE = 5.0
"""Seconds of silence after which a reader is told that there is nothing to tell."""
LOOK = 0.5
"""Seconds between looks whether a reader may still ask."""
MOST_READERS = 2000
MOST_REPLAYED = 2000
"""Changes of alerts that are told again; whoever missed more gets a snapshot."""
MOST_ALERTS = 1000
"""Open alerts in a snapshot."""
AT_ONCE = 200
"""Components told in one piece."""
FORGOTTEN = 60.0
"""Seconds without any reader after which events are no longer encoded."""
MOST_REMEMBERED = 10_000
"""Names of things that went, for whoever comes back."""

_encode = msgspec.json.Encoder().encode
_ID = re.compile(r"(\d{1,18})-(\d{1,18})")


class TooManyReaders(AuscultError):
    """There are as many readers as there may be."""


class Position:
    """Where a reader is: the last change of an alert and the last event it was told."""

    __slots__ = ("event", "sequence")

    def __init__(self, sequence: int, event: int) -> None:
        self.sequence, self.event = sequence, event

    def __str__(self) -> str:
        return f"{self.sequence}-{self.event}"


def position_of(text: str) -> Position:
    """The position that an id stands for. Raises ValueError."""
    match = _ID.fullmatch(text)
    if match is None:
        raise ValueError(f"{text[:60]!r} is no id of this stream, such as 7-1795667952003005")
    return Position(int(match[1]), int(match[2]))


def _event(name: str, data: object, ident: str = "") -> bytes:
    head = f"id: {ident}\nevent: {name}\ndata: " if ident else f"event: {name}\ndata: "
    return b"%b%b\n\n" % (head.encode(), _encode(data))


class EventStream:
    """One for an application. `close` ends every stream."""

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor
        # Positions grow over restarts: microseconds since the epoch are ahead of any count.
        self._first = monitor.clock.now_ms() * 1000
        self._ring = Ring(self._first)
        self._sequence: int | None = None
        self._told_system: SystemEvent | None = None
        self._changed: dict[str, dict[str, int]] = {"components": {}, "silences": {}, "channels": {}, "gone": {}}
        """When (position) each thing last changed."""
        self._lost = self._first
        """Positions before this one cannot be gone on from: too much is forgotten."""
        self._moved = anyio.Event()
        self._kept = False
        """Whether some reader wakes the others in time."""
        self._ended = False
        self._left = -FORGOTTEN
        self.readers = 0
        monitor.feed.listen(self._take)

    # Events in

    def _take(self, changes: Changes | None) -> None:
        if changes is None:
            self._ended = True
        else:
            self._ended = False
            if self._is_read:
                self._tell(changes)
            else:
                self._pass_over(changes)
            self._note(changes)
        self._wake()

    def _wake(self) -> None:
        moved, self._moved, self._kept = self._moved, anyio.Event(), False
        moved.set()

    @property
    def _is_read(self) -> bool:
        return self.readers > 0 or self._monitor.clock.monotonic() - self._left < FORGOTTEN

    def _note(self, changes: Changes) -> None:
        """Remember when what changed, for those who come back: not before it was told."""
        position, changed = self._ring.position, self._changed
        for kind, names in (
            ("components", changes.components),
            ("silences", (silence.id for silence in changes.silences)),
            ("channels", changes.channels),
            ("gone", changes.gone),
        ):
            for name in names:
                changed[kind].pop(name, None)
                changed[kind][name] = position
        for name in changes.gone:
            changed["components"].pop(name, None)
        for kind in ("gone", "silences"):
            while len(changed[kind]) > MOST_REMEMBERED:
                self._lost = max(self._lost, changed[kind].pop(next(iter(changed[kind]))))
        if changes.overflowed:
            self._ring.skip()

    def _pass_over(self, changes: Changes) -> None:
        self._ring.skip()
        if changes.alerts:
            self._sequence = changes.alerts[-1][0]
        self._told_system = None

    def _tell(self, changes: Changes) -> None:
        for name in changes.gone:
            self._add("components", "component_removed", NameEvent(name=name))
        for name, results in changes.components.items():
            if name in self._monitor.health.components:
                self._add("components", "component", ComponentEvent.of(self._monitor.health.glance(name), results))
        self._tell_system()
        for sequence, change in changes.alerts:
            self._sequence = sequence
            self._add("alerts", "alert", AlertEvent.of(sequence, change))
        for row in changes.rows:
            self._add("deliveries", "delivery", DeliveryBody.of(row))
        for channel in self._channels(changes.channels):
            self._add("deliveries", "channel", channel)
        for silence in changes.silences:
            self._add("silences", "silence", SilenceBody.of(silence))

    def _tell_system(self) -> None:
        now = SystemEvent.of(self._monitor.summary())
        if self._told_system is None or _is_news(self._told_system, now):
            self._told_system = now
            self._add("system", "system", now)

    def _add(self, topic: str, name: str, data: object) -> None:
        self._ring.add(topic, _event(name, data, f"{self._sequence or 0}-{self._ring.position + 1}"))

    def _channels(self, names: Iterable[str]) -> list[ChannelBody]:
        alerts = self._monitor.alerts
        channels, wanted = alerts.channels(), sorted(names)
        stats = alerts.channel_stats() if wanted else {}
        return [
            ChannelBody.of(name, channels[name], stats.get(name, ChannelStats())) for name in wanted if name in channels
        ]

    # Events out

    async def read(
        self,
        since: Position | None,
        topics: frozenset[str],
        *,
        snapshot: bool = True,
        valid: Callable[[], bool] = lambda: True,
    ) -> AsyncIterator[bytes]:
        """The stream for one reader, piece by piece; ends when the server does, or `valid` no longer holds."""
        await self._learn_sequence()
        self.readers += 1
        try:
            at, mode, beginning = await self._begin(since, topics, snapshot=snapshot)
            yield b"retry: 2000\n" + _event("hello", self._hello(mode))
            async for piece in beginning:
                yield piece
            told = anyio.current_time()
            while not self._ended and valid():
                if not self._ring.has(at.event):
                    at, mode, beginning = await self._begin(at, topics, snapshot=True)
                    yield _event("gap", self._hello(mode))
                    async for piece in beginning:
                        yield piece
                    told = anyio.current_time()
                elif at.event < self._ring.position:
                    piece = self._ring.after(at.event, topics)
                    at = self._latest()
                    if piece:
                        yield piece
                        told = anyio.current_time()
                elif anyio.current_time() - told >= ALIVE:
                    now = self._now()
                    yield f": {now}\n".encode() + _event("alive", TimeEvent(time=now))
                    told = anyio.current_time()
                else:
                    await self._look()
            reason = "the server ends" if self._ended else "who may ask has changed"
            yield b"retry: 1000\n" + _event("bye", ByeEvent(reason=reason))
        finally:
            self.readers -= 1
            self._left = self._monitor.clock.monotonic()

    async def _look(self) -> None:
        """Wait for something to tell, but not for long. One reader keeps the time for all: a timer each is dear."""
        moved = self._moved
        if self._kept:
            await moved.wait()
            return
        self._kept = True
        try:
            with anyio.move_on_after(LOOK):
                await moved.wait()
        finally:
            if not moved.is_set():  # it is time, or this reader leaves and somebody else has to keep it
                self._wake()

    async def _learn_sequence(self) -> None:
        if self._sequence is None:
            latest = await self._monitor.alerts.last_sequence()
            self._sequence = max(latest, self._sequence or 0)

    def _now(self) -> str:
        return iso_millis(self._monitor.clock.now_ms())

    def _hello(self, mode: Mode) -> HelloEvent:
        started = self._monitor.started_at
        return HelloEvent(
            mode=mode,
            time=self._now(),
            started_at=None if started is None else iso_millis(started),
            version=__version__,
        )

    # Beginnings

    async def _begin(
        self, since: Position | None, topics: frozenset[str], *, snapshot: bool
    ) -> tuple[Position, Mode, AsyncIterator[bytes]]:
        """From where a reader goes on, and what it is told before that."""
        now = self._latest()
        if since is None:
            if snapshot:
                return now, "snapshot", self._snapshot(now, topics)
            return now, "live", self._ready(now)
        known = self._lost <= since.event <= now.event
        if known and self._ring.has(since.event):
            return now, "replay", self._ready(now, after=self._ring.after(since.event, topics))
        changes = await self._missed(since.sequence, now.sequence) if "alerts" in topics else []
        if changes is None or (self._monitor.store is None and not known):
            return now, "snapshot", self._snapshot(now, topics)
        return now, "replay", self._replay(changes, since if known else None, now, topics)

    def _latest(self) -> Position:
        return Position(self._sequence or 0, self._ring.position)

    async def _missed(self, since: int, upto: int) -> list[tuple[int, AlertChange]] | None:
        """Changes of alerts after `since`; None when they are too many, or that number is from elsewhere."""
        if since > upto:
            return None
        found = await self._monitor.alerts.changes_since(since, MOST_REPLAYED + 1)
        if len(found) > MOST_REPLAYED:
            return None
        return [(number, change) for number, change in found if number <= upto]

    async def _ready(self, at: Position, *, left_out: int = 0, after: bytes = b"") -> AsyncIterator[bytes]:
        ready = ReadyEvent(time=self._now(), alerts_left_out=left_out)
        yield after + _event("ready", ready, str(at))

    async def _snapshot(self, now: Position, topics: frozenset[str]) -> AsyncIterator[bytes]:
        if "system" in topics:
            yield _event("system", SystemEvent.of(self._monitor.summary()))
        if "components" in topics:
            for piece in self._components(list(self._monitor.health.components)):
                yield piece
        left_out = 0
        if "alerts" in topics:
            alerts = self._monitor.alerts.open_alerts()
            left_out = max(len(alerts) - MOST_ALERTS, 0)
            for begin in range(0, min(len(alerts), MOST_ALERTS), AT_ONCE):
                bodies = [AlertBody.of(alert) for alert in alerts[begin : min(begin + AT_ONCE, MOST_ALERTS)]]
                events = (AlertEvent(sequence=now.sequence, change=None, alert=body) for body in bodies)
                yield b"".join(_event("alert", event) for event in events)
        for piece in self._others(topics, lambda _: True):
            yield piece
        async for piece in self._ready(now, left_out=left_out):
            yield piece

    async def _replay(
        self,
        changes: list[tuple[int, AlertChange]],
        since: Position | None,
        now: Position,
        topics: frozenset[str],
    ) -> AsyncIterator[bytes]:
        """What was missed: every change of an alert, everything else as it is now. Without `since`, all of that."""
        at = since.event if since is not None else 0
        for begin in range(0, len(changes), AT_ONCE):
            told = changes[begin : begin + AT_ONCE]
            yield b"".join(
                _event("alert", AlertEvent.of(number, change), str(Position(number, at))) for number, change in told
            )
        if "system" in topics:
            yield _event("system", SystemEvent.of(self._monitor.summary()))
        if "components" in topics:
            names = list(self._monitor.health.components)
            yield _event("components", NamesEvent(names=names))
            changed = self._changed["components"]
            for piece in self._components([name for name in names if changed.get(name, self._first) > at]):
                yield piece
        if "silences" in topics:
            yield _event("silences", IdsEvent(ids=[silence.id for silence in self._monitor.alerts.silences()]))
        for piece in self._others(topics, lambda when: when > at):
            yield piece
        async for piece in self._ready(now):
            yield piece

    def _components(self, names: list[str]) -> Iterable[bytes]:
        health = self._monitor.health
        for begin in range(0, len(names), AT_ONCE):
            known = [name for name in names[begin : begin + AT_ONCE] if name in health.components]
            yield b"".join(_event("component", ComponentEvent.of(health.glance(name))) for name in known)

    def _others(self, topics: frozenset[str], wanted: Callable[[int], bool]) -> Iterable[bytes]:
        """Channels and silences that have changed at a wanted position, or of which nothing is known."""
        alerts = self._monitor.alerts
        if "deliveries" in topics:
            names = (name for name in alerts.channels() if wanted(self._changed["channels"].get(name, self._first)))
            yield b"".join(_event("channel", channel) for channel in self._channels(names))
        if "silences" in topics:
            bodies = (
                SilenceBody.of(silence)
                for silence in alerts.silences()
                if wanted(self._changed["silences"].get(silence.id, self._first))
            )
            yield b"".join(_event("silence", body) for body in bodies)


def _is_news(before: SystemEvent, now: SystemEvent) -> bool:
    return any(getattr(before, name) != getattr(now, name) for name in _TOTALS)


_TOTALS = tuple(name for name in SystemEvent.__struct_fields__ if name != "last_check")
