"""Names that several want: nothing is lost, the bundled one keeps the short name, and nothing depends on the order."""

from __future__ import annotations

import pytest

from auscult import UnknownKind
from auscult.errors import AmbiguousKind


def offering(kind: str, name: str = "OtherCheck") -> str:
    """A plugin with one check of that kind."""
    return f'''
from auscult import Check, Reading, hookimpl

class {name}(Check):
    """It is there."""
    kind = "{kind}"
    async def probe(self, ctx):
        return Reading.healthy()

@hookimpl
def auscult_checks():
    return [{name}]
'''


# Kinds


def test_a_stranger_cannot_take_a_bundled_kind(zoo):
    """Installing a plugin never changes what a configuration means; the newcomer has its qualified name."""
    zoo.add("web", offering("http"))
    catalogue = zoo.catalogue(bundled=True)
    assert catalogue.check("http").__module__.startswith("auscult_plugins.")
    assert catalogue.check("auscult/http") is catalogue.check("http")
    assert catalogue.check("auscult-web/http").__name__ == "OtherCheck"
    (problem,) = catalogue.problems
    assert (problem.plugin, problem.distribution, problem.stage) == ("web", "auscult-web", "kind")
    assert problem.message.startswith("the check kind `http` is also offered by auscult ")
    assert problem.message.endswith("this one is kept as `auscult-web/http`")
    assert problem.remedy == 'write check = "auscult-web/http" to use it, or give it a kind of its own'
    assert list(catalogue.checks).count("http") == 1
    assert "auscult-web/http" in list(catalogue.checks)
    assert len(catalogue.checks) == len(list(catalogue.checks)) == len({id(c) for c in catalogue.checks.values()})


@pytest.mark.parametrize("order", [("red", "blue"), ("blue", "red")])
def test_between_strangers_the_short_name_is_refused(zoo, order):
    """Whichever was installed first; the error says what to write instead."""
    for name in order:
        zoo.add(name, offering("pager"))
    catalogue = zoo.catalogue()
    with pytest.raises(AmbiguousKind) as caught:
        catalogue.check("pager")
    assert str(caught.value) == (
        "Several installed plugins offer the check `pager`; write `auscult-blue/pager` or `auscult-red/pager`"
    )
    assert isinstance(caught.value, UnknownKind)
    assert catalogue.check("auscult-red/pager") is not catalogue.check("auscult-blue/pager")
    assert {(problem.plugin, problem.stage) for problem in catalogue.problems} == {("red", "kind"), ("blue", "kind")}
    kinds = {info.name: info.kinds for info in catalogue.plugins}
    assert kinds["red"] == {"checks": ("auscult-red/pager",)}


def test_any_kind_has_a_qualified_name(zoo):
    """Also one that nobody repeats, so that a configuration can be written for the day when somebody does."""
    catalogue = zoo.catalogue()
    assert catalogue.check("auscult-fine/fine") is catalogue.check("fine")
    assert list(catalogue.checks) == ["fine"]


def test_a_kind_repeated_within_one_distribution(zoo):
    """There is no qualified name to tell them apart: the first counts, and the second is told so."""
    zoo.add("one", offering("pager", "First"), distribution="auscult-both")
    module = zoo.add("two", offering("pager", "Second"), distribution="auscult-other")
    zoo.describe("auscult-twice", "1.0", [f"a = {module}", f"b = {zoo.add('three', offering('pager', 'Third'))}"])
    problem = next(p for p in zoo.catalogue().problems if p.plugin == "b")
    assert problem.message == (
        "`Third` repeats the check kind `pager` of `Second` in the plugin `a`; the first one counts"
    )
    assert problem.remedy == "give it a kind of its own"


def test_the_same_class_twice_is_harmless(zoo):
    """A list that repeats itself, or a hook that is imported into a second module."""
    zoo.add("pager", offering("pager").replace("return [OtherCheck]", "return [OtherCheck, OtherCheck]"))
    assert zoo.problems("pager") == []


def test_an_unknown_kind_is_answered_with_the_nearest(zoo):
    """As all wrong names are."""
    with pytest.raises(UnknownKind, match=r"No installed plugin offers the check `fin`; did you mean `fine`\?"):
        zoo.catalogue().check("fin")
    with pytest.raises(UnknownKind, match="No installed plugin offers the channel `fine`"):
        zoo.catalogue().channel("fine")


