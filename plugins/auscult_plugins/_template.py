"""Texts that a user writes as a template, in minijinja: Jinja's syntax, a budget of steps, and no Python inside."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from auscult import MissingDependency

if TYPE_CHECKING:
    import minijinja

__all__ = ["FUEL", "MAX_BODY", "MAX_SOURCE", "Engine", "TemplateProblem", "plain"]

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


class TemplateProblem(ValueError):
    """The template cannot be read, or does not make what it should; the sentence says why."""


class _Table(dict[str, Any]):
    """A table without Python's methods, for the engine would call them: `update` and the like cost no steps."""

    __slots__ = ()

    def __getattribute__(self, name: str) -> Any:
        if name in _METHODS or name.startswith("__"):  # what begins so, the engine itself refuses
            return super().__getattribute__(name)
        raise AttributeError(f"a table has no method `{name}`")


def plain(value: Any) -> Any:
    """`value` as tables and sequences that can be read and nothing else."""
    if isinstance(value, dict):
        return _Table({name: plain(item) for name, item in value.items()})
    return tuple(map(plain, value)) if isinstance(value, list) else value


class Engine:
    """A template that has been read. Raises TemplateProblem, MissingDependency."""

    def __init__(self, source: str, *, json: bool) -> None:
        """`json`: what it makes has to be a JSON document."""
        if len(source) > MAX_SOURCE:
            raise TemplateProblem(f"the template has {len(source)} characters; at most {MAX_SOURCE} are allowed")
        self._json = json
        self._environment = _environment()
        _contained(lambda: self._environment.add_template("body", source))

    def render(self, data: dict[str, Any], *, fuel: int = FUEL, limit: int = MAX_BODY) -> bytes:
        """What it makes of plain data, in at most `fuel` steps and `limit` bytes. Raises TemplateProblem."""
        self._environment.fuel = fuel
        seen = plain(data)
        body: bytes = _contained(lambda: self._environment.render_template("body", **seen)).encode("utf-8", "replace")
        if len(body) > limit:
            raise TemplateProblem(f"the template makes {len(body)} bytes; at most {limit} are allowed")
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
