"""Plain data into Structs, with every mistake found, in words, and no secret in them.

Two steps. `resolve` follows references and turns their text into what the type wants there and only there;
`convert` is strict and, where msgspec stops at the first mistake, looks for all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any, TypeVar, get_args

import msgspec
from msgspec import Struct

from auscult.config import shapes, words
from auscult.config.document import KeyPath
from auscult.config.references import ReferenceProblem, References, has_reference, is_file_reference, names_in
from auscult.config.report import Report
from auscult.errors import AuscultError, did_you_mean
from auscult.options import convert_options, scrub, secret_fields

__all__ = ["FAILED", "Decoder"]

T = TypeVar("T", bound=Struct)


class _Failed:
    def __repr__(self) -> str:
        return "FAILED"


FAILED: Any = _Failed()
"""Stands for a value that could not be had; the finding is in the report."""

_SECRET: Any = object()
"""In place of a type: everything in here is secret."""


class Decoder:
    """Decodes the values of one document into types; what goes wrong is in `report`."""

    def __init__(self, report: Report, references: References) -> None:
        self.report = report
        self._references = references
        self._hidden: dict[KeyPath, str] = {}
        """What came from a reference, and how to call it in a finding."""

    def struct(self, kind: type[T], table: Any, path: KeyPath, *, also: Iterable[str] = ()) -> T | Any:
        """`table` as a `kind`, or FAILED. `also` are names that are valid beside the fields, for suggestions."""
        return self.value(table, kind, path, also=also)

    def value(self, raw: Any, kind: Any, path: KeyPath, *, also: Iterable[str] = ()) -> Any:
        """`raw` as a `kind`, or FAILED."""
        plain = self._resolve(raw, kind, path) if has_reference(raw) else raw
        return self._convert(plain, kind, path, also=also)

    def plain(self, raw: Any, path: KeyPath) -> Any:
        """`raw` with its references followed, whatever it is meant to be; FAILED where one cannot be."""
        plain = self._resolve_inside(raw, Any, path) if isinstance(raw, dict) else self._resolve(raw, Any, path)
        return FAILED if _failed(plain) else plain

    def called(self, path: KeyPath, value: str) -> str:
        """How a finding may name the text at `path`: itself, or the reference it came from."""
        return self._hidden.get(path) or f"`{value}`"

    # References

    def _resolve(self, raw: Any, kind: Any, path: KeyPath) -> Any:
        """`raw` without references; text that came from one becomes what `kind` wants."""
        try:
            if isinstance(raw, str):
                text, replaced = self._references.expand(raw)
                return self._came(text, kind, path, raw) if replaced else text
            if is_file_reference(raw) and (kind is Any or not shapes.takes_table(kind)) and path:
                return self._came(self._references.read(raw["file"]), kind, path, raw)
        except ReferenceProblem as problem:
            self.report.add(path, str(problem))
            return FAILED
        return self._resolve_inside(raw, kind, path)

    def _resolve_inside(self, raw: Any, kind: Any, path: KeyPath) -> Any:
        struct, mapping, sequence = shapes.shape(kind)
        if isinstance(raw, dict):
            fields = shapes.fields(struct) if struct else {}
            value_type = shapes.value_type(mapping) if mapping else Any
            return {
                key: self._resolve(value, fields[key].type if key in fields else value_type, (*path, key))
                for key, value in raw.items()
            }
        if isinstance(raw, list):
            return [self._resolve(value, shapes.item_type(sequence, at), (*path, at)) for at, value in enumerate(raw)]
        return raw

    def _came(self, text: str, kind: Any, path: KeyPath, raw: Any) -> Any:
        """Text from elsewhere as `kind` wants it: a list from commas, a number or a boolean from its text."""
        if called := _called(raw):
            self._hidden[path] = called
        sequence = shapes.shape(kind)[2]
        if sequence is not None and _convertible(text, kind) is FAILED:
            parts = [part.strip() for part in text.split(",")] if text.strip() else []
            return [self._came(part, shapes.item_type(sequence, at), (*path, at), raw) for at, part in enumerate(parts)]
        if _convertible(text, kind) is not FAILED:
            return text
        lenient = _convertible(text, kind, strict=False)
        if lenient is FAILED:
            return text
        return lenient.value if isinstance(lenient, Enum) else lenient

    # Conversion

    def _convert(self, value: Any, kind: Any, path: KeyPath, *, hidden: bool = False, also: Iterable[str] = ()) -> Any:
        if value is FAILED:
            return FAILED
        try:
            return convert_options(value, kind)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a plugin's __post_init__ may raise anything
            self._explain(error, value, kind, path, hidden or path in self._hidden, also)
            return FAILED

    def _explain(
        self, error: BaseException, value: Any, kind: Any, path: KeyPath, hidden: bool, also: Iterable[str]
    ) -> None:
        struct, mapping, sequence = shapes.shape(kind)
        before = self.report.told
        if isinstance(value, dict) and struct is not None:
            self._explain_struct(value, struct, path, hidden, also)
        elif isinstance(value, dict) and mapping is not None:
            self._explain_dict(value, mapping, path, hidden)
        elif isinstance(value, list) and sequence is not None:
            for at, item in enumerate(value):
                self._convert(item, shapes.item_type(sequence, at), (*path, at), hidden=hidden)
        if self.report.told == before and not _failed(value):
            self.report.add(path, self._sentence(error, value, kind, path, hidden))

    def _explain_struct(
        self, table: dict[str, Any], kind: type[Struct], path: KeyPath, hidden: bool, also: Iterable[str]
    ) -> None:
        fields, secret, config = shapes.fields(kind), secret_fields(kind), kind.__struct_config__
        for key, value in table.items():
            if field := fields.get(key):
                self._convert(value, field.type, (*path, key), hidden=hidden or field.name in secret)
            elif config.forbid_unknown_fields and key != config.tag_field:
                self.report.add((*path, key), "unknown key" + did_you_mean(key, [*fields, *also]))
        for key, field in fields.items():
            if field.required and key not in table:
                self.report.add((*path, key), f"missing: expected {words.expected(field.type)}")

    def _explain_dict(self, table: dict[str, Any], kind: Any, path: KeyPath, hidden: bool) -> None:
        key_type = get_args(kind)[0] if get_args(kind) else Any
        for key, value in table.items():
            if _convertible(key, key_type) is FAILED:
                self.report.add((*path, key), f"the key does not fit: expected {words.expected(key_type)}")
            self._convert(value, shapes.value_type(kind), (*path, key), hidden=hidden)

    def _sentence(self, error: BaseException, value: Any, kind: Any, path: KeyPath, hidden: bool) -> str:
        struct = shapes.shape(kind)[0]
        own = error.__cause__ if isinstance(error, msgspec.ValidationError) else error
        if own is None or (struct is None and own is not error):
            return words.mismatch(value, kind, hidden=hidden, called=self._hidden.get(path, ""))
        if hidden:
            return f"is refused ({type(own).__name__})"
        text = _said(own)
        if not text or not isinstance(own, ValueError | AuscultError):
            text = f"{type(own).__name__}: {text}"
        return _without(text, self._secrets(value, struct, path))

    def _secrets(self, value: Any, kind: Any, path: KeyPath) -> set[str]:
        """Texts below `path` that no message may repeat: from references, or typed as secret."""
        if not isinstance(value, dict | list):
            return {str(value)} if kind is _SECRET or path in self._hidden else set()
        fields: Mapping[Any, Any] = shapes.fields(kind) if shapes.is_struct(kind) else {}
        secret = secret_fields(kind) if shapes.is_struct(kind) else frozenset()
        found: set[str] = set()
        for key, child in value.items() if isinstance(value, dict) else enumerate(value):
            field = fields.get(key)
            inside = _SECRET if kind is _SECRET or key in secret else shapes.shape(field.type)[0] if field else None
            found |= self._secrets(child, inside, (*path, key))
        return found


def _called(raw: Any) -> str:
    """How to name what a reference stands for: by its variables or its file, never by its value."""
    if is_file_reference(raw):
        return f"the file {raw['file']!r}"
    return " and ".join(f"${{{name}}}" for name in dict.fromkeys(names_in(raw)))


def _said(error: BaseException) -> str:
    """The error's own words on one line; even its `__str__` may be a plugin's, and raise."""
    try:
        return " ".join(str(error).split())
    except KeyboardInterrupt:
        raise
    except BaseException:
        return ""


def _without(text: str, secrets: set[str]) -> str:
    for secret in secrets:
        if 0 < len(secret) < 4:  # too short to be replaced everywhere
            text = text.replace(repr(secret), "***").replace(f'"{secret}"', "***")
    return scrub(text, tuple(sorted((each for each in secrets if len(each) >= 4), key=len, reverse=True)))


def _convertible(value: Any, kind: Any, *, strict: bool = True) -> Any:
    try:
        return convert_options(value, kind, strict=strict)
    except KeyboardInterrupt:
        raise
    except BaseException:  # whatever the type's own hooks raise means the same here: it does not fit
        return FAILED


def _failed(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_failed, value.values()))
    if isinstance(value, list):
        return any(map(_failed, value))
    return value is FAILED
