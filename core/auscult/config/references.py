"""Values that stand elsewhere: ``${NAME}``, ``${NAME:-default}``, ``{ file = "…" }``; ``$$`` is a literal dollar."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

__all__ = ["Given", "ReferenceProblem", "References", "has_reference", "is_file_reference", "names_in"]

MAX_FILE_BYTES = 64 * 1024

_REFERENCE = re.compile(r"\$(?:(\$)|\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}|(\{))")


class Given(str):
    """Text from a variable or the command line: taken literally, and as lenient as text from a reference."""

    __slots__ = ()


class ReferenceProblem(Exception):
    """A reference that cannot be followed; the message is a finding's."""


def is_file_reference(value: Any) -> bool:
    """Whether `value` has the form of ``{ file = "…" }``; where a table is expected it is a table all the same."""
    return isinstance(value, dict) and len(value) == 1 and isinstance(value.get("file"), str)


def has_reference(value: Any) -> bool:
    """Whether anything in `value` may have to be replaced."""
    if isinstance(value, str):
        return "$" in value or isinstance(value, Given)
    if isinstance(value, dict):
        return is_file_reference(value) or any(map(has_reference, value.values()))
    return isinstance(value, list) and any(map(has_reference, value))


def names_in(value: Any) -> Iterator[str]:
    """Names of the variables that `value` refers to."""
    if isinstance(value, str):
        yield from (match[2] for match in _REFERENCE.finditer(value) if match[2])
    elif isinstance(value, dict | list):
        for child in value.values() if isinstance(value, dict) else value:
            yield from names_in(child)


class References:
    """Follows references: variables in `environ`, files relative to `directory`."""

    def __init__(self, environ: Mapping[str, str], directory: Path | None = None) -> None:
        self._environ = environ
        self._directory = directory

    def expand(self, text: str) -> tuple[str, bool]:
        """`text` with its references replaced, and whether there was any. Raises ReferenceProblem."""
        if isinstance(text, Given):
            return _unicode("the value", str(text)), True
        replaced = False

        def replace(match: re.Match[str]) -> str:
            nonlocal replaced
            if match[1]:
                return "$"
            if match[4]:
                raise ReferenceProblem(
                    "`${` begins no valid reference; write ${NAME} or ${NAME:-default}, and $$ for a dollar sign"
                )
            replaced = True
            return self._variable(match[2], match[3])

        return _REFERENCE.sub(replace, text), replaced

    def _variable(self, name: str, default: str | None) -> str:
        value = self._environ.get(name)
        if default is not None:
            return value or default
        if value is None:
            raise ReferenceProblem(f"the variable {name} is not set; set it, or write ${{{name}:-default}}")
        return _unicode(f"the variable {name}", value)

    def read(self, name: str) -> str:
        """What the file `name` holds, without the newline at its end. Raises ReferenceProblem."""
        path = self._find(self.expand(name)[0])
        try:
            with path.open("rb") as file:
                content = file.read(MAX_FILE_BYTES + 1)
            text = content.decode("utf-8-sig")
        except (OSError, ValueError) as error:
            reason = "it is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else _reason(error)
            raise ReferenceProblem(f"the file {str(path)!r} cannot be read: {reason}") from None
        if len(content) > MAX_FILE_BYTES:
            raise ReferenceProblem(f"the file {str(path)!r} is larger than {MAX_FILE_BYTES // 1024} KiB")
        return text.rstrip("\r\n")

    def _find(self, name: str) -> Path:
        """Beside the configuration file first, then among systemd's credentials."""
        path = (self._directory or Path()) / name
        credentials = self._environ.get("CREDENTIALS_DIRECTORY")
        try:
            if credentials and not path.exists() and (Path(credentials) / name).exists():
                return Path(credentials) / name
        except (OSError, ValueError):
            pass
        return path


def _unicode(what: str, value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ReferenceProblem(f"{what} is not UTF-8 text") from None
    return value


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
