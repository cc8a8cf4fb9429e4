"""What was measured beside what it should be, as rows of one table."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Goal", "table"]


class Goal(NamedTuple):
    """One row: the peer's figure and ours, compared as a ratio or, with `absolute`, ours alone."""

    work: str
    peer: float
    ours: float
    unit: str
    good: float
    aim: float
    absolute: bool = False
    more: bool = False
    """More is better."""

    @property
    def figure(self) -> float:
        """What is held against the goals."""
        return self.ours if self.absolute else self.ours / self.peer

    @property
    def reached(self) -> str:
        """In a word."""
        for word, level in (("aim", self.aim), ("good", self.good)):
            if self.figure >= level if self.more else self.figure <= level:
                return word
        return "no"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def table(goals: list[Goal]) -> str:
    """Markdown."""
    lines = ["| work | peer | auscult | ratio | good | aim | reached |", "| --- " * 7 + "|"]
    for goal in goals:
        sign = "" if goal.absolute else "x"
        ratio = f"{goal.ours / goal.peer:.2f}x" if goal.peer else "-"
        peer = f"{_number(goal.peer)} {goal.unit}" if goal.peer else "-"
        lines.append(
            f"| {goal.work} | {peer} | {_number(goal.ours)} {goal.unit} | {ratio} | "
            f"{_number(goal.good)}{sign} | {_number(goal.aim)}{sign} | {goal.reached} |"
        )
    return "\n".join(lines)
