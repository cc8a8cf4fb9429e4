"""The string below a field is its documentation: read from the class's source, once per class."""

from __future__ import annotations

import ast
import inspect
import textwrap
from functools import cache
from itertools import pairwise

from msgspec import Struct

__all__ = ["field_docs", "summary"]


@cache
def field_docs(kind: type[Struct]) -> dict[str, str]:
    """Field name to documentation, inherited fields included; fields without any are left out."""
    docs: dict[str, str] = {}
    for cls in reversed(kind.__mro__):
        docs |= _own_docs(cls)
    return {name: docs[name] for name in kind.__struct_fields__ if name in docs}


def _own_docs(cls: type) -> dict[str, str]:
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
    except (OSError, TypeError, SyntaxError):  # made in a shell, or shipped without sources
        return {}
    body = tree.body[0].body if tree.body and isinstance(tree.body[0], ast.ClassDef) else []
    return {
        field.target.id: _one_line(text.value.value)
        for field, text in pairwise(body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }


def summary(cls: type) -> str:
    """The first paragraph of the class's docstring as one line; empty where it has none of its own."""
    text = cls.__dict__.get("__doc__") or ""
    return _one_line(inspect.cleandoc(text).split("\n\n")[0])


def _one_line(text: str) -> str:
    return " ".join(text.replace("``", "`").split())
