"""`Outbox`: what is to be told to whom, what is on its way, and who knows of what.

Pure and in memory. Every method gives the rows that changed, for the caller to commit; what is offered must be
committed before it is told. Of one alert and channel at most one row is on its way and at most one waits.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from auscult.alert import AlertChange, ChangeKind, Notice, delivery_key
from auscult.alerts.queue import Entry, Queue, Slot
from auscult.alerts.restoring import joined
from auscult.alerts.routing import ALONE
from auscult.alerts.rows import Envelope, Row, RowState
from auscult.kinds import TOLD

__all__ = ["LEASE", "STORM", "Balance", "Envelope", "Outbox", "Row", "RowState"]

LEASE = 60_000
"""Milliseconds for which an envelope belongs to whoever took it."""
STORM = 20
"""Rows on their own that may be due at once; when there are more, they share envelopes."""
_GROUPS_REMEMBERED = 10_000
# Looked up once: with Python 3.11 that takes as long as all else that happens to a row.
_SENDING, _DONE, _RESOLVED = RowState.SENDING, RowState.DONE, ChangeKind.RESOLVED


class Balance(Struct, frozen=True, kw_only=True):
    """What became of the rows of one channel since the start."""

    offered: int
    """Those that were waiting at the start included."""
    waiting: int
    told: int
    merged: int
    """Told by a later one."""
    silenced: int
    dead: int

    @property
    def missing(self) -> int:
        """Rows of which nobody knows what became of them: always 0."""
        return self.offered - self.waiting - self.told - self.merged - self.silenced - self.dead


class _Company:
    """One group of one channel: when its latest envelope left, and when the next one leaves."""

    __slots__ = ("interval", "leaves", "taken")

    def __init__(self) -> None:
        self.taken = self.leaves = -(1 << 60)
        self.interval = 0


class Outbox:
    """See the module. Times are ms since the epoch."""

    def __init__(self, *, storm: int = STORM, lease: int = LEASE, staged: bool = False) -> None:
        """`staged`: what is offered can be taken only after it was `release`d, because it is committed by then."""
        self._storm, self._lease, self._staged = storm, lease, staged
        self._released = 0
        self._stage: deque[Entry] = deque()
        self._queues: dict[str, Queue] = {}
        self._slots: dict[str, dict[str, Slot]] = {}
        """By channel, then by alert: there are few channels and many alerts."""
        self._leases: dict[int, tuple[Envelope, list[Entry]]] = {}
        self._tells: dict[str, frozenset[ChangeKind]] = {}
        self._companies: dict[tuple[str, str], _Company] = {}
        self._offered: dict[str, int] = {}
        self._ended: dict[str, dict[RowState, int]] = {}
        self._fence = 0
        self._order = 0

    # What is to be told

    def set_tells(self, channel: str, tells: frozenset[ChangeKind]) -> None:
        """Which changes `channel` delivers; by default `TOLD`."""
        self._tells[channel] = tells

    def understands(self, channel: str, kind: ChangeKind) -> bool:
        """Whether `channel` delivers such changes."""
        return kind in self._tells.get(channel, TOLD)

    def offer(
        self,
        change: AlertChange,
        channel: str,
        *,
        due: int,
        group: str = "",
        wait: int = 0,
        interval: int = 0,
        silenced: str = "",
    ) -> list[Row]:
        """Have `channel` told of `change`, and give the rows to commit: none when that was offered before.

        An earlier row that still waits is merged into the new one, which then tells of both, and waits as long as
        the earlier one was meant to. The first row of a group waits `wait` ms for others, which leave with it; two
        envelopes of one group leave `interval` ms apart. `silenced`: why nobody is told.
        """
        alert = change.alert
        key = delivery_key(alert.id, alert.number, channel)
        if silenced:
            self._offered[channel] = self._offered.get(channel, 0) + 1
            self._count(channel, RowState.SILENCED)
            return [_silent(key, change, channel, due, group, silenced)]
        slot = self._slot(alert.id, channel)
        if alert.number <= slot.last:
            return []
        slot.last = alert.number
        self._offered[channel] = self._offered.get(channel, 0) + 1
        if group and group != ALONE:
            due = self._together(channel, group, due, change.at, wait, interval)
        row = Row(key=key, alert=alert.id, number=alert.number, channel=channel, group=group, due=due)
        return self._enter(Entry(row, change, slot, self._next_order()))

    def _together(self, channel: str, group: str, due: int, now: int, wait: int, interval: int) -> int:
        """When a row leaves that is ready at `due`: with those of its group that wait, or after a wait of its own."""
        company = self._company(channel, group)
        company.interval = interval
        earliest = max(due, company.taken + interval)
        if due > now:  # held for a reason of its own: others do not wait for it
            return max(earliest, now + wait, company.leaves)
        if company.leaves > now:
            return max(due, company.leaves)
        company.leaves = max(earliest, due + wait)
        return company.leaves

    def _company(self, channel: str, group: str) -> _Company:
        key = (channel, group)
        company = self._companies.get(key)
        if company is None:
            company = self._companies[key] = _Company()
            if len(self._companies) > _GROUPS_REMEMBERED:
                del self._companies[next(iter(self._companies))]
        return company

    def _enter(self, entry: Entry) -> list[Row]:
        slot, queue, rows = entry.slot, self._queue(entry.row.channel), []
        if (earlier := slot.pending) is not None:
            queue.drop(earlier)
            rows.append(self._merge(earlier, entry, entry.change.at))
            if earlier.held and earlier.due > entry.due:
                _put_off(entry, earlier.due)
        slot.pending = entry
        queue.open[entry.row.key] = entry
        if self._staged:
            self._stage.append(entry)
        elif slot.sending is None:
            queue.push(entry)
        return [*rows, entry.row]

    def _merge(self, earlier: Entry, into: Entry, now: int) -> Row:
        into.covers = (*earlier.covers, earlier.row.number, *into.covers)
        into.opens |= earlier.opens
        return self._end(earlier, RowState.MERGED, now, into=into.row.key)

    @property
    def order(self) -> int:
        """Of what was offered last; see `release`."""
        return self._order

    def release(self, order: int) -> set[str]:
        """Everything offered up to `order` is committed and may leave; gives the channels it is for."""
        self._released = max(self._released, order)
        channels = set()
        while self._stage and self._stage[0].order <= order:
            entry = self._stage.popleft()
            if entry.slot.pending is entry and entry.slot.sending is None and not entry.ticket:
                self._queues[entry.row.channel].push(entry)
                channels.add(entry.row.channel)
        return channels

    def _wait_for_commit(self, entry: Entry) -> None:
        """It tells of more than before, and does so only once that is on disk: one key never has two contents."""
        if self._staged:
            entry.order = self._next_order()
            self._stage.append(entry)
        else:
            self._queues[entry.row.channel].push(entry)

    def _push(self, entry: Entry) -> None:
        if not self._staged or entry.order <= self._released:
            self._queues[entry.row.channel].push(entry)

    def silence(self, alert: str, reason: str, now: int = 0) -> list[Row]:
        """Tell nobody what still waits; what is on its way goes on, and who knows of the alert hears of its end.

        Whoever is just being told of it will know.
        """
        rows = []
        for _, slot in self._slots_of(alert):
            entry = slot.pending
            if entry is None:
                continue
            if entry.change.kind is ChangeKind.RESOLVED and (slot.is_told or slot.sending is not None):
                continue
            slot.pending = None
            self._queues[entry.row.channel].drop(entry)
            rows.append(self._end(entry, RowState.SILENCED, now or entry.change.at, error=reason))
        return rows

    # On its way

    def take(self, channel: str, now: int, *, lease: int = 0) -> Envelope | None:
        """What to tell `channel` next, or None. It belongs to the caller for 60 s, or `lease` ms."""
        queue = self._queues.get(channel)
        entries = queue.take(now) if queue is not None else []
        if not entries:
            return None
        self._fence += 1
        if len(entries) > 1:
            entries.sort(key=lambda entry: entry.order)
        rows, notices = [], []
        for entry in entries:
            slot, row = entry.slot, entry.row
            if slot.pending is entry:
                slot.pending = None
            slot.sending = entry
            entry.row = replace(
                row, state=_SENDING, attempts=row.attempts + 1, since=row.since or now, fence=self._fence
            )
            rows.append(entry.row)
            notices.append(_notice(entry))
        envelope = Envelope(channel, tuple(rows), tuple(notices), self._fence, now + (lease or self._lease))
        self._leases[self._fence] = (envelope, entries)
        self._note_taken(channel, entries[0].row.group, now)
        return envelope

    def holds(self, envelope: Envelope) -> bool:
        """Whether the envelope still belongs to whoever took it."""
        return envelope.fence in self._leases

    def done(self, envelope: Envelope, now: int) -> list[Row]:
        """It was delivered. No rows: the envelope belongs to somebody else by now, here and below."""
        rows = []
        for entry in self._release(envelope):
            slot = entry.slot
            slot.told, slot.told_number = entry.change.kind, entry.row.number
            rows.append(self._end(entry, _DONE, now))
            self._go_on(slot)
        return rows

    def failed(self, envelope: Envelope, now: int, retry_at: int, error: str) -> list[Row]:
        """It is to be tried again at `retry_at`; what has a later change waiting is told by that one."""
        return self._put_back(self._release(envelope), now, retry_at, error)

    def split(self, envelope: Envelope, now: int, error: str) -> list[Row]:
        """It was refused for good as a whole: try each row on its own, so that one does not take others with it."""
        entries = self._release(envelope)
        for entry in entries:
            entry.row = replace(entry.row, group=ALONE)
        return self._put_back(entries, now, now, error, together=False)

    def dead(self, envelope: Envelope, now: int, error: str) -> list[Row]:
        """It is given up."""
        rows = []
        for entry in self._release(envelope):
            rows.append(self._end(entry, RowState.DEAD, now, error=error))
            self._go_on(entry.slot)
        return rows

    def expire(self, now: int) -> list[Row]:
        """What was taken too long ago waits again."""
        rows = []
        for envelope, _ in [held for held in self._leases.values() if held[0].until <= now]:
            rows += self._put_back(self._release(envelope), now, now, "nothing was heard of the latest attempt")
        return rows

    def revive(self, row: Row, change: AlertChange, now: int, end: AlertChange | None = None) -> list[Row]:
        """Try a dead row again. No rows: the channel was told of something later, or is about to be.

        `end` is the alert's end when that is over: who hears of it only now hears of both at once.
        """
        slot = self._slot(row.alert, row.channel)
        if row.state is not RowState.DEAD or slot.told_number > row.number or slot.pending or slot.sending:
            return []
        slot.last = max(slot.last, row.number)
        self._offered[row.channel] = self._offered.get(row.channel, 0) + 1
        row = replace(row, state=RowState.PENDING, group=ALONE, due=now, attempts=0, since=0, done_at=None)
        rows = self._enter(Entry(row, change, slot, self._next_order()))
        if end is not None and end.alert.number > row.number:
            slot.last = min(slot.last, end.alert.number - 1)
            rows += self.offer(end, row.channel, due=now, group=ALONE)
        return rows

    def _release(self, envelope: Envelope) -> list[Entry]:
        _, entries = self._leases.pop(envelope.fence, (None, []))
        for entry in entries:
            entry.slot.sending = None
        return entries

    def _put_back(
        self, entries: list[Entry], now: int, retry_at: int, error: str, *, together: bool = True
    ) -> list[Row]:
        rows, again = [], []
        for entry in entries:
            slot = entry.slot
            if (later := slot.pending) is not None:
                rows.append(self._merge(entry, later, now))
                _put_off(later, retry_at)
                self._wait_for_commit(later)
                rows.append(later.row)
                continue
            entry.row = replace(entry.row, state=RowState.PENDING, due=retry_at, error=error)
            entry.due, entry.held = retry_at, False
            slot.pending = entry
            again.append(entry)
            rows.append(entry.row)
        batch = tuple(again) if together and len(entries) > 1 else ()
        for entry in again:
            entry.batch = batch
            self._queues[entry.row.channel].push(entry)
        return rows

    def _go_on(self, slot: Slot) -> None:
        if slot.pending is not None:
            self._push(slot.pending)

    def _end(self, entry: Entry, state: RowState, now: int, *, error: str = "", into: str = "") -> Row:
        row = entry.row
        del self._queues[row.channel].open[row.key]
        self._count(row.channel, state)
        entry.row = replace(row, state=state, done_at=now, error=error, into=into)
        entry.batch = ()
        return entry.row

    # Questions

    def next_due(self, channel: str) -> int | None:
        """When `take` has, or had, something for that channel; what is on its way does not count."""
        queue = self._queues.get(channel)
        return queue.next_due() if queue is not None else None

    def told(self, alert: str, channel: str) -> ChangeKind | None:
        """The last thing that `channel` was told of that alert."""
        slot = self._slots.get(channel, {}).get(alert)
        return slot.told if slot is not None else None

    def told_channels(self, alert: str) -> list[str]:
        """Channels that were told of the alert, and neither were nor are about to be told of its end."""
        return [channel for channel, slot in self._slots_of(alert) if slot.is_told and slot.awaits_end]

    def pending_channels(self, alert: str) -> list[str]:
        """Channels for which something waits or is on its way, the last of which is not the alert's end."""
        slots = self._slots_of(alert)
        return [channel for channel, slot in slots if (slot.pending or slot.sending) and slot.awaits_end]

    def goes_on(self, alert: str, channel: str) -> bool:
        """Whether something waits or is on its way for that channel, the last of which is not the alert's end."""
        slot = self._slots.get(channel, {}).get(alert)
        return slot is not None and (slot.pending or slot.sending) is not None and slot.awaits_end

    def hearers(self, alert: str) -> list[str]:
        """Channels that believe it goes on, or will once they are told what waits: they are to hear of its end."""
        return sorted(channel for channel, slot in self._slots_of(alert) if slot.awaits_end)

    def aware(self, alert: str) -> list[str]:
        """As `hearers`, but only those that were told already or are being told just now."""
        return sorted(
            channel
            for channel, slot in self._slots_of(alert)
            if slot.awaits_end and (slot.is_told or (slot.sending is not None and slot.sending.opens))
        )

    def pending(self, channel: str, after: int = 0) -> list[tuple[int, Row, AlertChange]]:
        """What `channel` is still to be told, with a growing number each; only those above `after`, oldest first."""
        queue, found = self._queues.get(channel), []
        if queue is not None:
            for entry in reversed(queue.open.values()):
                if entry.order <= after:
                    break
                found.append((entry.order, entry.row, entry.change))
        return found[::-1]

    def oldest(self, channel: str) -> int | None:
        """When the change happened that `channel` is waiting for the longest."""
        queue = self._queues.get(channel)
        first = next(iter(queue.open.values()), None) if queue is not None else None
        return first.change.at if first is not None else None

    def counts(self) -> dict[str, dict[RowState, int]]:
        """Per channel the rows that wait and are on their way, and those that have ended since the start."""
        counts = {channel: dict.fromkeys(RowState, 0) | ended for channel, ended in self._ended.items()}
        for channel, queue in self._queues.items():
            found = counts.setdefault(channel, dict.fromkeys(RowState, 0))
            found[RowState.PENDING] = len(queue.open)
        for envelope, entries in self._leases.values():
            counts[envelope.channel][RowState.PENDING] -= len(entries)
            counts[envelope.channel][RowState.SENDING] += len(entries)
        return counts

    def balance(self) -> dict[str, Balance]:
        """Per channel: every row that was offered, and what became of it; nothing is left over."""
        counts = self.counts()
        return {
            channel: Balance(
                offered=self._offered.get(channel, 0),
                waiting=found[RowState.PENDING] + found[RowState.SENDING],
                told=found[RowState.DONE],
                merged=found[RowState.MERGED],
                silenced=found[RowState.SILENCED],
                dead=found[RowState.DEAD],
            )
            for channel, found in counts.items()
        }

    def waiting(self, channel: str) -> int:
        """How many rows are not final."""
        queue = self._queues.get(channel)
        return len(queue.open) if queue is not None else 0

    # Coming and going

    def restore(self, rows: Iterable[Row], changes: Iterable[AlertChange]) -> list[Row]:
        """Take in the rows of an earlier run, with the changes they tell of; gives those that changed by that.

        Nobody holds them any more. Rows without their change are left out.
        """
        known = {(change.alert.id, change.alert.number): change for change in changes}
        moved: list[Row] = []
        for found in joined(rows):
            last = found.rows[-1]
            slot = self._slot(last.alert, last.channel)
            slot.last = max(slot.last, last.number)
            for row in found.rows:
                self._fence = max(self._fence, row.fence)
                if row.since and row.group and row.group != ALONE:
                    company = self._company(row.channel, row.group)
                    company.taken = max(company.taken, row.since)
            if found.told is not None and (change := known.get((last.alert, found.told))) is not None:
                slot.told, slot.told_number = change.kind, found.told
            moved += found.overtaken
            waiting = found.waiting
            if len(waiting) > 1 and (change := known.get((waiting[0].alert, waiting[0].number))) is not None:
                # The earlier one was on its way when the later one came, else it would have been merged into that; and
                # the later one may have arrived as well. Both are told again as they were.
                self._redo(waiting[0], change, slot, found.covered.get(waiting[0].key, ()), known)
                waiting = waiting[1:]
            for row in waiting:
                if (change := known.get((row.alert, row.number))) is not None:
                    moved += self._restore(row, change, slot, found.covered.get(row.key, ()), known)
        return moved

    def _restored(
        self,
        row: Row,
        change: AlertChange,
        slot: Slot,
        covers: tuple[int, ...],
        known: dict[tuple[str, int], AlertChange],
    ) -> Entry:
        entry = Entry(replace(row, state=RowState.PENDING), change, slot, self._next_order())
        entry.held, entry.covers = not row.attempts, covers
        self._offered[row.channel] = self._offered.get(row.channel, 0) + 1
        entry.opens |= any(Entry(row, known[row.alert, n], slot, 0).opens for n in covers if (row.alert, n) in known)
        return entry

    def _restore(
        self,
        row: Row,
        change: AlertChange,
        slot: Slot,
        covers: tuple[int, ...],
        known: dict[tuple[str, int], AlertChange],
    ) -> list[Row]:
        rows = self._enter(self._restored(row, change, slot, covers, known))
        return rows if len(rows) > 1 else []

    def _redo(
        self,
        row: Row,
        change: AlertChange,
        slot: Slot,
        covers: tuple[int, ...],
        known: dict[tuple[str, int], AlertChange],
    ) -> None:
        """Let it be told again while it counts as on its way."""
        entry = slot.sending = self._restored(row, change, slot, covers, known)
        queue = self._queue(row.channel)
        queue.open[row.key] = entry
        queue.push(entry)

    def forget(self, alert: str) -> bool:
        """Drop what is known of an alert that is over; False while something of it waits or is on its way."""
        found = self._slots_of(alert)
        if any(slot.pending or slot.sending for _, slot in found):
            return False
        for channel, _ in found:
            del self._slots[channel][alert]
            if not self._slots[channel]:
                del self._slots[channel]
        return True

    def shift(self, by: int) -> None:
        """The wall clock was set forward by `by` ms, or back: nothing is held up or given up early by that."""
        for queue in self._queues.values():
            queue.shift(by)
        for company in self._companies.values():
            company.taken, company.leaves = company.taken + by, company.leaves + by
        for fence, (envelope, entries) in self._leases.items():
            self._leases[fence] = (replace(envelope, until=envelope.until + by), entries)

    def _slot(self, alert: str, channel: str) -> Slot:
        slots = self._slots.get(channel)
        if slots is None:
            slots = self._slots[channel] = {}
        slot = slots.get(alert)
        if slot is None:
            slot = slots[alert] = Slot()
        return slot

    def _slots_of(self, alert: str) -> list[tuple[str, Slot]]:
        return [(channel, slots[alert]) for channel, slots in self._slots.items() if alert in slots]

    def _queue(self, channel: str) -> Queue:
        queue = self._queues.get(channel)
        if queue is None:
            queue = self._queues[channel] = Queue(self._storm)
        return queue

    def _next_order(self) -> int:
        self._order += 1
        return self._order

    def _count(self, channel: str, state: RowState) -> None:
        ended = self._ended.get(channel)
        if ended is None:
            ended = self._ended[channel] = {}
        ended[state] = ended.get(state, 0) + 1

    def _note_taken(self, channel: str, group: str, now: int) -> None:
        if group and group != ALONE:
            company = self._company(channel, group)
            company.taken = now
            self._queues[channel].hold(group, now + company.interval, now)


def _notice(entry: Entry) -> Notice:
    told = entry.slot.told
    return Notice(
        key=entry.row.key,
        change=entry.change,
        covers=entry.covers,
        first=told is None or (entry.opens and entry.change.kind is _RESOLVED and not entry.slot.is_told),
    )


def _put_off(entry: Entry, due: int) -> None:
    if due > entry.due:
        entry.due = due
        entry.row = replace(entry.row, due=due)


def _silent(key: str, change: AlertChange, channel: str, due: int, group: str, reason: str) -> Row:
    alert = change.alert
    return Row(
        key=key,
        alert=alert.id,
        number=alert.number,
        channel=channel,
        group=group,
        due=due,
        state=RowState.SILENCED,
        error=reason,
        done_at=change.at,
    )
