"""What waits for one channel: who is next, and in whose company. Every step costs the same, however many wait."""

from __future__ import annotations

from collections import deque
from heapq import heappop, heappush

import msgspec

from auscult.alert import AlertChange, ChangeKind
from auscult.alerts.routing import ALONE
from auscult.alerts.rows import Row

__all__ = ["ENVELOPE", "Entry", "Queue", "Slot"]

ENVELOPE = 100
"""Rows on their own that share an envelope when very many wait."""
GROUP = 1000
"""Rows of one group that share an envelope; the rest follows in the next one."""

_HELD = 10_000
_RESOLVED = ChangeKind.RESOLVED
"""Looked up once: every row asks for it."""


class Slot:
    """One alert in one channel: what waits, what is on its way, what the channel knows."""

    __slots__ = ("last", "pending", "sending", "told", "told_number")

    def __init__(self) -> None:
        self.pending: Entry | None = None
        self.sending: Entry | None = None
        self.told: ChangeKind | None = None
        self.told_number = 0
        self.last = 0
        """The highest number that was offered."""

    @property
    def is_told(self) -> bool:
        """Whether the channel believes that the alert goes on."""
        return self.told is not None and self.told is not _RESOLVED

    @property
    def awaits_end(self) -> bool:
        """Whether it will believe so once everything is told that waits or is on its way."""
        latest = self.pending or self.sending
        kind = latest.change.kind if latest is not None else self.told
        return kind is not None and kind is not _RESOLVED


class Entry:
    """A row that is not final, with what belongs to it."""

    __slots__ = ("batch", "change", "covers", "due", "held", "opens", "order", "ready", "row", "slot", "ticket")

    def __init__(self, row: Row, change: AlertChange, slot: Slot, order: int) -> None:
        self.row, self.change, self.slot = row, change, slot
        self.due = row.due
        """As in the row, unless the wall clock was set meanwhile."""
        self.order = order
        """Grows with every entry of the outbox."""
        self.covers: tuple[int, ...] = ()
        self.opens = change.kind is not _RESOLVED
        """Whether it, or one that it covers, says that the alert goes on."""
        self.held = True
        """Whether its due time was chosen, not the consequence of a failure."""
        self.batch: tuple[Entry, ...] = ()
        """Those it was tried together with: a receiver that had them all the same sees the same envelope again."""
        self.ticket = 0
        """Which of its places in the queue is the valid one; 0 while it is not in the queue."""
        self.ready = False
        """In the queue and due."""

    @property
    def is_apart(self) -> bool:
        """Whether no other joins it on its way, whatever waits."""
        return bool(self.batch) or self.row.group == ALONE


class _Fellows:
    """Due rows of one group, oldest first."""

    __slots__ = ("order", "size")

    def __init__(self) -> None:
        self.order: deque[tuple[int, Entry]] = deque()
        self.size = 0

    def oldest(self, most: int) -> list[Entry]:
        """At most that many of them; they are about to leave."""
        found: list[Entry] = []
        while self.order and len(found) < most:
            ticket, entry = self.order.popleft()
            if ticket == entry.ticket:
                found.append(entry)
        return found


class Queue:
    """The pending rows of one channel. Entries that left or moved stay behind inside until their turn comes."""

    def __init__(self, storm: int) -> None:
        self.storm = storm
        self.open: dict[str, Entry] = {}
        """Everything that is not final, those on their way included, in the order in which it was offered."""
        self._later: dict[int, deque[tuple[int, Entry]]] = {}
        self._times: list[int] = []
        """When something in `_later` is due, each time once: in a storm very many have the same one."""
        self._ready: deque[tuple[int, Entry]] = deque()
        self._groups: dict[str, _Fellows] = {}
        self._held: dict[str, int] = {}
        """Group to the time before which no further envelope of it leaves."""
        self._tickets = 0

    def push(self, entry: Entry) -> None:
        """Let it wait until it is due."""
        self._tickets += 1
        entry.ticket = self._tickets
        self._put(entry)

    def _put(self, entry: Entry) -> None:
        waiting = self._later.get(entry.due)
        if waiting is None:
            waiting = self._later[entry.due] = deque()
            heappush(self._times, entry.due)
        waiting.append((entry.ticket, entry))

    def hold(self, group: str, until: int, now: int) -> None:
        """Let no row of that group become ready before `until`; those that are ready leave all the same."""
        self._held[group] = until
        if len(self._held) > _HELD:
            self._held = {name: at for name, at in self._held.items() if at > now}

    def drop(self, entry: Entry) -> None:
        """Take it out."""
        entry.ticket = 0
        if entry.ready:
            entry.ready = False
            if not entry.is_apart:
                self._leave_group(entry.row.group)

    def next_due(self) -> int | None:
        """When the next row is, or was, due."""
        while self._ready and self._ready[0][0] != self._ready[0][1].ticket:
            self._ready.popleft()
        if self._ready:
            return self._ready[0][1].due
        while self._times:
            waiting = self._later[self._times[0]]
            while waiting and waiting[0][0] != waiting[0][1].ticket:
                waiting.popleft()
            if waiting:
                return self._times[0]
            del self._later[heappop(self._times)]
        return None

    def take(self, now: int) -> list[Entry]:
        """What leaves next, taken out: the row that was due first, with those that share its envelope."""
        while self._times and self._times[0] <= now:
            for ticket, entry in self._later.pop(heappop(self._times)):
                if ticket != entry.ticket:
                    continue
                if self._held and not entry.batch and (until := self._held.get(entry.row.group, 0)) > now:
                    entry.due = until
                    self.push(entry)
                else:
                    self._become_ready(entry)
        while self._ready:
            ticket, first = self._ready.popleft()
            if ticket == first.ticket:
                leaving = self._company(first)
                for entry in leaving:
                    self.drop(entry)
                return leaving
        return []

    def shift(self, by: int) -> None:
        """Have what waits for its time wait `by` ms longer, or shorter; and count its attempts from as long ago."""
        for entry in self.open.values():
            if not entry.ready:
                entry.due += by
            if entry.row.since:
                entry.row = msgspec.structs.replace(entry.row, since=max(entry.row.since + by, 1))
        self._held = {group: until + by for group, until in self._held.items()}
        waiting = [pair for due in sorted(self._times) for pair in self._later[due]]
        self._later, self._times = {}, []
        for ticket, entry in waiting:
            if ticket == entry.ticket:
                self._put(entry)

    def _become_ready(self, entry: Entry) -> None:
        entry.ready = True
        self._ready.append((entry.ticket, entry))
        if not entry.is_apart:
            fellows = self._groups.get(entry.row.group)
            if fellows is None:
                fellows = self._groups[entry.row.group] = _Fellows()
            fellows.order.append((entry.ticket, entry))
            fellows.size += 1

    def _company(self, first: Entry) -> list[Entry]:
        """`first`, which is the oldest of its group, and those that leave with it."""
        if first.batch:
            return [entry for entry in first.batch if entry.ready and entry.batch is first.batch]
        if first.is_apart:
            return [first]
        group = first.row.group
        fellows = self._groups[group]
        if not group and fellows.size <= self.storm:
            return fellows.oldest(1)
        return fellows.oldest(GROUP if group else ENVELOPE)

    def _leave_group(self, group: str) -> None:
        fellows = self._groups[group]
        fellows.size -= 1
        if not fellows.size:
            del self._groups[group]
