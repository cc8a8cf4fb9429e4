"""A rule made ready to be stepped: its texts read once, and other people's functions kept from doing harm."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import iscoroutine
from typing import Any

from auscult.rules.expression import Condition
from auscult.rules.rule import AlertRule
from auscult.rules.template import Template

__all__ = ["Armed", "Complain"]

Complain = Callable[[str, str], None]
"""Hears of rules that go wrong: the rule's name, and a sentence."""
SLOW = 0.1
"""Seconds after which a function counts as slow."""
REST = 100
"""A slow function is left alone for so many times as long as it took: it never costs more than a hundredth."""


class Armed:
    """A rule with its condition and template read. Raises ValueError (ConditionError, TemplateError)."""

    __slots__ = (
        "_complain",
        "_told",
        "absent",
        "clear",
        "condition",
        "failures",
        "for_",
        "function",
        "keep",
        "names",
        "rested",
        "rule",
        "template",
        "test",
        "windows",
    )

    def __init__(self, rule: AlertRule, complain: Complain) -> None:
        self.rule = rule
        text = rule.condition if isinstance(rule.condition, str) else ""
        self.condition = Condition(text, scope=rule.scope) if text else None
        self.test = self.condition.holds if self.condition is not None else None
        self.function = rule.condition if not isinstance(rule.condition, str) else None
        self.clear = Condition(rule.clear, scope=rule.scope) if rule.clear else None
        self.template = Template(rule.message_template)
        self.for_, self.keep = round(rule.for_ * 1000), round(rule.keep_firing * 1000)
        self.absent = round(rule.absent * 1000)
        self.names = self.template.names if self.condition is None else self.condition.names
        """What an alert keeps of the data: what the condition looks at, or for a function what the message shows."""
        self.windows: dict[str, float] = {}
        for each in (self.condition, self.clear):
            for name, seconds in each.windows.items() if each is not None else ():
                self.windows[name] = max(seconds, self.windows.get(name, 0.0))
        self.failures = 0
        """How often the function could not say."""
        self.rested = 0
        """When (ms) a slow function may be asked again."""
        self._complain = complain
        self._told = ""

    def adopt(self, other: Armed) -> None:
        """Take over what is known of the same rule as it was before."""
        if other.function is self.function:
            self.failures, self.rested, self._told = other.failures, other.rested, other._told

    @property
    def troubles(self) -> int:
        """How often the function could not say, or a comparison met a value of the wrong type."""
        conditions = (self.condition, self.clear)
        return self.failures + sum(each.mismatches for each in conditions if each is not None)

    def ask(self, data: Mapping[str, Any], now: int, timer: Callable[[], float] | None) -> bool | None:
        """Whether the function says that the rule holds; None when it cannot say, so that what held before goes on."""
        if now < self.rested or self.function is None:
            return None
        start = timer() if timer is not None else 0.0
        try:
            answer = self.function(data)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # other people's code may raise anything
            self._fail(f"its condition raised {type(error).__name__}: {_said(error)}")
            return None
        finally:
            if timer is not None and (took := timer() - start) >= SLOW:
                self.rested = now + round(took * REST * 1000)
                self._fail(f"its condition took {took:.1f} s; it is asked again after {took * REST:.0f} s")
        if isinstance(answer, bool):
            return answer
        if iscoroutine(answer):
            answer.close()
        what = "None" if answer is None else f"a value of type {type(answer).__name__}"
        self._fail(f"its condition gave {what}; a condition is a plain function that gives True or False")
        return None

    def _fail(self, message: str) -> None:
        self.failures += 1
        if message != self._told:
            self._told = message
            self._complain(self.rule.name, message)


def _said(error: BaseException) -> str:
    try:
        return " ".join(str(error).split())[:200]
    except BaseException:
        return ""
