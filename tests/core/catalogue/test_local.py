"""Plugins without packaging: files, folders and modules named under `plugins`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.need import program

from auscult import Catalogue

OWN = '''
from auscult import Check, Reading, hookimpl

class OwnCheck(Check):
    """It is there."""
    kind = "{kind}"
    async def probe(self, ctx):
        return Reading.healthy()

@hookimpl
def auscult_checks():
    return [OwnCheck]
'''


@pytest.fixture(autouse=True)
def _forget(monkeypatch):
    """What a test puts on the import path or among the modules is gone after it."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.startswith(("auscult_local_", "zoo_")):
            del sys.modules[name]


def write(path: Path, kind: str = "own", more: str = "") -> Path:
    """A plugin that offers one check."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(OWN.format(kind=kind) + more)
    return path


def discover(base: Path, *entries: str) -> Catalogue:
    """Only local plugins."""
    return Catalogue.discover(entries, base=base, entry_points=[])


def problem(base: Path, *entries: str) -> tuple[str, str]:
    """Message and remedy of the only problem, which is an import's."""
    (found,) = discover(base, *entries).problems
    assert found.stage == "import"
    return found.message, found.remedy


def test_a_file(tmp_path):
    """Relative to the configuration, named after itself, in no distribution."""
    write(tmp_path / "my_checks.py")
    catalogue = discover(tmp_path, "./my_checks.py")
    assert catalogue.problems == []
    (info,) = catalogue.plugins
    assert (info.name, info.distribution, info.module) == ("my_checks", "", str(tmp_path / "my_checks.py"))
    assert catalogue.check("own") is catalogue.check("my_checks/own")


@pytest.mark.parametrize("entry", ["my checks-2.py", "./sub/../my checks-2.py", "{base}/my checks-2.py"])
def test_any_path_will_do(tmp_path, entry):
    """Names that are no identifiers, detours, absolute paths."""
    write(tmp_path / "my checks-2.py")
    assert "own" in discover(tmp_path, entry.format(base=tmp_path)).checks


def test_a_path_in_the_home_directory(tmp_path, monkeypatch):
    """With ``~``, as people write it."""
    monkeypatch.setenv("HOME", str(tmp_path))
    write(tmp_path / "checks.py")
    assert "own" in discover(Path("/"), "~/checks.py").checks


def test_a_folder(tmp_path):
    """A package whose modules import one another."""
    write(tmp_path / "mine" / "queue.py")
    (tmp_path / "mine" / "__init__.py").write_text("from .queue import auscult_checks")
    catalogue = discover(tmp_path, "./mine")
    assert catalogue.problems == []
    assert "own" in catalogue.checks
    assert "queue" in sys.modules, "the standard library's module of that name is still itself"
    assert "own" in discover(tmp_path, "./mine/").checks


def test_a_folder_that_is_no_package(tmp_path):
    """What is missing is named."""
    (tmp_path / "mine").mkdir()
    message, _ = problem(tmp_path, "./mine")
    assert message == f"there is no file {tmp_path / 'mine' / '__init__.py'}"


def test_a_module_by_its_name(tmp_path, monkeypatch):
    """Whatever Python can import."""
    monkeypatch.syspath_prepend(str(tmp_path))
    write(tmp_path / "zoo_installed" / "checks.py")
    catalogue = discover(tmp_path, "zoo_installed.checks")
    assert catalogue.problems == []
    assert catalogue.check("zoo_installed.checks/own")


def test_a_package_beside_the_configuration_by_its_name(tmp_path):
    """It need not be on the import path."""
    write(tmp_path / "zoo_beside" / "checks.py")
    (tmp_path / "zoo_beside" / "__init__.py").write_text("")
    assert "own" in discover(tmp_path, "zoo_beside.checks").checks


@pytest.mark.parametrize(
    "make",
    [lambda path: path.write_text("raise BaseException('on purpose')"), lambda path: path.write_text("def broken(:")],
    ids=["raises", "syntax"],
)
def test_a_file_that_cannot_be_imported(tmp_path, make):
    """Said with its line; the other local plugin is there."""
    make(tmp_path / "bad.py")
    write(tmp_path / "good.py")
    catalogue = discover(tmp_path, "./bad.py", "./good.py")
    (found,) = catalogue.problems
    assert "(bad.py:1)" in found.message
    assert found.remedy == f"mend {tmp_path / 'bad.py'}, or take it out of `plugins` in the configuration"
    assert "own" in catalogue.checks
    assert not any(name.startswith("auscult_local_bad") for name in sys.modules)


def test_an_absent_file_is_answered_with_the_nearest(tmp_path):
    """And with the folder that paths are relative to."""
    write(tmp_path / "my_checks.py")
    message, remedy = problem(tmp_path, "./my_cheks.py")
    assert message == f"there is no file {tmp_path / 'my_cheks.py'}"
    assert remedy == (
        f"correct the entry under `plugins`; paths are relative to {tmp_path}; did you mean `./my_checks.py`?"
    )


def test_an_absent_file_in_a_subfolder_is_answered_with_its_path(tmp_path):
    """As it has to be written, so that it can be copied."""
    write(tmp_path / "sub" / "my_checks.py")
    assert problem(tmp_path, "./sub/my_cheks.py")[1].endswith("did you mean `./sub/my_checks.py`?")


