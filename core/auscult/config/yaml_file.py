"""YAML as a second spelling of the same schema, with lines, and nothing that can run code or eat memory."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from auscult.config.document import MAX_DEPTH, Document, KeyPath, dotted, too_deep
from auscult.errors import ConfigurationError, Finding

__all__ = ["parse"]

MAX_VALUES = 1_000_000
"""Values a file may have once its aliases are followed (a few lines of aliases can stand for billions)."""

_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|%[^ ]+")


class _Loader(_Base):  # type: ignore[misc]
    """PyYAML's safe loader without dates and without ``10:30`` as a number in base 60: both stay text."""


def _without_surprises() -> dict[str, list[tuple[str, re.Pattern[str]]]]:
    return {
        first: [
            (
                tag,
                re.compile("(?!.*:)" + pattern.pattern, pattern.flags) if tag.endswith((":int", ":float")) else pattern,
            )
            for tag, pattern in rules
            if not tag.endswith(":timestamp")
        ]
        for first, rules in _Base.yaml_implicit_resolvers.items()
    }


_Loader.yaml_implicit_resolvers = _without_surprises()


def parse(text: str, path: Path) -> Document:
    """The document in `text`. Raises ConfigurationError, with every duplicate key."""
    try:
        _refuse_depth(text)
        loader = _Loader(text)
        try:
            return _build(loader, path)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _failed(path, _sentence(error), mark.line + 1 if mark else None) from None
    except yaml.YAMLError as error:
        raise _failed(path, f"is not valid YAML: {_words(error)}") from None
    except _RefusedError as error:
        raise _failed(path, str(error), error.line) from None


class _RefusedError(Exception):
    def __init__(self, message: str, line: int | None = None) -> None:
        self.line = line
        super().__init__(message)


def _sentence(error: yaml.MarkedYAMLError) -> str:
    if "nesting depth" in str(error.problem):  # newer releases of PyYAML notice it while they scan
        return f"has more than {MAX_DEPTH} tables or lists inside each other"
    return f"is not valid YAML: {_words(error)}"


def _words(error: yaml.YAMLError) -> str:
    """What is wrong, without the pieces of the file that PyYAML quotes: they may be secrets."""
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be understood"
    context = getattr(error, "context", None)
    text = f"{problem}, {context}" if context else str(problem)
    return _QUOTED.sub(lambda match: match[0] if len(match[0]) <= 5 else "it", text)


def _refuse_depth(text: str) -> None:
    """Composing nodes recurses in C: depth is counted on the flat stream of events first."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            line = event.start_mark.line + 1 if event.start_mark else None
            raise _RefusedError(f"has more than {MAX_DEPTH} tables or lists inside each other", line)


def _build(loader: Any, path: Path) -> Document:
    root = loader.get_single_node()
    if root is None or (isinstance(root, yaml.ScalarNode) and root.tag.endswith(":null")):
        return Document({}, path, dict)
    if not isinstance(root, yaml.MappingNode):
        raise _RefusedError("holds no table: expected keys such as `components:`", root.start_mark.line + 1)
    _refuse_size(root)
    findings, lines = _look_over(root, path)
    if findings:
        raise ConfigurationError(findings)
    try:
        data = loader.construct_document(root)
    except yaml.YAMLError:
        raise
    except Exception as error:  # PyYAML lets whatever int(), float() and its own helpers raise escape
        raise _RefusedError(f"is not valid YAML: a value does not fit its tag ({type(error).__name__})") from None
    if too_deep(data):
        raise _RefusedError(f"has more than {MAX_DEPTH} tables or lists inside each other")
    return Document(data, path, lambda: lines)


def _children(node: Any) -> Iterator[Any]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield key
            yield value
    elif isinstance(node, yaml.SequenceNode):
        yield from node.value


def _refuse_size(root: Any) -> None:
    """Count values as if every alias were written out; an alias to what contains it has no end at all."""
    sizes: dict[int, int] = {}

    def size(node: Any, depth: int) -> int:
        if (known := sizes.get(id(node))) is not None:
            if known < 0:
                raise _RefusedError("contains an alias of itself", node.start_mark.line + 1)
            return known
        if depth > MAX_DEPTH:
            raise _RefusedError(
                f"has more than {MAX_DEPTH} tables or lists inside each other", node.start_mark.line + 1
            )
        sizes[id(node)] = -1
        total = 1 + sum(size(child, depth + 1) for child in _children(node))
        if total > MAX_VALUES:
            raise _RefusedError(f"stands for more than {MAX_VALUES:,} values once its aliases are followed")
        sizes[id(node)] = total
        return total

    size(root, 0)


def _look_over(root: Any, file: Path) -> tuple[list[Finding], dict[KeyPath, int]]:
    """Every key's line; keys given twice and keys that are not text as findings."""
    findings: list[Finding] = []
    lines: dict[KeyPath, int] = {}
    stack: list[tuple[Any, KeyPath]] = [(root, ())]
    while stack:
        node, path = stack.pop()
        if isinstance(node, yaml.SequenceNode):
            for number, child in enumerate(node.value):
                lines[*path, number] = child.start_mark.line + 1
                stack.append((child, (*path, number)))
        elif isinstance(node, yaml.MappingNode):
            stack.extend(_keys(node, path, lines, findings, str(file)))
    findings.sort(key=lambda finding: finding.line or 0)
    return findings, lines


def _keys(
    node: Any, path: KeyPath, lines: dict[KeyPath, int], findings: list[Finding], file: str
) -> Iterator[tuple[Any, KeyPath]]:
    seen: dict[str, int] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        if key.tag.endswith(":merge"):
            yield value, path
            continue
        if not (isinstance(key, yaml.ScalarNode) and key.tag.endswith(":str")):
            message = "a key that is not text; put it in quotes"
            findings.append(Finding(key=dotted(path), message=message, file=file, line=line))
            continue
        here = (*path, key.value)
        if key.value in seen:
            message = f"given twice, first in line {seen[key.value]}"
            findings.append(Finding(key=dotted(here), message=message, file=file, line=line))
        seen.setdefault(key.value, line)
        lines.setdefault(here, line)
        yield value, here


def _failed(path: Path, message: str, line: int | None = None) -> ConfigurationError:
    return ConfigurationError([Finding(key="", message=message, file=str(path), line=line)])
