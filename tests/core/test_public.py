"""What `import auscult` gives, and what it costs."""

from __future__ import annotations

import ast
import importlib
import inspect
import subprocess
import sys
from itertools import pairwise

import pytest
from tests.core.imports import ROOT

import auscult
from auscult.errors import AuscultError

SOURCE = ast.parse((ROOT / "core" / "auscult" / "__init__.py").read_text(encoding="utf-8"))
HEAVY = (
    *("litestar", "httpx", "httpcore", "uvicorn", "httptools", "uvloop", "starlette", "sqlite3", "prometheus_client"),
    *("psycopg", "aiomysql", "pymysql", "redis", "dns", "psutil", "yaml", "trio", "pluggy", "click", "asyncio"),
)
"""Servers, clients, drivers, and what else only some need."""


def loaded_by(script: str) -> set[str]:
    """Those of `HEAVY` that a fresh interpreter has after `script`."""
    script += f"\nimport sys; print(*sorted(set({HEAVY!r}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    return set(done.stdout.split())


def test_import_is_light():
    """Neither a server nor a client nor a driver, nor what finds plugins."""
    assert loaded_by("import auscult") == set()


def test_what_a_plugin_imports_is_light():
    """A module with a check in it costs no HTTP client and no driver."""
    names = "Check, CheckContext, Discovered, Duration, Measurement, Preferences, Reading, SecretStr, Status"
    assert loaded_by(f"from auscult import {names}") <= {"asyncio"}


def test_what_a_monitor_imports_knows_no_server():
    """An agent that embeds a monitor needs neither Litestar nor a command line."""
    assert not loaded_by("from auscult import Monitor") & {"litestar", "uvicorn", "click", "starlette", "httpx"}


@pytest.mark.parametrize("name", auscult.__all__)
def test_every_public_name_resolves(name):
    """Lazily, and to the same object every time."""
    assert getattr(auscult, name) is getattr(auscult, name)
    assert name in dir(auscult)


@pytest.mark.parametrize("name", [name for name in auscult.__all__ if name != "__version__"])
def test_every_public_name_is_documented(name):
    """By a docstring of its own; a type alias by the string below it."""
    value = getattr(auscult, name)
    if inspect.isclass(value) or inspect.isfunction(value):
        assert vars(value).get("__doc__") if inspect.isclass(value) else value.__doc__, f"{name} has no docstring"
        return
    home = importlib.import_module(auscult._HOME_OF[name])
    assert name in documented_values(inspect.getsource(home)), f"{name} has no string below it"


def documented_values(source: str) -> set[str]:
    """Names that are assigned in `source` and followed by a string."""
    body = ast.parse(source).body
    return {
        target.id
        for assigned, text in pairwise(body)
        if isinstance(assigned, ast.Assign | ast.AnnAssign)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
        for target in (assigned.targets if isinstance(assigned, ast.Assign) else [assigned.target])
        if isinstance(target, ast.Name)
    }


@pytest.mark.parametrize("name", [name for name in auscult.__all__ if inspect.isclass(getattr(auscult, name))])
def test_every_public_method_is_documented(name):
    """Whoever embeds auscult or writes a plugin reads these."""
    kind = getattr(auscult, name)
    silent = [
        attribute
        for attribute, value in vars(kind).items()
        if not attribute.startswith("_")
        and (inspect.isfunction(value) or isinstance(value, property | classmethod | staticmethod))
        and not inspect.getdoc(getattr(value, "__func__", value))
    ]
    assert not silent


def test_type_checkers_see_what_the_interpreter_gives():
    """The block for them names each public name, from the same home."""
    (block,) = [node for node in SOURCE.body if isinstance(node, ast.If)]
    seen = {
        alias.asname: node.module
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname == alias.name
    }
    assert seen == auscult._HOME_OF


def test_star_import_works():
    """As shells and tutorials do it."""
    names: dict[str, object] = {}
    exec("from auscult import *", names)
    assert set(auscult.__all__) <= set(names)


def test_a_wrong_name_is_an_attribute_error():
    """So that `hasattr` and `from auscult import` behave as for any module."""
    assert not hasattr(auscult, "Chekc")
    with pytest.raises(ImportError):
        exec("from auscult import Chekc")


def test_errors_are_one_tree():
    """One `except AuscultError` is enough for everything raised on purpose."""
    from auscult import errors

    kinds = [value for name in errors.__all__ if inspect.isclass(value := getattr(errors, name))]
    raised = [kind for kind in kinds if issubclass(kind, BaseException)]
    assert len(raised) >= 10
    assert all(issubclass(kind, AuscultError) for kind in raised)


def test_a_library_says_nothing_of_its_own_accord():
    """Without a handler of the host's, warnings of ours reach nobody's terminal."""
    script = "import logging, auscult; logging.getLogger('auscult.runner').error('loud')"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout + done.stderr == ""
