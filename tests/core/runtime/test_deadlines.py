"""`Deadlines`: one timer for many things of which each may take equally long."""

from __future__ import annotations

import heapq
from itertools import count

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from auscult.runtime.deadlines import Deadlines

SECONDS = 10.0


class Time:
    """A clock and a loop whose time passes when it is told to."""

    def __init__(self) -> None:
        self.now, self.timers, self.numbers = 100.0, [], count()

    def monotonic(self):
        return self.now

    def call_later(self, delay, callback):
        timer = Timer(callback)
        heapq.heappush(self.timers, (self.now + delay, next(self.numbers), timer))
        return timer

    def pass_(self, seconds):
        end = self.now + seconds
        while self.timers and self.timers[0][0] <= end:
            at, _, timer = heapq.heappop(self.timers)
            self.now = max(self.now, at)
            if timer.callback is not None:
                timer.callback()
        self.now = end

    @property
    def armed(self):
        return sum(timer.callback is not None for *_, timer in self.timers)


class Timer:
    def __init__(self, callback):
        self.callback = callback

    def cancel(self):
        self.callback = None


class Thing:
    """Notes when it expired, and begins another one then if it is told to."""

    def __init__(self, time, deadlines, *, follows=False, fails=False):
        self.time, self.deadlines, self.follows, self.fails = time, deadlines, follows, fails
        self.begun, self.expired, self.next = time.now, None, None

    def expire(self):
        assert self.deadlines.discard(self)
        self.expired = self.time.now
        if self.follows:
            self.next = Thing(self.time, self.deadlines)
            self.deadlines.add(self.next)
        if self.fails:
            raise ValueError("of a plugin")


class Anything(RuleBasedStateMachine):
    """Whatever begins and ends in whatever order."""

    def __init__(self):
        super().__init__()
        self.time = Time()
        self.deadlines = Deadlines(self.time, self.time, SECONDS)
        self.things, self.ended = [], set()

    @rule(follows=st.booleans())
    def begin(self, follows):
        thing = Thing(self.time, self.deadlines, follows=follows)
        self.things.append(thing)
        self.deadlines.add(thing)

    @rule(data=st.data())
    @precondition(lambda self: self.things)
    def end(self, data):
        thing = data.draw(st.sampled_from(self.things))
        if self.deadlines.discard(thing):
            assert thing.expired is None
            self.ended.add(thing)

    @rule(seconds=st.sampled_from([0.0, 0.5, 3.0, 9.5, 10.0, 25.0]))
    def wait(self, seconds):
        self.time.pass_(seconds)
        self.things += [thing.next for thing in self.things if thing.next and thing.next not in self.things]

    @invariant()
    def each_expires_at_its_time_or_ends_before(self):
        for thing in self.things:
            due = thing.begun + SECONDS
            if thing in self.ended or self.time.now < due:
                assert thing.expired is None
            else:
                assert thing.expired == pytest.approx(due)

    @invariant()
    def there_is_at_most_one_timer(self):
        assert self.time.armed <= 1


TestAnything = Anything.TestCase


def test_one_that_fails_takes_no_other_with_it():
    """The next one still has its deadline."""
    time = Time()
    deadlines = Deadlines(time, time, SECONDS)
    bad, good = Thing(time, deadlines, fails=True), Thing(time, deadlines)
    deadlines.add(bad)
    time.pass_(1.0)
    good.begun = time.now
    deadlines.add(good)
    with pytest.raises(ValueError, match="plugin"):
        time.pass_(9.0)
    time.pass_(2.0)
    assert good.expired == pytest.approx(good.begun + SECONDS)


def test_nothing_expires_once_it_is_stopped():
    """And no timer is left."""
    time = Time()
    deadlines = Deadlines(time, time, SECONDS)
    thing = Thing(time, deadlines)
    deadlines.add(thing)
    deadlines.stop()
    assert time.armed == 0
    time.pass_(20.0)
    assert thing.expired is None
