"""Kinds whose packages are missing stay listed, with the command that mends it; nothing is imported to find out."""

from __future__ import annotations

import subprocess
import sys

import pytest

from auscult import MissingDependency
from auscult.catalogue.requirements import absent, install_command, is_importable


def needing(requires: str, may_require: str = "{}") -> str:
    """A plugin whose check needs something."""
    return f'''
from auscult import Check, Reading, hookimpl

class NeedyCheck(Check):
    """It needs something."""
    kind = "needy"
    requires = {requires}
    may_require = {may_require}
    async def probe(self, ctx):
        return Reading.healthy()

@hookimpl
def auscult_checks():
    return [NeedyCheck]
'''


@pytest.mark.parametrize(
    ("requires", "command"),
    [
        ('{"zoo_driver": "driver"}', "pip install 'auscult-needy[driver]'"),
        ('{"zoo_driver": "driver", "zoo_other": "other"}', "pip install 'auscult-needy[driver,other]'"),
        ('{"zoo_driver": "driver", "zoo_driver.sub": "driver"}', "pip install 'auscult-needy[driver]'"),
        ('{"zoo_driver.sub": ""}', "pip install zoo_driver"),
        ('{"json": "json", "zoo_driver": "driver"}', "pip install 'auscult-needy[driver]'"),
    ],
)
def test_a_missing_package(zoo, requires, command):
    """Listed as unavailable and in order; the kind is found, and using it says what to run."""
    zoo.add("needy", needing(requires))
    assert zoo.problems("needy") == []
    catalogue = zoo.catalogue()
    (info,) = [info for info in catalogue.plugins if info.name == "needy"]
    assert info.missing == (command,)
    assert info.kinds == {"checks": ("needy",)}
    with pytest.raises(MissingDependency) as caught:
        catalogue.check("needy")
    assert caught.value.remedy == command
    assert str(caught.value).endswith(f"run: {command}")
    assert isinstance(caught.value, ImportError)


def test_what_only_some_options_need(zoo):
    """The kind works without; the list says what more there is."""
    zoo.add("needy", needing("{}", '{"zoo_driver": "driver"}'))
    catalogue = zoo.catalogue()
    (info,) = [info for info in catalogue.plugins if info.name == "needy"]
    assert info.missing == ()
    assert info.optional == ("pip install 'auscult-needy[driver]'",)
    assert catalogue.check("needy")


def test_a_local_file_has_no_extras(zoo):
    """It names the package instead, or nothing where the import's name says it."""
    (zoo.path / "mine.py").write_text(needing('{"zoo_driver": "driver-from-the-zoo", "zoo_other.sub": ""}'))
    catalogue = zoo.catalogue("./mine.py")
    assert catalogue.plugins[-1].missing == ("pip install zoo_other driver-from-the-zoo",)


def test_what_is_installed():
    """Modules, submodules, namespace packages; nothing is missing of nothing."""
    assert absent({"json": "", "json.decoder": "", "xml.etree.ElementTree": ""}) == {}
    assert absent({"zoo_nothing": "a", "json.nothing": "b", "sys.nothing": "c"}) == {
        "zoo_nothing": "a",
        "json.nothing": "b",
        "sys.nothing": "c",
    }
    assert install_command({"a": "x", "b.c": "", "d": "x"}, "auscult") == "pip install 'auscult[x]' b"


def test_a_package_made_unimportable(monkeypatch):
    """As tests and embedders do it, with None among the modules."""
    monkeypatch.setitem(sys.modules, "json", None)
    assert not is_importable("json")


def test_a_finder_that_raises(monkeypatch):
    """Somebody's import hook cannot make the catalogue fail."""

    class Broken:
        def find_spec(self, *_):
            raise SystemExit(3)

    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    assert is_importable("colorsys")
    assert not is_importable("zoo_nothing")


def test_no_driver_is_imported_to_find_out():
    """Building the catalogue imports every plugin and none of their drivers."""
    script = (
        "import sys; from auscult import Catalogue; catalogue = Catalogue.discover(); catalogue.plugins\n"
        "drivers = {'psycopg', 'aiomysql', 'pymysql', 'redis', 'dns', 'httpx', 'litestar', 'uvicorn'}\n"
        "sys.exit(', '.join(sorted(drivers & set(sys.modules))) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, f"imported: {done.stderr}"
