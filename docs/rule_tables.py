"""Tables about rules, for `build`: what there is to know by name, functions, default rules, files of tests."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from auscult.config.reference_page import table_reference
from auscult.replay import trial
from auscult.rules import names
from auscult.rules.defaults import default_rules

__all__ = ["GENERATED"]


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = ["| " + " | ".join(cells) + " |" for cells in (head, tuple("---" for _ in head), *rows)]
    return "\n".join(lines)


def _data(texts: Mapping[str, str], numbers: Mapping[str, str]) -> str:
    rows = [(f"`{name}`", "text", meaning) for name, meaning in texts.items()]
    rows += [(f"`{name}`", "number", meaning) for name, meaning in numbers.items()]
    return _table(("name", "kind", "meaning"), rows)


def _component_data() -> str:
    return _data(names.COMPONENT_TEXTS, names.COMPONENT_NUMBERS)


def _system_data() -> str:
    return _data(names.SYSTEM_TEXTS, names.SYSTEM_NUMBERS)


def _message_data() -> str:
    return _table(("name", "meaning"), ((f"`{name}`", meaning) for name, meaning in names.MESSAGE_DATA.items()))


def _functions() -> str:
    return _table(("function", "gives"), ((f"`{call}`", meaning) for call, meaning in names.FUNCTIONS.items()))


def _defaults() -> str:
    rows = (
        (
            f"`{rule.name}`",
            rule.severity.value,
            f"{rule.cooldown_minutes:g} min",
            f"`{rule.condition}`" + (" (system)" if rule.scope == "system" else ""),
        )
        for rule in default_rules()
    )
    return _table(("rule", "severity", "cooldown", "condition"), rows)


def _tests() -> str:
    tables = {
        "The file": trial.TrialFile,
        "`[[tests]]`": trial.Trial,
        "`given`": trial.Given,
        "`act`": trial.Act,
        "`expect`": trial.Expected,
        "`alerts` of `expect`": trial.ExpectedAlert,
        "`notices`": trial.ExpectedNotice,
    }
    return "\n\n".join(f"### {title}\n\n{table_reference(kind)}" for title, kind in tables.items())


GENERATED: Mapping[str, Callable[[], str]] = {
    "component-data": _component_data,
    "system-data": _system_data,
    "message-data": _message_data,
    "functions": _functions,
    "defaults": _defaults,
    "tests": _tests,
}
