"""auscult's rules as alert rules of Prometheus, for whoever alerts from there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from auscult.generating.conditions import CannotSay, Families, promql
from auscult.rules.rule import AlertRule

__all__ = ["prometheus_rules"]

_SAID = re.compile(r"[:,;]?\s*\{message(?::[^}]*)?\}")
_PLACEHOLDER = re.compile(r"\{(\w+)(?::[^}]*)?\}")


def prometheus_rules(rules: Iterable[AlertRule], families: Families) -> str:
    """A rule file in YAML; what cannot be said in PromQL stands there as a comment that says why."""
    lines = [
        "# Alert rules equivalent to auscult's, made by `auscult prometheus rules`.",
        "# Cooldowns, hourly limits, silences and dependencies are Alertmanager's business there.",
        "groups:",
        "- name: auscult",
        "  rules:",
    ]
    written, left_out = [], []
    for rule in rules:
        try:
            written += _rule(rule, families)
        except CannotSay as why:
            left_out.append(f"# {rule.name} is left out: {_one_line(str(why))}")
    if not written:
        lines[-1] += " []"
    return "\n".join([*lines, *written, *left_out]) + "\n"


def _rule(rule: AlertRule, families: Families) -> list[str]:
    expression = _expression(rule, families)
    labels = {"severity": rule.severity.value, **rule.labels}
    annotations = {"summary": _message(rule)}
    if rule.runbook:
        annotations["runbook_url"] = rule.runbook
    return [
        f"  - alert: {_camel(rule.name)}",
        f"    expr: {_quoted(expression)}",
        *([f"    for: {rule.for_:g}s"] if rule.for_ else []),
        *([f"    keep_firing_for: {rule.keep_firing:g}s"] if rule.keep_firing else []),
        *_mapping("labels", labels),
        *_mapping("annotations", annotations),
    ]


def _expression(rule: AlertRule, families: Families) -> str:
    if rule.match or rule.component_types:
        raise CannotSay("metrics carry neither labels nor types of components")
    selector = _selector(rule)
    parts = []
    if rule.condition:
        if not isinstance(rule.condition, str):
            raise CannotSay("its condition is a function")
        parts.append(promql(rule.condition, scope=rule.scope, families=families, selector=selector))
    if rule.absent:
        last = f"auscult_component_last_check_timestamp_seconds{selector}"
        parts.append(f"time() - {last} > {rule.absent:g}")
    return parts[0] if len(parts) == 1 else " or ".join(f"({part})" for part in parts)


def _selector(rule: AlertRule) -> str:
    if rule.scope == "system":
        return ""
    if not rule.components:
        return '{component!="auscult"}'
    patterns = "|".join(_regex(name) for name in rule.components)
    only = rule.components[0] if len(rule.components) == 1 else ""
    exact = only and not set(only) & set("*?[")
    return f'{{component="{only}"}}' if exact else f'{{component=~"{patterns}"}}'


def _regex(pattern: str) -> str:
    if "[" in pattern:
        raise CannotSay("its pattern of components has brackets")
    return re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".").replace("\\", "\\\\")


def _message(rule: AlertRule) -> str:
    """Placeholders that Prometheus knows are kept, others become words; what the probe said, no metric tells."""

    def known(match: re.Match[str]) -> str:
        if match[1] == "component":
            return "{{ $labels.component }}"
        if match[1] == "status":
            return "not healthy"
        return "{{ $value }}" if isinstance(rule.condition, str) and match[1] in rule.condition else match[1]

    return _PLACEHOLDER.sub(known, _SAID.sub("", rule.message_template)) or rule.name


def _camel(name: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in re.split(r"[_.\-]+", name) if part)


def _mapping(name: str, values: Mapping[str, str]) -> list[str]:
    return [f"    {name}:", *(f"      {key}: {_quoted(value)}" for key, value in values.items())]


def _quoted(text: str) -> str:
    """A YAML text in single quotes, which know one escape only."""
    return "'" + _one_line(text).replace("'", "''") + "'"


def _one_line(text: str) -> str:
    return " ".join(text.split())
