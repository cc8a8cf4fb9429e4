"""Where the log of our own process goes. Only the command line configures handlers; the library never does."""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from auscult.options import scrub, secret_values

if TYPE_CHECKING:
    from auscult.config import Settings

__all__ = ["Confidential", "JsonLines", "set_up_logging"]


class Confidential:
    """What must not be printed: plugins log what they like, drivers print addresses, tracebacks quote values."""

    def __init__(self) -> None:
        self._secrets: tuple[str, ...] = ()

    def add(self, settings: Settings) -> None:
        """Whatever `settings` hold in secret from now on too; what an earlier configuration held stays hidden."""
        checks = [component.check for component in settings.components.values()]
        flows = [*settings.metrics.exporters.values(), *settings.metrics.sources.values()]
        structs = [*checks, *settings.alerting.channels.values(), *flows]
        found = {text for options in structs for text in secret_values(options)}
        found.update([repr(text)[1:-1] for text in found])  # as tracebacks quote it
        self._secrets = tuple(sorted(found.union(self._secrets), key=len, reverse=True))

    def clean(self, text: str) -> str:
        """`text` with ``***`` for each of them."""
        return scrub(text, self._secrets)


class _Text(logging.Formatter):
    def __init__(self, confidential: Confidential) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%H:%M:%S")
        self._confidential = confidential

    def format(self, record: logging.LogRecord) -> str:
        """A line for people, and the traceback where there is one."""
        return self._confidential.clean(super().format(record))


_USUAL = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
"""Attributes that every record has."""


class JsonLines(logging.Formatter):
    """Each record as a JSON object on a line."""

    def __init__(self, confidential: Confidential) -> None:
        super().__init__()
        self._confidential = confidential

    def format(self, record: logging.LogRecord) -> str:
        """One JSON object: time, level, logger, message, the record's own fields, the exception where there is one."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC)
            .isoformat(timespec="milliseconds")
            .replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self._confidential.clean(record.getMessage()),
        }
        for name, value in vars(record).items():
            if name not in _USUAL and name not in line:
                line[name] = self._cleaned(value)
        if record.exc_info:
            line["exception"] = self._confidential.clean(self.formatException(record.exc_info))
        return msgspec.json.encode(line).decode()

    def _cleaned(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {self._confidential.clean(str(name)): self._cleaned(item) for name, item in value.items()}
        if isinstance(value, list | tuple):
            return [self._cleaned(item) for item in value]
        return value if isinstance(value, bool | int | float | None) else self._confidential.clean(str(value))


def set_up_logging(level: str = "info", form: str = "text") -> Confidential:
    """Print ``auscult.*`` from `level` on to standard error, as ``text`` or ``json`` lines; gives what to hide."""
    confidential = Confidential()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines(confidential) if form == "json" else _Text(confidential))
    logger = logging.getLogger("auscult")
    logger.handlers = [handler]
    logger.propagate = False
    logger.setLevel(level.upper())
    return confidential
