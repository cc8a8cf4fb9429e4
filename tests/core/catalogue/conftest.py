"""Distributions made for one test: real folders with metadata, beside one that is in order."""

from __future__ import annotations

import importlib.metadata
import itertools
import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from auscult import Catalogue, Problem

FINE = '''
from auscult import Check, Reading, hookimpl


class FineCheck(Check):
    """It is there."""

    kind = "fine"

    async def probe(self, ctx):
        """Look once."""
        return Reading.healthy()


@hookimpl
def auscult_checks():
    return [FineCheck]
'''
_numbers = itertools.count()


class Zoo:
    """Fake distributions in a folder on the import path."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.add("fine", FINE)

    def add(
        self,
        name: str,
        source: str | None,
        *,
        distribution: str = "",
        version: str = "1.2",
        attribute: str = "",
        module: str = "",
    ) -> str:
        """A distribution ``auscult-NAME`` with one plugin; returns the module's name. Without source it has none."""
        module = module or f"zoo_{next(_numbers)}_{re.sub(r'[^a-z0-9]', '_', name)}"
        if source is not None:
            (self.path / f"{module}.py").write_text(textwrap.dedent(source))
        self.describe(distribution or f"auscult-{name}", version, [f"{name} = {module}{attribute}"])
        return module

    def describe(self, distribution: str, version: str, entry_points: list[str]) -> Path:
        """Only the metadata of a distribution."""
        folder = self.path / f"{distribution.replace('-', '_')}-{version}.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        (folder / "entry_points.txt").write_text("\n".join(["[auscult]", *entry_points, ""]))
        return folder

    def entry_points(self) -> list[importlib.metadata.EntryPoint]:
        """Those of the zoo alone."""
        found = importlib.metadata.distributions(path=[str(self.path)])
        return [entry for distribution in found for entry in distribution.entry_points]

    def catalogue(self, *local: str, bundled: bool = False) -> Catalogue:
        """What is found in the zoo, and beside it what `auscult` itself brings when `bundled` is set."""
        entries = self.entry_points()
        if bundled:
            entries += importlib.metadata.distribution("auscult").entry_points.select(group="auscult")
        return Catalogue.discover(local, base=self.path, entry_points=entries)

    def problem(self, name: str, **options: bool) -> Problem:
        """The one problem of that plugin, after everybody else was found unharmed."""
        (problem,) = self.problems(name, **options)
        return problem

    def problems(self, name: str, **options: bool) -> list[Problem]:
        """The problems of that plugin, after everybody else was found unharmed; it is listed whatever it did."""
        catalogue = self.catalogue(**options)
        assert unharmed(catalogue)
        (listed,) = [info for info in catalogue.plugins if info.name == name]
        found = [problem for problem in catalogue.problems if problem.plugin == name]
        assert not listed.ok or not found
        assert found == catalogue.problems, "somebody else got a problem of it"
        for problem in found:
            assert (problem.distribution, problem.version) == (listed.distribution, listed.version)
            assert problem.remedy
        return found


def unharmed(catalogue: Catalogue) -> bool:
    """Whether the plugin that does everything right is there as if it were alone."""
    (fine,) = [info for info in catalogue.plugins if info.name == "fine"]
    return fine.ok and fine.kinds == {"checks": ("fine",)} and catalogue.check("fine").__name__ == "FineCheck"


@pytest.fixture
def zoo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Zoo]:
    """An empty zoo but for the one that is fine; what it imported is forgotten afterwards."""
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    yield Zoo(tmp_path)
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "") or "").startswith(str(tmp_path)):
            del sys.modules[name]