def test_a_file_that_was_written_as_a_module(tmp_path):
    """A common slip, with what to write."""
    write(tmp_path / "my_checks.py")
    message, remedy = problem(tmp_path, "my_checks")
    assert message == "there is no module `my_checks`"
    assert remedy == 'did you mean the file? write "./my_checks.py"'


@pytest.mark.parametrize("entry", ["my checks", "", "a..b", "redis://x".replace("/", ""), "3"])
def test_an_entry_that_is_neither(tmp_path, entry):
    """Neither a path nor a module's name."""
    message, remedy = problem(tmp_path, entry)
    assert message == f"{entry!r} is neither a path nor the dotted name of a module"
    assert remedy == 'write "./my_checks.py" for a file, or "package.module" for a module'


def test_a_file_that_imports_its_neighbour(tmp_path):
    """The neighbour is on no import path; the way out is a folder."""
    (tmp_path / "zoo_helper.py").write_text("")
    write(tmp_path / "bad.py", more="\nimport zoo_helper\n")
    message, remedy = problem(tmp_path, "./bad.py")
    assert message == "it imports `zoo_helper`, which lies beside it but is on no import path"
    assert remedy == "make one folder of both files, import `.zoo_helper`, and list the folder under `plugins`"


def test_a_file_that_needs_a_package(tmp_path):
    """The command that brings it."""
    write(tmp_path / "bad.py", more="\nimport zoo_package_nobody_has.sub\n")
    message, remedy = problem(tmp_path, "./bad.py")
    assert "it needs the package `zoo_package_nobody_has`" in message
    assert remedy.startswith("pip install zoo_package_nobody_has")


def test_a_file_that_may_not_be_read(tmp_path):
    """Said as what it is."""
    write(tmp_path / "bad.py").chmod(0)
    (tmp_path / "auscult.toml").write_text('plugins = ["./bad.py"]\n')
    command = [sys.executable, "-m", "auscult", "plugins"]
    if os.geteuid() == 0:  # who may read everything otherwise
        program("setpriv", "util-linux")
        command = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search", *command]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert "PermissionError" in said.stdout + said.stderr


def test_two_files_of_one_name(tmp_path):
    """Both work; the second is called by its path."""
    write(tmp_path / "a" / "checks.py", "red")
    write(tmp_path / "b" / "checks.py", "blue")
    catalogue = discover(tmp_path, "./a/checks.py", "./b/checks.py")
    assert catalogue.problems == []
    assert sorted(catalogue.checks) == ["blue", "red"]
    assert [info.name for info in catalogue.plugins] == ["checks", "./b/checks.py"]


def test_one_file_written_twice(tmp_path):
    """In two spellings: it is one plugin."""
    write(tmp_path / "checks.py")
    catalogue = discover(tmp_path, "./checks.py", "checks.py", "./checks.py")
    assert catalogue.problems == []
    assert len(catalogue.plugins) == 1


def test_a_local_check_has_the_name_of_a_bundled_one(tmp_path):
    """The bundled one keeps the short name; the file's is qualified by its name."""
    write(tmp_path / "mine.py", "http")
    catalogue = Catalogue.discover(["./mine.py"], base=tmp_path)
    assert catalogue.check("http").__module__.startswith("auscult_plugins.")
    assert catalogue.check("mine/http").__name__ == "OwnCheck"


# Reloading


def test_an_unchanged_file_is_not_executed_again(tmp_path):
    """Objects made from its classes stay instances of them."""
    write(tmp_path / "checks.py", more="\nprint('executed')\n")
    first = discover(tmp_path, "./checks.py").check("own")
    assert discover(tmp_path, "./checks.py").check("own") is first


def test_a_changed_file_is_executed_again(tmp_path):
    """Within the same second and of the same length as well, and without byte code in the way."""
    file = write(tmp_path / "checks.py", "abc")
    assert list(discover(tmp_path, "./checks.py").checks) == ["abc"]
    write(file, "xyz")
    assert list(discover(tmp_path, "./checks.py").checks) == ["xyz"]
    assert list(tmp_path.rglob("__pycache__")) == []


def test_a_changed_module_of_a_folder_is_executed_again(tmp_path, monkeypatch):
    """The whole folder counts as one, within the same second as well."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    write(tmp_path / "mine" / "queue.py", "abc")
    (tmp_path / "mine" / "__init__.py").write_text("from .queue import auscult_checks")
    assert list(discover(tmp_path, "./mine").checks) == ["abc"]
    write(tmp_path / "mine" / "queue.py", "xyz")
    assert list(discover(tmp_path, "./mine").checks) == ["xyz"]
    assert not sys.dont_write_bytecode


def test_a_file_broken_by_a_change_leaves_what_runs_alone(tmp_path):
    """A bad edit is a problem of the new catalogue; classes of the old one work on, and mending it is enough."""
    file = write(tmp_path / "checks.py", "abc")
    old = discover(tmp_path, "./checks.py").check("abc")
    module = sys.modules[old.__module__]
    file.write_text("def broken(:")
    assert "(checks.py:1)" in problem(tmp_path, "./checks.py")[0]
    assert sys.modules[old.__module__] is module
    write(file, "xyz")
    assert list(discover(tmp_path, "./checks.py").checks) == ["xyz"]
