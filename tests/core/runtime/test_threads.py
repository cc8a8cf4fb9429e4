"""Threads of a component's own: few, whoever gives up meanwhile."""

from __future__ import annotations

import threading

import anyio
import pytest

from auscult.runtime.threads import OwnThreads

pytestmark = pytest.mark.anyio


class Calls:
    """Calls that block until released, counted while they run."""

    def __init__(self):
        self.release, self.lock = threading.Event(), threading.Lock()
        self.running = self.most = self.begun = 0

    def block(self):
        with self.lock:
            self.begun += 1
            self.running += 1
            self.most = max(self.most, self.running)
        self.release.wait(60)
        with self.lock:
            self.running -= 1
        return self.begun


@pytest.mark.parametrize("most", [1, 4])
async def test_abandoned_calls_count_until_their_thread_ends(most):
    """However often somebody asks and gives up; afterwards everything goes on."""
    threads, calls = OwnThreads(most), Calls()
    try:
        for _ in range(5 * most):
            with anyio.move_on_after(0.05):
                await threads.run(calls.block)
        assert calls.most <= 2 * most - 1, "never more than are allowed, and those that the limit had let in before"
        assert calls.begun <= 2 * most - 1
    finally:
        calls.release.set()
    with anyio.fail_after(60):
        assert await threads.run(lambda: "again") == "again"
    assert calls.running == 0 or most > 1


async def test_one_at_a_time_waits_its_turn():
    """Calls of one probe at the same time come one after the other, and each gets its own answer."""
    threads, calls = OwnThreads(), Calls()
    calls.release.set()
    answers = []

    async def ask():
        answers.append(await threads.run(calls.block))

    async with anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(ask)
    assert sorted(answers) == list(range(1, 21))
    assert calls.most == 1


async def test_what_was_given_up_before_it_began_never_begins():
    """Nobody waits for its answer, so it is not called."""
    threads, calls = OwnThreads(), Calls()
    later = []
    try:
        async with anyio.create_task_group() as group:
            group.start_soon(threads.run, calls.block)
            with anyio.fail_after(60):
                while not calls.running:
                    await anyio.sleep(0.01)
            with anyio.move_on_after(0.05):
                await threads.run(lambda: later.append(1))
            calls.release.set()
    finally:
        calls.release.set()
    assert await threads.run(lambda: "done") == "done"
    assert later == []


async def test_what_it_raises_is_raised_here():
    """And leaves nothing behind."""
    threads = OwnThreads()

    def fail():
        raise ValueError("no")

    for _ in range(3):
        with pytest.raises(ValueError, match="no"):
            await threads.run(fail)
    assert await threads.run(lambda: 1) == 1
