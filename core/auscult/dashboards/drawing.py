"""Runs panels: each in a thread, with a time limit, its answer checked, so that a bad one harms nobody else."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from threading import Lock
from typing import Any

import anyio
import msgspec
from anyio import to_thread
from msgspec import Struct
from msgspec.structs import replace

from auscult.dashboards.flat import FlatMetric, flat, panel_type
from auscult.kinds import Panel
from auscult.options import secret_values
from auscult.panels import Placed, View
from auscult.runtime.readings import clean_text
from auscult.shapes import Gauge, Shape, Stat, color_of

__all__ = ["LIMIT", "Drawn", "Easel"]

log = logging.getLogger("auscult.dashboards")

LIMIT = 10.0
"""Seconds that one panel has."""
AT_ONCE = 4
"""Panels drawn at the same time."""
MOST = 12
"""Shapes that one panel may show."""
_KINDS: tuple[type, ...] = Shape.__args__
_SHAPES = list[Shape]


class Drawn(Struct, frozen=True, kw_only=True):
    """What came of one panel."""

    placed: Placed
    shapes: Sequence[Shape] = ()
    data: bytes = b"[]"
    """The shapes as JSON."""
    metrics: Sequence[FlatMetric] = ()
    error: str = ""
    """Why there is nothing, in a sentence."""

    @property
    def panel_type(self) -> str:
        """The seed document's word."""
        return panel_type(self.shapes)


class Easel:
    """Draws the panels of one monitor. A panel that does not come back is not asked again until it does."""

    def __init__(self, limit: float = LIMIT) -> None:
        self._limit = limit
        self._room = anyio.Semaphore(AT_ONCE)
        self._lost: dict[object, int] = {}
        self._lock = Lock()

    async def draw(self, key: object, placed: Placed, view: View) -> Drawn:
        """One panel; never raises. `key` tells the panel from others."""
        if self._lost.get(key):
            return Drawn(placed=placed, error="It is still busy with an earlier look, and is left alone until it ends")
        async with self._room:
            outcome: list[Drawn] = []
            with anyio.move_on_after(self._limit):
                work = partial(self._work, key, placed, view, outcome)
                # A limiter of its own: a panel that hangs must not take the place of one that works.
                await to_thread.run_sync(work, abandon_on_cancel=True, limiter=anyio.CapacityLimiter(1))
        if outcome:
            return outcome[0]
        return Drawn(placed=placed, error=f"It did not answer within {self._limit:g} s")

    def _work(self, key: object, placed: Placed, view: View, outcome: list[Drawn]) -> None:
        """In the thread."""
        with self._lock:
            self._lost[key] = self._lost.get(key, 0) + 1
        try:
            outcome.append(look(placed, view))
        finally:
            with self._lock:
                self._lost[key] -= 1
                if not self._lost[key]:
                    del self._lost[key]


def look(placed: Placed, view: View) -> Drawn:
    """What `placed` shows of `view`; blocks as long as the panel does, and raises nothing."""
    try:
        shapes = _settled(_checked(placed.panel.show(view)), placed)
        return Drawn(
            placed=placed,
            shapes=shapes,
            data=msgspec.json.encode(shapes),
            metrics=flat(shapes, panel=placed.id, now=view.now),
        )
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a panel is somebody else's code
        log.debug("the panel %s failed", placed.id, exc_info=error)
        return Drawn(placed=placed, error=_in_words(error, placed.panel))


def _checked(answer: Any) -> list[Shape]:
    """The shapes of an answer, every field of the type that it should have. Raises TypeError, ValueError."""
    if inspect.iscoroutine(answer):
        answer.close()
        raise TypeError("`show` is async; it must be a plain function")
    if answer is None:
        raise TypeError("`show` returned None; did it forget its `return`?")
    items = [answer] if isinstance(answer, _KINDS) else list(_several(answer))
    for item in items:
        if not isinstance(item, _KINDS):
            raise TypeError(f"`show` returned {_called(item)}, not a shape such as auscult.Stat or auscult.Series")
    # Objects made in code are not checked when they are made.
    return msgspec.convert(msgspec.to_builtins(items), _SHAPES)


def _several(answer: Any) -> Iterator[Any]:
    if isinstance(answer, str | bytes | dict | Struct) or not isinstance(answer, Iterable):
        raise TypeError(f"`show` returned {_called(answer)}, not a shape such as auscult.Stat or auscult.Series")
    yield from islice(answer, MOST)


def _called(value: object) -> str:
    kind = type(value).__name__
    return f"an {kind}" if kind[:1] in "aeiouAEIOU" else f"a {kind}"


def _settled(shapes: Sequence[Shape], placed: Placed) -> list[Shape]:
    """Names and colours that were left to us."""
    found: list[Shape] = []
    for shape in shapes:
        if isinstance(shape, Stat | Gauge):
            color = shape.color or color_of(shape.value, shape.threshold_warning, shape.threshold_critical)
            found.append(replace(shape, color=color, name=shape.name or placed.id))
        else:
            found.append(shape)
    return found


def _in_words(error: BaseException, panel: Panel) -> str:
    try:
        text = str(error)
    except Exception:
        text = ""
    phrase = f"{type(error).__name__}: {text}" if text else type(error).__name__
    secrets: tuple[str, ...] = ()
    try:
        secrets = secret_values(panel)
    except Exception as odd:  # its types cannot be read; then none of its words are shown
        log.debug("the options of %r cannot be looked at", type(panel).__name__, exc_info=odd)
        phrase = type(error).__name__
    return clean_text(phrase, secrets).encode(errors="replace").decode()
