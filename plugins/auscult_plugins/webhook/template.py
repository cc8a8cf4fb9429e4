"""Bodies that a user writes as a template, in minijinja: Jinja's syntax, a budget of steps, and no Python inside."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from auscult import Alert, AlertChange, AlertSeverity, AlertStatus, ChangeKind, MissingDependency, Notice, Notification
from auscult_plugins.webhook.bodies import document, encode

if TYPE_CHECKING:
    import minijinja

__all__ = ["MAX_BODY", "MAX_SOURCE", "Template", "TemplateProblem"]

MAX_SOURCE = 4096
"""Characters of a template."""
MAX_BODY = 1 << 20
"""Bytes of what it makes."""
_METHODS = frozenset({"get", "items", "keys", "values"})
"""Of tables, as people know them from Jinja."""
FUEL = 10_000
"""Steps that one rendering may take; a page of ordinary template takes some hundred, and texts that grow are counted.
Not counted is a list that is put together with itself dozens of times over: who writes templates can stop auscult by
that, as by many another thing in its configuration; what stands in alerts cannot."""
FUEL_PER_ALERT = 200
"""Steps for each alert of an envelope after the first, so that a storm does not run out of them."""


class TemplateProblem(ValueError):
    """The template cannot be read, or does not make what it should; the sentence says why."""


class _Table(dict[str, Any]):
    """A table without Python's methods, for the engine would call them: `update` and the like cost no steps."""

    __slots__ = ()

    def __getattribute__(self, name: str) -> Any:
        if name in _METHODS or name.startswith("__"):  # what begins so, the engine itself refuses
            return super().__getattribute__(name)
        raise AttributeError(f"a table has no method `{name}`")


def _with_numbers(body: dict[str, Any], notification: Notification) -> dict[str, Any]:
    """`body` with its times in ms beside those for people: templates cannot read a date."""
    body["created_at_ms"] = notification.created_at
    for told, notice in zip(body["alerts"], notification.notices, strict=True):
        for name in ("created_at", "updated_at", "resolved_at"):
            told[f"{name}_ms"] = getattr(notice.alert, name)
    return body


def _plain(value: Any) -> Any:
    """`value` as tables and sequences that can be read and nothing else."""
    if isinstance(value, dict):
        return _Table({name: _plain(item) for name, item in value.items()})
    return tuple(map(_plain, value)) if isinstance(value, list) else value


class Template:
    """A template that has been read and tried. Raises TemplateProblem, MissingDependency."""

    def __init__(self, source: str, *, json: bool) -> None:
        """`json`: what it makes has to be a JSON document."""
        if len(source) > MAX_SOURCE:
            raise TemplateProblem(f"the template has {len(source)} characters; at most {MAX_SOURCE} are allowed")
        self._json = json
        self._environment = _environment()
        _contained(lambda: self._environment.add_template("body", source))
        for sample in _samples():
            self.render(sample)

    def render(self, notification: Notification) -> bytes:
        """The body. The template sees auscult's own body, its times as numbers too (`created_at_ms`), and as `alert`
        the alert to judge the envelope by.
        """
        data = _plain(_with_numbers(msgspec.json.decode(encode(document(notification))), notification))
        data["alert"] = data["alerts"][notification.notices.index(notification.loudest)]
        self._environment.fuel = FUEL + FUEL_PER_ALERT * (len(notification.notices) - 1)
        body: bytes = _contained(lambda: self._environment.render_template("body", **data)).encode("utf-8", "replace")
        if len(body) > MAX_BODY:
            raise TemplateProblem(f"the template makes {len(body)} bytes; at most {MAX_BODY} are allowed")
        if self._json:
            _assert_json(body)
        return body


def _environment() -> minijinja.Environment:
    try:
        import minijinja
    except ImportError as error:
        raise MissingDependency("minijinja", "templates") from error
    environment = minijinja.Environment(
        undefined_behavior="strict", fuel=FUEL, auto_escape_callback=lambda _: False, pycompat=False
    )
    environment.remove_global("debug")  # prints the engine's own state
    return environment


def _contained(work: Callable[[], Any]) -> Any:
    """The result; every error, also a panic of the engine (no Exception), as TemplateProblem."""
    try:
        return work()
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        said = str(error).partition("\n")[0].replace("(in body:", "(line ") or type(error).__name__
        hint = '; where a name may be missing, write `| default("")`' if "undefined" in said else ""
        raise TemplateProblem(f"the template fails: {said}{hint}") from None


def _assert_json(body: bytes) -> None:
    try:
        msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        hint = "write `{{ alert.message | tojson }}`, without quotes around it, for every text"
        raise TemplateProblem(f"the template does not make JSON: {error}; {hint}") from None


def _samples() -> list[Notification]:
    """What a template has to bear before it is believed: texts that break JSON, and everything empty."""
    nasty = 'a "quoted" \\ text\nof two lines\t{{ x }}'
    full = Alert(
        id="00000000000000ff-18d0c1f5a60",
        rule=nasty,
        severity=AlertSeverity.HIGH,
        status=AlertStatus.ACTIVE,
        message=nasty,
        component=nasty,
        component_type=nasty,
        labels={nasty: nasty},
        created_at=1_705_314_300_000,
        updated_at=1_705_314_300_000,
        values={"response_time_ms": 5012.5, nasty: nasty},
        cause=nasty,
        affected=(nasty,),
        runbook=nasty,
    )
    bare = Alert(
        id="0000000000000000-0",
        rule="r",
        severity=AlertSeverity.INFO,
        status=AlertStatus.RESOLVED,
        message="",
        created_at=0,
        updated_at=0,
        resolved_at=0,
    )
    return [
        _sample(ChangeKind.FIRED, full, sender=nasty, url="https://auscult.example.com", group={nasty: nasty}),
        _sample(ChangeKind.RESOLVED, bare, sender="", url="", group={}),
    ]


def _sample(kind: ChangeKind, alert: Alert, **fields: Any) -> Notification:
    notice = Notice(key="k", change=AlertChange(kind=kind, alert=alert, at=0))
    return Notification(key="k", channel="c", notices=(notice,), created_at=0, **fields)
