"""The types that plugin options are made of, and what makes secrets stay secret.

A plugin's fields are its options. `Duration` reads ``"1h30m"``; `SecretStr` is a plain string to the plugin and
``***`` to everybody else.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints
from urllib.parse import unquote

import msgspec
from msgspec import Meta, Struct

__all__ = ["Duration", "SecretStr", "convert_options", "public", "scrub", "secret_values"]

_SECRET = {"secret": True}
_MASK = "***"

SecretStr = Annotated[str, Meta(extra=_SECRET)]
"""A string that is masked wherever it is printed, logged, encoded or exported."""

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)")
_USERINFO = re.compile(r"(?<=://)([^/\s@:]*):([^/\s@]+)@")


class Duration(float):
    """Seconds. Made from a number of seconds or text such as ``250ms``, ``15s``, ``1h30m``.

    Raises ValueError for anything else, for negative and for non-finite values.
    """

    __slots__ = ()

    def __new__(cls, value: float | str = 0.0) -> Duration:
        """Seconds from a number or a text."""
        seconds = cls._parse(value) if isinstance(value, str) else float(value)
        if not 0 <= seconds < float("inf"):
            raise ValueError(f"a duration is a finite number of seconds from 0 on, not {value!r}")
        return super().__new__(cls, seconds)

    @staticmethod
    def _parse(text: str) -> float:
        stripped = text.strip()
        parts = _PART.findall(stripped)
        if parts and "".join(number + unit for number, unit in parts) == stripped:
            return sum(float(number) * _UNITS[unit] for number, unit in parts)
        try:
            return float(stripped)
        except ValueError:
            raise ValueError(f"expected a duration such as 250ms, 15s or 1h30m, not {text!r}") from None

    def __str__(self) -> str:
        """The shortest usual text: ``250ms``, ``15s``, ``1h30m``."""
        left, parts = round(float(self) * 1000), []
        for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
            count, left = divmod(left, size)
            if count:
                parts.append(f"{count}{unit}")
        return "".join(parts) or "0s"

    def __repr__(self) -> str:
        return repr(str(self))


def _decode(kind: type, value: Any) -> Any:
    if kind is Duration and isinstance(value, str | int | float) and not isinstance(value, bool):
        return Duration(value)
    if kind is Path and isinstance(value, str):
        return Path(value)
    if kind is Path:
        raise ValueError(f"expected a path, not {value!r}")
    if kind is Duration:
        raise ValueError(f"expected a duration such as 250ms, 15s or 1h30m, not {value!r}")
    raise NotImplementedError(f"options of type {kind.__qualname__} are not supported")


def convert_options(value: Any, kind: Any, *, strict: bool = True) -> Any:
    """`value` (plain data) as `kind`, durations included. Raises msgspec.ValidationError.

    `strict=False` also takes text for numbers and booleans: for values that came from the environment.
    """
    return msgspec.convert(value, kind, dec_hook=_decode, strict=strict)


def _is_secret(annotation: Any) -> bool:
    if get_origin(annotation) is Annotated:
        return any(isinstance(part, Meta) and (part.extra or {}).get("secret") for part in annotation.__metadata__) or (
            _is_secret(get_args(annotation)[0])
        )
    return any(_is_secret(part) for part in get_args(annotation))


@cache
def secret_fields(kind: type[Struct]) -> frozenset[str]:
    """Names of the fields of `kind` that are typed `SecretStr` (alone, in a union, or in a container)."""
    hints = get_type_hints(kind, include_extras=True)
    return frozenset(name for name in kind.__struct_fields__ if _is_secret(hints[name]))


def mask_url(text: str) -> str:
    """`text` without the password of any URL in it."""
    return _USERINFO.sub(r"\1:***@", text) if "://" in text else text


def _masked(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _masked(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked(item) for item in value]
    return _MASK if value not in (None, "") else value


def public(value: Any) -> Any:
    """`value` as plain data that may be shown to anybody: secrets are ``***``, URLs lose their password."""
    if isinstance(value, Struct):
        secret = secret_fields(type(value))
        return {
            name: _masked(item) if name in secret else public(item)
            for name in value.__struct_fields__
            if not callable(item := getattr(value, name))
        }
    if isinstance(value, dict):
        return {str(key): public(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [public(item) for item in value]
    if isinstance(value, Duration):
        return str(value)
    if isinstance(value, str):
        return mask_url(str(value))
    return value if isinstance(value, bool | int | float | None) else str(value)


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value] if value else []
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple | set) else ()
    return [text for item in items for text in _strings(item)]


def secret_values(options: Struct) -> tuple[str, ...]:
    """Every secret text inside `options`, passwords in URLs included, longest first; to `scrub` messages with."""
    found: set[str] = set()
    secret = secret_fields(type(options))
    for name in options.__struct_fields__:
        value = getattr(options, name)
        if isinstance(value, Struct) and name not in secret:
            found.update(secret_values(value))
            continue
        texts = _strings(value)
        passwords = [match[1] for text in texts for match in _USERINFO.findall(text)]
        # A driver may tell the password as the URL has it, or as the server gets it.
        found.update([*passwords, *map(unquote, passwords), *(texts if name in secret else ())])
    return tuple(sorted((text for text in found if len(text) >= 4), key=len, reverse=True))


def scrub(text: str, secrets: tuple[str, ...]) -> str:
    """`text` with each of `secrets` and every URL password replaced by ``***``."""
    for secret in secrets:
        text = text.replace(secret, _MASK)
    return mask_url(text)
