"""Collects findings, and knows for every key path where its value came from."""

from __future__ import annotations

from collections.abc import Mapping

from auscult.config.document import Document, KeyPath, dotted
from auscult.errors import Finding

__all__ = ["COMMAND_LINE", "Report"]

COMMAND_LINE = "on the command line"
"""The origin of what no file and no variable says."""


class Report:
    """The findings of one document and of what the environment and the command line add to it."""

    def __init__(self, document: Document, origins: Mapping[KeyPath, str] | None = None) -> None:
        self._document = document
        self.origins: Mapping[KeyPath, str] = origins if origins is not None else {}
        self.told = 0
        """How often something was told, repetitions included."""
        self._told: set[tuple[KeyPath, str]] = set()
        self.findings: list[Finding] = []

    def add(self, path: KeyPath, message: str, *, fatal: bool = True) -> None:
        """One more finding: `path` says where, `message` what."""
        self.told += 1
        if (path, message) in self._told:
            return
        self._told.add((path, message))
        origin = self._origin(path)
        if origin is not None:
            self.findings.append(Finding(key=_from(origin, path), message=message, fatal=fatal))
            return
        file = str(self._document.file) if self._document.file is not None else ""
        line = self._document.line(path) if file else None
        self.findings.append(Finding(key=dotted(path), message=message, file=file, line=line, fatal=fatal))

    def _origin(self, path: KeyPath) -> str | None:
        for end in range(len(path), 0, -1):
            if (origin := self.origins.get(path[:end])) is not None:
                return origin
        return None

    @property
    def failed(self) -> bool:
        """Whether any finding is fatal."""
        return any(finding.fatal for finding in self.findings)

    def sorted(self) -> list[Finding]:
        """The findings in the order of the file, those from elsewhere first."""
        return sorted(self.findings, key=lambda finding: (finding.file, finding.line or 0))


def _from(origin: str, path: KeyPath) -> str:
    return f"{dotted(path)} ({origin})" if origin == COMMAND_LINE else origin
