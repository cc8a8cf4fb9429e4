"""What a type expects and what a value is, in words for findings."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
from msgspec import inspect

from auscult.errors import did_you_mean
from auscult.options import Duration, mask_url

__all__ = ["choices", "expected", "found", "mismatch"]

DURATION = "a duration such as 250ms, 15s or 1h30m"
MAX_SHOWN = 60
"""Characters of a wrong text that a finding repeats."""

_PLURALS = {
    "text": "texts",
    "a whole number": "whole numbers",
    "a number": "numbers",
    "true or false": "true or false values",
    "a table": "tables",
    "a path": "paths",
}
_NAMES = {
    inspect.AnyType: "anything",
    inspect.NoneType: "nothing",
    inspect.BoolType: "true or false",
    inspect.BytesType: "Base64 text",
    inspect.DateTimeType: "a date and time",
    inspect.DateType: "a date",
    inspect.TimeType: "a time of day",
    inspect.UUIDType: "a UUID",
    inspect.DecimalType: "a number",
}
_LISTS = (inspect.CollectionType, inspect.TupleType)


@lru_cache(maxsize=1024)
def info(kind: Any) -> inspect.Type:
    """What msgspec says about a type, `Any` where it has none."""
    try:
        return inspect.type_info(kind)
    except (TypeError, NotImplementedError):
        return inspect.AnyType()


def expected(kind: Any) -> str:
    """What a value of type `kind` looks like: ``a whole number from 1 to 65535``."""
    return _words(info(kind))


def _words(kind: inspect.Type) -> str:
    match kind:
        case inspect.Metadata(type=inner, extra_json_schema=schema):
            return (schema or {}).get("description") or _words(inner)
        case inspect.IntType():
            return "a whole number" + _range(kind)
        case inspect.FloatType():
            return "a number" + _range(kind)
        case inspect.StrType():
            return _text(kind)
        case inspect.CustomType(cls=cls):
            return DURATION if cls is Duration else "a path" if cls is Path else f"a {cls.__name__}"
        case inspect.UnionType(types=types):
            return " or ".join(_words(each) for each in types if not isinstance(each, inspect.NoneType))
        case inspect.LiteralType() | inspect.EnumType():
            values = [f"`{value}`" for value in _values(kind) if value != ""]
            return f"one of {', '.join(values)}" if len(values) > 1 else "".join(values)
        case inspect.CollectionType(item_type=item) | inspect.VarTupleType(item_type=item):
            return "a list of " + _PLURALS[words] if (words := _words(item)) in _PLURALS else "a list"
    return _NAMES.get(type(kind), "a list" if isinstance(kind, _LISTS) else "a table")


def _range(kind: inspect.IntType | inspect.FloatType) -> str:
    if kind.ge is not None and kind.le is not None:
        return f" from {_number(kind.ge)} to {_number(kind.le)}"
    limits = ((kind.ge, "of at least"), (kind.gt, "above"), (kind.le, "of at most"), (kind.lt, "below"))
    return "".join(f" {word} {_number(limit)}" for limit, word in limits if limit is not None)


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else f"{value:g}"


def _text(kind: inspect.StrType) -> str:
    if kind.pattern:
        return f"text that matches {kind.pattern}"
    if kind.max_length is not None:
        return f"text of at most {kind.max_length} characters"
    return "text that is not empty" if kind.min_length else "text"


def _values(kind: inspect.LiteralType | inspect.EnumType) -> list[Any]:
    return list(kind.values) if isinstance(kind, inspect.LiteralType) else [member.value for member in kind.cls]


def choices(kind: Any) -> list[str]:
    """The texts among which a value of type `kind` is chosen; empty when it is not a choice."""
    return _choices(info(kind))


def _choices(kind: inspect.Type) -> list[str]:
    match kind:
        case inspect.Metadata(type=inner):
            return _choices(inner)
        case inspect.UnionType(types=types):
            return [text for each in types for text in _choices(each)]
        case inspect.LiteralType() | inspect.EnumType():
            return [value for value in _values(kind) if isinstance(value, str) and value]
    return []


def found(value: Any, *, hidden: bool = False) -> str:
    """What a value is: ``the text "abc"``; without the value itself where it may be a secret."""
    if isinstance(value, bool):
        return "true or false" if hidden else str(value).lower()
    if isinstance(value, int | float):
        return "a number" if hidden else f"the number {_int(value) if isinstance(value, int) else repr(value)}"
    if isinstance(value, str):
        return _found_text(value, hidden)
    known = ((list, "a list"), (dict, "a table"), (type(None), "nothing (null)"))
    return next((words for kind, words in known if isinstance(value, kind)), f"a {type(value).__name__}")


def _int(value: int) -> str:
    return str(value) if value.bit_length() < 200 else "with more than 60 digits"


def _found_text(value: str, hidden: bool) -> str:
    if not value:
        return "empty text"
    if hidden:
        return "text that is not shown here"
    shown = mask_url(value)
    shown = shown if len(shown) <= MAX_SHOWN else shown[: MAX_SHOWN - 1] + "…"
    return "the text " + msgspec.json.encode(shown.encode(errors="replace").decode()).decode()


def mismatch(value: Any, kind: Any, *, hidden: bool = False, called: str = "") -> str:
    """One sentence: what was expected, what was found, and the likely remedy.

    `hidden` values are not repeated; `called` stands in the place of what came from a reference.
    """
    if called:
        return f"expected {expected(kind)}, found something else in {called}"
    hint = "" if hidden else _hint(value, kind)
    return f"expected {expected(kind)}, found {found(value, hidden=hidden)}{hint}"


def _hint(value: Any, kind: Any) -> str:
    wanted = expected(kind)
    if isinstance(value, str) and (names := choices(kind)):
        return _nearest(value, names)
    if wanted.startswith("text") and value is not None and not isinstance(value, str | list | dict):
        return "; put it in quotes"
    if isinstance(value, str) and _fits(value, kind):
        return "; leave the quotes out"
    if wanted.startswith("a list") and not isinstance(value, list | dict):
        return "; put it in brackets"
    return ""


def _nearest(value: str, names: list[str]) -> str:
    same = [name for name in names if name.casefold() == value.casefold()]
    near = did_you_mean(value, same or names)
    return f"; did you mean `{same[0]}`?" if same else near if near.startswith("; did") else ""


def _fits(text: str, kind: Any) -> bool:
    try:
        msgspec.convert(text, kind, strict=False)
    except (msgspec.ValidationError, NotImplementedError, TypeError):
        return False
    return True
