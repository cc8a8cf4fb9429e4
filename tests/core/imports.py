"""Which module imports which, read from the sources without importing anything."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Import", "imports_of", "sources"]

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Import:
    """One import that happens at run time, at the top of a module or inside a function."""

    file: Path
    line: int
    module: str
    """What is imported: a module's dotted name, with the name taken from it where that may be a module, too."""

    def __str__(self) -> str:
        return f"{self.file.relative_to(ROOT)}:{self.line} imports {self.module}"


def sources(folder: Path) -> list[Path]:
    """Every source file in `folder`."""
    return sorted(file for file in folder.rglob("*.py") if "__pycache__" not in file.parts)


def imports_of(file: Path) -> Iterator[Import]:
    """What `file` imports; what only a type checker sees is left out."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    unseen = {id(node) for branch in ast.walk(tree) if _for_checkers(branch) for node in ast.walk(branch)}
    for node in ast.walk(tree):
        if id(node) in unseen:
            continue
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(file, node.lineno, alias.name)
        elif isinstance(node, ast.ImportFrom):
            home = f"{_package(file, node.level)}{node.module or ''}"
            for alias in node.names:
                yield Import(file, node.lineno, f"{home}.{alias.name}")


def _for_checkers(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)


def _package(file: Path, level: int) -> str:
    """What the dots of a relative import stand for."""
    if not level:
        return ""
    parts = list(file.with_suffix("").parts)
    top = max(index for index, part in enumerate(parts) if part in ("auscult", "auscult_plugins"))
    return ".".join(parts[top : len(parts) - level]) + "."
