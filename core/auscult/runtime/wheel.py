"""A sparse wheel of time slots: what is due together wakes the process once.

Waking an idle process costs more than starting a probe, so due times are rounded up to slots of 50 ms. An item
moves by less than one slot, once; its interval stays exact, because the unrounded due time is what advances.
"""

from __future__ import annotations

from heapq import heappop, heappush
from math import ceil
from typing import Generic, TypeVar

__all__ = ["SLOT", "Wheel"]

SLOT = 0.05
"""Seconds."""

T = TypeVar("T")


class Wheel(Generic[T]):
    """Items by the slot they are due in. All times are monotonic seconds."""

    def __init__(self, width: float = SLOT) -> None:
        self._width = width
        self._slots: dict[int, list[T]] = {}
        self._order: list[int] = []

    def put(self, due: float, item: T) -> float:
        """Have `item` come out at the first slot at or after `due`; returns that slot's time."""
        slot = ceil(due / self._width)
        if (items := self._slots.get(slot)) is None:
            items = self._slots[slot] = []
            heappush(self._order, slot)
        items.append(item)
        return slot * self._width

    def next(self) -> float | None:
        """When the next slot is due; None while empty."""
        return self._order[0] * self._width if self._order else None

    def take(self, now: float) -> list[tuple[float, list[T]]]:
        """Every slot due by `now` with its time, oldest first, taken out."""
        due: list[tuple[float, list[T]]] = []
        while self._order and self._order[0] * self._width <= now:
            slot = heappop(self._order)
            due.append((slot * self._width, self._slots.pop(slot)))
        return due
