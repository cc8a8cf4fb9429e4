"""Environments that `discover` has to cope with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

__all__ = ["HOSTILE", "AnyName", "Recorder"]

HOSTILE = (
    "",
    " ",
    "\n",
    "0",
    "-1",
    "true",
    "null",
    "${HOME}",
    "not a url at all",
    "://",
    "http://",
    "http://[",
    "http://[::1",
    "http://host:port/",
    "http://host:99999999/",
    "redis://user:pass@word@host:0/-1",
    "postgresql://%zz:%00@/",
    "../../etc/passwd",
    "line one\r\nline two: injected",
    "\udc80\udcff undecodable",
    "пароль-ü-密码-🔑",
    '{"json": [1, 2',
    "x" * 100_000,
)
"""Values that no variable should have, and some have."""

_USUAL = ("PATH", "HOME", "DATABASE_URL", "REDIS_URL", "SERVICE_URL", "API_KEY", "AUSCULT_CONFIG")


class Recorder(Mapping[str, str]):
    """An empty environment that remembers which variables it was asked for."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def __getitem__(self, name: str) -> str:
        self.names.append(name)
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


class AnyName(Mapping[str, str]):
    """An environment in which every variable there is has the same value."""

    def __init__(self, value: str, names: Iterable[str] = ()) -> None:
        self._value = value
        self._names = tuple(dict.fromkeys((*names, *_USUAL)))

    def __getitem__(self, name: str) -> str:
        return self._value

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)