def test_a_refused_class_does_not_hold_its_kind(zoo):
    """One that cannot be used makes nobody ambiguous."""
    zoo.add("bad", offering("pager").replace("async def", "def"))
    zoo.add("good", offering("pager"))
    assert zoo.catalogue().check("pager").__module__.endswith("good")


def test_a_configuration_with_an_ambiguous_kind_says_so_at_its_line(zoo, tmp_path):
    """The finding names the file, the line and both ways to write it."""
    from auscult import ConfigurationError
    from auscult.config import load

    for name in ("red", "blue"):
        (tmp_path / f"{name}.py").write_text(offering("pager"))
    file = tmp_path / "auscult.toml"
    file.write_text('plugins = ["./red.py", "./blue.py"]\n[components.a]\ncheck = "pager"\n')
    with pytest.raises(ConfigurationError) as caught:
        load(file, environ={})
    (finding,) = caught.value.findings
    assert (finding.line, finding.key) == (3, "components.a.check")
    assert "`red/pager`" in finding.message
    assert "`blue/pager`" in finding.message
    file.write_text(file.read_text().replace('"pager"', '"blue/pager"'))
    settings, _ = load(file, environ={})
    assert type(settings.components["a"].check).__module__.startswith("auscult_local_blue")


# Entry points


def test_two_entry_points_of_one_name(zoo):
    """pluggy skips the second in silence; here both work, and both are told apart."""
    zoo.add("pager", offering("red"), distribution="auscult-red")
    zoo.add("pager", offering("blue"), distribution="auscult-blue")
    catalogue = zoo.catalogue()
    assert sorted(catalogue.checks) == ["blue", "fine", "red"]
    names = {info.name: info.distribution for info in catalogue.plugins}
    assert names["auscult-red:pager"] == "auscult-red"
    assert names["auscult-blue:pager"] == "auscult-blue"
    messages = {problem.plugin: problem.message for problem in catalogue.problems}
    assert messages["auscult-red:pager"] == (
        "several plugins are named `pager`: auscult-blue 1.2, auscult-red 1.2; this one is kept as `auscult-red:pager`"
    )


def test_a_stranger_named_as_a_bundled_plugin(zoo):
    """The bundled one keeps its name and has no problem."""
    zoo.add("redis", offering("my-redis"))
    catalogue = zoo.catalogue(bundled=True)
    assert [problem.plugin for problem in catalogue.problems] == ["auscult-redis:redis"]
    assert "my-redis" in catalogue.checks
    redis = next(info for info in catalogue.plugins if info.name == "redis")
    assert redis.ok
    assert redis.distribution == "auscult"


def test_one_name_twice_in_one_distribution(zoo):
    """Hatch refuses it, other tools write it; the same line twice is one plugin."""
    first, second = zoo.add("x", offering("red")), zoo.add("y", offering("blue"))
    zoo.describe("auscult-twice", "1.0", [f"pager = {first}", f"pager = {first}"])
    catalogue = zoo.catalogue()
    assert [info.name for info in catalogue.plugins].count("pager") == 1
    zoo.describe("auscult-thrice", "1.0", [f"drum = {first}", f"drum = {second}"])
    catalogue = zoo.catalogue()
    names = [info.name for info in catalogue.plugins]
    assert len(names) == len(set(names)), "two plugins of one name cannot be told apart"
    assert f"auscult-thrice:{second}" in names
    kinds = {info.name: info.kinds for info in catalogue.plugins}
    assert kinds[f"auscult-thrice:{second}"] == {"checks": ("auscult-thrice/blue",)}


def test_bundled_plugins_come_first_and_local_ones_last(zoo):
    """In an order that no installation changes."""
    zoo.add("aaa", offering("aaa"))
    (zoo.path / "mine.py").write_text(offering("mine"))
    catalogue = zoo.catalogue("./mine.py", bundled=True)
    distributions = [info.distribution for info in catalogue.plugins]
    assert distributions[-3:] == ["auscult-aaa", "auscult-fine", ""]
    assert set(distributions[:-3]) == {"auscult"}
