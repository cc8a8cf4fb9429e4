"""Runs other people's code so that nothing it raises gets out, and puts what it raised into words."""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Generic, TypeVar

__all__ = ["Failure", "attempt", "called", "describe", "raised_at"]

log = logging.getLogger("auscult.catalogue")
T = TypeVar("T")
MAX_TEXT = 400
"""Characters kept of a message that somebody else wrote."""


class Failure(Generic[T]):
    """What came instead of a result."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __str__(self) -> str:
        return describe(self.error)


def attempt(work: Callable[[], T]) -> T | Failure[T]:
    """What `work` returns, or a `Failure` with whatever it raised; only KeyboardInterrupt gets out.

    What it prints goes to standard error, so that the JSON of a command on standard output stays JSON.
    """
    try:
        with redirect_stdout(sys.stderr):
            return work()
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        log.debug("a plugin raised", exc_info=error)
        return Failure(error)


def describe(error: BaseException) -> str:
    """An exception as a phrase with the place it came from: ``ValueError: no such port (my_checks.py:12)``."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{type(error).__name__}: {error.msg} ({_place(error.filename, error.lineno)})"
    text = _text(error)
    if isinstance(error, SystemExit):
        text = f"it asked the program to end, with {text or 'no code'}"
    phrase = f"{type(error).__name__}: {text}" if text else type(error).__name__
    place = raised_at(error)
    return f"{phrase} ({place})" if place else phrase


def _text(error: BaseException) -> str:
    try:
        text = " ".join(str(error).split())
    except BaseException:
        return ""
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"


def raised_at(error: BaseException) -> str:
    """File and line of the innermost frame that is neither ours nor the import system's; empty where there is none."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__, limit=-50)
        if not frame.filename.startswith("<frozen") and Path(frame.filename).parent != Path(__file__).parent
    ]
    theirs = [frame for frame in frames if "importlib" not in Path(frame.filename).parts]
    return _place(theirs[-1].filename, theirs[-1].lineno) if theirs else ""


def _place(file: str, line: int | None) -> str:
    return f"{Path(file).name}:{line}" if line else Path(file).name


def called(value: object) -> str:
    """An object as a sentence names it: ``a str``, ``an int``."""
    kind = type(value).__name__
    return f"an {kind}" if kind[0] in "aeiouAEIOU" else f"a {kind}"
