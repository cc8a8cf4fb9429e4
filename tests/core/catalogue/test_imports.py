"""Plugins that cannot be imported: each is listed with its distribution, version and a remedy; nobody else notices."""

from __future__ import annotations

import builtins

import pytest

REMEDY = "upgrade or remove it: pip install -U auscult-bad, or pip uninstall auscult-bad"


def _exceptions() -> list[str]:
    """Every exception that Python itself has, KeyboardInterrupt excepted: that one is the user's."""
    found = [name for name, value in vars(builtins).items() if isinstance(value, type)]
    found = [name for name in found if issubclass(getattr(builtins, name), BaseException)]
    return sorted(set(found) - {"KeyboardInterrupt"})


def _call(name: str) -> str:
    """An expression that makes such an exception."""
    match name:
        case "UnicodeDecodeError":
            return f"{name}('utf-8', b'x', 0, 1, 'on purpose')"
        case "UnicodeEncodeError":
            return f"{name}('utf-8', 'x', 0, 1, 'on purpose')"
        case "UnicodeTranslateError":
            return f"{name}('x', 0, 1, 'on purpose')"
        case "BaseExceptionGroup":
            return f"{name}('on purpose', [BaseException('within')])"
        case "ExceptionGroup":
            return f"{name}('on purpose', [ValueError('within')])"
        case _:
            return f"{name}('on purpose')"


@pytest.mark.parametrize("name", _exceptions())
def test_it_raises(zoo, name):
    """Whatever it is, SystemExit and GeneratorExit included, in words with the line that raised it."""
    module = zoo.add("bad", f"print('starting')\nraise {_call(name)}")
    problem = zoo.problem("bad")
    assert (problem.stage, problem.remedy) == ("import", REMEDY)
    real = getattr(builtins, name).__name__
    assert f"importing `{module}` failed: {real}" in problem.message
    assert "on purpose" in problem.message
    assert f"({module}.py:2)" in problem.message


def test_it_raises_a_class_of_its_own(zoo):
    """As extensions written in Rust do, with a message that cannot be made."""
    zoo.add(
        "bad",
        """
        class Panic(BaseException):
            def __str__(self):
                raise Panic

        raise Panic
        """,
    )
    assert "failed: Panic (" in zoo.problem("bad").message


def test_a_very_long_message_is_shortened(zoo):
    """A plugin cannot flood the list of plugins."""
    zoo.add("bad", "raise ValueError('words ' * 100_000)")
    assert len(zoo.problem("bad").message) < 600


def test_the_users_interrupt_gets_through(zoo):
    """Ctrl-C during a slow import ends the command, not the plugin."""
    zoo.add("bad", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        zoo.catalogue()


def test_it_ends_the_program(zoo):
    """`sys.exit` in a module, said as what it is."""
    zoo.add("bad", "import sys\nsys.exit('no licence')")
    assert "it asked the program to end, with no licence" in zoo.problem("bad").message


def test_its_syntax_is_wrong(zoo):
    """The line of the mistake, not of the import."""
    module = zoo.add("bad", "x = 1\ndef broken(:\n")
    assert f"({module}.py:2)" in zoo.problem("bad").message


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"x = 1\x00\n", "null byte"), (b"x = 'caf\xe9'\n", "utf-8"), (b"x = 1\n\ty = 2\n", "indent")],
)
def test_its_bytes_are_wrong(zoo, content, says):
    """Not even text."""
    module = zoo.add("bad", "")
    (zoo.path / f"{module}.py").write_bytes(content)
    assert says in zoo.problem("bad").message


def test_its_module_is_missing(zoo):
    """The entry point outlived the code, as after a failed upgrade."""
    zoo.add("bad", None, module="zoo_gone")
    problem = zoo.problem("bad")
    assert (problem.message, problem.remedy) == ("there is no module `zoo_gone`", REMEDY)


def test_its_parent_package_is_missing(zoo):
    """A dotted name whose first part is not there."""
    zoo.add("bad", None, module="zoo_gone.plugin.checks")
    assert zoo.problem("bad").message == "there is no module `zoo_gone`"


def test_it_needs_a_package_that_is_not_installed(zoo):
    """The remedy is the command that brings it, and a word to the author."""
    zoo.add("bad", "import pymongo_of_the_zoo.errors")
    problem = zoo.problem("bad")
    assert "it needs the package `pymongo_of_the_zoo`, which is not installed" in problem.message
    assert problem.remedy.startswith("pip install pymongo_of_the_zoo; ")


def test_it_names_an_attribute_that_is_not_there(zoo):
    """`module:attribute`, misspelt."""
    module = zoo.add("bad", "", attribute=":plugin")
    problem = zoo.problem("bad")
    assert problem.message == f"the module `{module}` has no `plugin`"
    assert problem.remedy == f'point the entry point at the module: bad = "{module}"'


@pytest.mark.parametrize("value", ["", "not a module!", ":", "a..b", ".relative", "zoo_x:", "import os"])
def test_its_entry_point_makes_no_sense(zoo, value):
    """What pip never checked."""
    zoo.describe("auscult-bad", "1.2", [f"bad = {value}"])
    assert zoo.problem("bad").stage == "import"


def test_it_deletes_what_others_need(zoo):
    """A module that tampers with the import system still harms only itself."""
    zoo.add("bad", "import sys\nsys.modules.pop(__name__)\nraise ImportError('gone')")
    assert "gone" in zoo.problem("bad").message


def test_what_it_prints_goes_to_standard_error(zoo, capfd):
    """So that the JSON of a command stays JSON."""
    zoo.add("bad", "print('hello from a plugin')")
    zoo.catalogue()
    out, err = capfd.readouterr()
    assert "hello" not in out
    assert "hello" in err
