"""The text of a condition into a tree, within limits that no text can break.

Python's own parser reads it, after everything that could trouble that parser has been refused; what of Python's
expressions a condition may hold is decided in `translate`.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator

__all__ = ["MAX_DEPTH", "MAX_LENGTH", "MAX_NODES", "ConditionError", "Source", "parse"]

MAX_LENGTH = 1000
MAX_NODES = 200
MAX_DEPTH = 50

_TOKEN = re.compile(
    r"""(?P<triple>\"{3}|'{3})|(?P<text>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|(?P<open>[([{])|(?P<close>[)\]}])|(?P<other>[#\\`$?]|&&?|\|\|?|!(?!=)|(?<![=!<>:])=(?!=)|:=|;|"|')""",
    re.DOTALL,
)
_REFUSED = {
    "&&": "write `and` instead of `&&`",
    "||": "write `or` instead of `||`",
    "&": "write `and` instead of `&`",
    "|": "write `or` instead of `|`",
    "!": "write `not` instead of `!`",
    "=": "write `==` to compare",
    ":=": "a condition cannot give names to values",
    "#": "a condition cannot hold a comment",
    ";": "a condition is one expression, without `;`",
    "\\": "a backslash can only stand in text",
    "$": "names stand without `$`",
    '"': "the text that starts here does not end",
    "'": "the text that starts here does not end",
}


class ConditionError(ValueError):
    """A condition that cannot be used: one sentence, with the column where it helps."""

    def __init__(self, message: str, column: int | None = None) -> None:
        self.column = column
        super().__init__(message if column is None else f"{message} (column {column})")


class Source:
    """The text of a condition, and its tree."""

    def __init__(self, text: str, tree: ast.expr) -> None:
        self.text = text
        self.tree = tree
        self._bytes = text.encode()

    def column(self, node: ast.expr) -> int:
        """Where `node` starts, from 1."""
        return len(self._bytes[: node.col_offset].decode(errors="ignore")) + 1

    def error(self, node: ast.expr, message: str) -> ConditionError:
        """A ConditionError at `node`."""
        return ConditionError(message, self.column(node))

    def piece(self, node: ast.expr) -> str:
        """What stands at `node`, shortened."""
        found = self._bytes[node.col_offset : node.end_col_offset].decode(errors="ignore")
        return found if len(found) <= 40 else found[:39] + "…"


def parse(text: str) -> Source:
    """The tree of a condition. Raises ConditionError."""
    if not isinstance(text, str):
        raise ConditionError(f"expected a condition as text, not {type(text).__name__}")
    if len(text) > MAX_LENGTH:
        raise ConditionError(f"has {len(text)} characters; a condition has at most {MAX_LENGTH}")
    stripped = re.sub(r"\s", " ", text)
    if not stripped.strip():
        raise ConditionError("the condition is empty")
    if bad := re.search(r"[\x00-\x1f\x7f\ud800-\udfff]", stripped):
        raise ConditionError(f"the character U+{ord(bad[0]):04X} cannot stand in a condition", bad.start() + 1)
    _scan(stripped)
    indent = len(stripped) - len(stripped.lstrip())
    source = Source(stripped, _tree(stripped.lstrip(), indent))
    _measure(source)
    return source


def _scan(text: str) -> None:
    """Refuse what Python's parser need not see, in better words than its own."""
    depth = 0
    for token in _TOKEN.finditer(text):
        column = token.start() + 1
        if token["triple"]:
            raise ConditionError("text stands in single or double quotes, once on each side", column)
        if token["open"]:
            depth += 1
            if depth > MAX_DEPTH:
                raise ConditionError(f"has more than {MAX_DEPTH} brackets inside each other", column)
        elif token["close"]:
            depth -= 1
            if depth < 0:
                raise ConditionError(f"`{token[0]}` closes nothing", column)
        elif token["other"]:
            raise ConditionError(_REFUSED.get(token[0], f"`{token[0]}` cannot stand in a condition"), column)


def _tree(text: str, indent: int) -> ast.expr:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # doubtful spellings such as `1if` are the parser's own business
            tree = ast.parse(text, mode="eval").body
    except SyntaxError as error:
        raise ConditionError(_in_words(error), (error.offset or 1) + indent) from None
    except (ValueError, MemoryError, RecursionError):
        raise ConditionError(
            "cannot be read as a condition: it is nested too deeply, or has a strange number"
        ) from None
    for node in _nodes(tree):
        node.col_offset += indent
        node.end_col_offset = (node.end_col_offset or 0) + indent
    return tree


def _in_words(error: SyntaxError) -> str:
    what = (error.msg or "").split(". ", maxsplit=1)[0]
    if what.startswith(("'(' was never closed", "'[' was never closed", "'{' was never closed")):
        return f"the bracket `{what[1]}` is never closed"
    if what.startswith(("invalid decimal", "invalid hexadecimal", "invalid octal", "invalid binary", "leading zeros")):
        return f"not a number: {what}"
    return "cannot be read as a condition such as `response_time_ms > 500 and status == 'degraded'`"


def _nodes(tree: ast.expr) -> Iterator[ast.expr]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.expr))


def _measure(source: Source) -> None:
    level, count = [source.tree], 0
    for _ in range(MAX_DEPTH):
        count += len(level)
        if count > MAX_NODES:
            raise ConditionError(f"has more than {MAX_NODES} parts; split it into several rules")
        level = [child for node in level for child in _children(node)]
        if not level:
            return
    raise ConditionError(f"is nested more than {MAX_DEPTH} deep")


def _children(node: ast.AST) -> Iterator[ast.expr]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            yield child
        else:  # comprehensions, arguments and the like hold expressions of their own
            yield from _children(child)
