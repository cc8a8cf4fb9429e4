"""Hooks that are misspelt, unmarked, or answer with something else than a list of classes."""

from __future__ import annotations

import pytest

from auscult.catalogue.hooks import HOOKS

START = '''
from auscult import Check, Reading, hookimpl


class BadCheck(Check):
    """Sound; what offers it is not."""

    kind = "bad"

    async def probe(self, ctx):
        """Look once."""
        return Reading.healthy()
'''


def hook(body: str) -> str:
    """A plugin whose hook has that body."""
    return f"{START}\n\n@hookimpl\ndef auscult_checks():\n    {body}\n"


# What is found without calling anything


def test_a_misspelt_hook_is_named_with_the_right_one(zoo):
    """Both marked and not: the author meant it."""
    zoo.add("bad", f"{START}\n@hookimpl\ndef auscult_check():\n    return [BadCheck]\n")
    problem = zoo.problem("bad")
    assert problem.message == "`auscult_check` is not a hook; did you mean `auscult_checks`?"
    assert problem.remedy == "rename it to `auscult_checks`"


def test_a_misspelt_and_unmarked_hook(zoo):
    """Two mistakes, one sentence."""
    zoo.add("bad", f"{START}\ndef auscult_chekcs():\n    return [BadCheck]\n")
    problem = zoo.problem("bad")
    assert "did you mean `auscult_checks`?" in problem.message
    assert problem.remedy.startswith("rename it to `auscult_checks`, and write `@hookimpl` above it")


def test_an_unmarked_hook(zoo):
    """Named right, and nobody would call it."""
    zoo.add("bad", f"{START}\ndef auscult_checks():\n    return [BadCheck]\n")
    problem = zoo.problem("bad")
    assert problem.message == "`auscult_checks` is not marked as a hook, so nobody calls it"
    assert "from auscult import hookimpl" in problem.remedy


def test_a_helper_that_is_named_a_little_like_a_hook_is_its_own_business(zoo):
    """Only names near a hook's are taken for one."""
    zoo.add("bad", f"{hook('return [BadCheck]')}\ndef auscult_version_of_the_server():\n    return 1\n")
    assert zoo.problems("bad") == []


def test_a_plugin_of_a_later_version_may_mark_optional_hooks(zoo):
    """A hook that this version does not know, and is not needed."""
    zoo.add(
        "bad", hook("return [BadCheck]") + "\n@hookimpl(optionalhook=True)\ndef auscult_oracles():\n    return []\n"
    )
    assert zoo.problems("bad") == []


def test_an_async_hook(zoo):
    """It would give a coroutine, which is no list."""
    zoo.add("bad", hook("return [BadCheck]").replace("def auscult_checks", "async def auscult_checks"))
    problem = zoo.problem("bad")
    assert problem.message == "`auscult_checks` is async, hooks are plain functions"
    assert problem.remedy.startswith("take `async` away")


@pytest.mark.parametrize("parameters", ["registry", "a, b=1", "*, option=None", "*args", "**options"])
def test_a_hook_with_arguments(zoo, parameters):
    """pluggy's versions differ in what they pass, so none are allowed."""
    zoo.add("bad", hook("return [BadCheck]").replace("auscult_checks()", f"auscult_checks({parameters})"))
    problem = zoo.problem("bad")
    assert "hooks take no arguments" in problem.message
    assert problem.remedy == "write `def auscult_checks():`"


@pytest.mark.parametrize("flag", ["wrapper", "hookwrapper"])
def test_a_wrapper(zoo, flag):
    """It would change what others return."""
    zoo.add("bad", hook("yield").replace("@hookimpl", f"@hookimpl({flag}=True)"))
    assert "wraps the other plugins' answers" in zoo.problem("bad").message


def test_a_marked_class(zoo):
    """A hook is a function."""
    zoo.add("bad", f"{START}\n@hookimpl\nclass auscult_checks:\n    pass\n")
    assert zoo.problem("bad").message == "`auscult_checks` is a class, hooks are functions"


def test_a_hook_that_is_implemented_twice(zoo):
    """Under two names, by `specname`."""
    zoo.add(
        "bad",
        hook("return [BadCheck]") + '\n@hookimpl(specname="auscult_checks")\ndef more():\n    return [BadCheck]\n',
    )
    assert zoo.problem("bad").message == "`auscult_checks` is implemented twice; the first one counts"


@pytest.mark.parametrize(
    ("source", "remedy"),
    [
        (START, "add a function `auscult_checks`, marked with `@hookimpl`, that returns [BadCheck]"),
        ("", "add a function such as `auscult_checks`"),
    ],
)
def test_a_module_without_hooks(zoo, source, remedy):
    """It offers nothing; where a class lies about, the missing function is spelt out."""
    module = zoo.add("bad", source)
    problem = zoo.problem("bad")
    assert problem.message == f"`{module}` implements no hook, so it offers nothing"
    assert problem.remedy.startswith(remedy)


def test_a_module_with_a_getattr_of_its_own(zoo):
    """Modules that answer for every name, or raise for it, are not asked for more than they hold."""
    zoo.add("bad", hook("return [BadCheck]") + "\ndef __getattr__(name):\n    raise RuntimeError(name)\n")
    assert zoo.problems("bad") == []


# What is found by calling


@pytest.mark.parametrize("error", ["ValueError('on purpose')", "SystemExit(3)", "BaseException('on purpose')"])
def test_a_hook_that_raises(zoo, error):
    """With the line that raised it."""
    module = zoo.add("bad", hook(f"raise {error}"))
    problem = zoo.problem("bad")
    assert problem.stage == "hook"
    assert problem.message.startswith(f"`auscult_checks` raised {error.partition('(')[0]}")
    assert f"({module}.py:" in problem.message
    assert problem.remedy.startswith("upgrade or remove it")


@pytest.mark.parametrize(
    ("body", "message", "remedy"),
    [
        ("pass", "returned None", "it forgot its `return`"),
        ("return BadCheck", "returned the class BadCheck alone", "return it in a list: [BadCheck]"),
        ("return 'BadCheck'", "returned a str, not a list", "return a list"),
        ("return b'BadCheck'", "returned a bytes, not a list", "return a list"),
        ("return {'bad': BadCheck}", "returned a dict, not a list", "return a list"),
        ("return 3", "returned an int, not a list", "return a list"),
        ("return BadCheck()", "returned a BadCheck, not a list", "return a list"),
        ("return BadCheck().probe(None)", "returned a coroutine", "take `async` away"),
    ],
)
def test_a_hook_that_returns_something_else(zoo, body, message, remedy, recwarn):
    """Each said as what it is; a coroutine is closed, so that nobody warns of it later."""
    zoo.add("bad", hook(body))
    problem = zoo.problem("bad")
    assert problem.message == f"`auscult_checks` {message}"
    assert remedy in problem.remedy
    assert not [warning for warning in recwarn if "never awaited" in str(warning.message)]


@pytest.mark.parametrize(
    "body", ["yield BadCheck", "return (BadCheck,)", "return iter([BadCheck])", "return {BadCheck}"]
)
def test_any_iterable_will_do(zoo, body):
    """Generators, tuples, iterators, sets."""
    zoo.add("bad", hook(body))
    assert zoo.problems("bad") == []
    assert "bad" in zoo.catalogue().checks


def test_an_empty_list_is_no_mistake(zoo):
    """A plugin may offer nothing on some platform."""
    zoo.add("bad", hook("return []"))
    assert zoo.problems("bad") == []


def test_an_endless_generator(zoo):
    """It is left after a thousand; what came until then counts."""
    zoo.add("bad", hook("while True:\n        yield BadCheck"))
    assert zoo.problem("bad").message == "`auscult_checks` gives more than 1000 items; the rest is left out"
    assert "bad" in zoo.catalogue().checks


def test_a_generator_that_raises_in_the_middle(zoo):
    """What came before the exception counts."""
    zoo.add("bad", hook("yield BadCheck\n    raise OSError('no licence')"))
    assert "raised OSError: no licence" in zoo.problem("bad").message
    assert "after 1 items" in zoo.problem("bad").message
    assert "bad" in zoo.catalogue().checks


@pytest.mark.parametrize(
    ("items", "message"),
    [
        ("None", "`auscult_checks` returned a NoneType among its classes"),
        ("'bad'", "`auscult_checks` returned a str among its classes"),
        ("BadCheck()", "`auscult_checks` returned an object of the class `BadCheck`"),
        ("object", "`object` is not a subclass of auscult.Check"),
        ("[BadCheck]", "`auscult_checks` returned a list among its classes"),
    ],
)
def test_items_that_are_no_checks(zoo, items, message):
    """Only the item is refused: the plugin's sound class beside it stays."""
    zoo.add("bad", hook(f"return [{items}, BadCheck]"))
    problem = zoo.problem("bad")
    assert (problem.stage, problem.message) == ("kind", message)
    assert "bad" in zoo.catalogue().checks


def test_each_hook_is_called_once(zoo):
    """Whatever is asked of the catalogue afterwards; commands are only asked for when somebody wants them."""
    calls = "\n".join(f"@hookimpl\ndef {name}():\n    called.append('{name}')\n    return []\n" for name in HOOKS)
    module = zoo.add("bad", f"from auscult import hookimpl\ncalled = []\n{calls}")
    catalogue = zoo.catalogue()
    called = __import__(module).called
    assert sorted(called) == sorted(set(HOOKS) - {"auscult_commands"})
    for _ in range(2):
        catalogue.commands()
        assert catalogue.plugins
    assert sorted(called) == sorted(HOOKS)


# The other hooks


@pytest.mark.parametrize(
    ("role", "base", "work"),
    [
        ("channels", "Channel", "async def send(self, notification, ctx): pass"),
        ("exporters", "Exporter", "def render(self, snapshot): return b''"),
        ("panels", "Panel", "def show(self, view): return None"),
    ],
)
def test_every_role_is_treated_alike(zoo, role, base, work):
    """A sound class is taken; one of another role is refused with the hook that would take it."""
    source = f'''
    from auscult import {base}, hookimpl

    class Bad({base}):
        """Sound."""
        kind = "bad"
        {work}

    @hookimpl
    def auscult_{role}():
        return [Bad]
    '''
    module = zoo.add("bad", source)
    assert zoo.problems("bad") == []
    catalogue = zoo.catalogue()
    assert getattr(catalogue, role.removesuffix("s"))("bad").__module__ == module
    zoo.add("worse", source.replace(f"auscult_{role}", "auscult_checks").replace('"bad"', '"worse"'))
    problem = next(p for p in zoo.catalogue().problems if p.plugin == "worse")
    assert problem.message == f"`Bad` is a {base}, not a Check"
    assert problem.remedy == f"return it from `auscult_{role}`"


@pytest.mark.parametrize("hook_name", ["auscult_dashboards", "auscult_rules"])
def test_finished_objects_are_kept_and_others_refused(zoo, hook_name):
    """Dashboards and rules are objects; a class or a string among them is not one."""
    zoo.add(
        "bad",
        f"""
        from auscult import hookimpl

        class Thing: pass

        @hookimpl
        def {hook_name}():
            return [Thing(), Thing, "thing", None]
        """,
    )
    problems = zoo.problems("bad")
    assert [problem.stage for problem in problems] == ["hook"] * 3
    kept = getattr(zoo.catalogue(), hook_name.removeprefix("auscult_"))
    assert [type(item).__name__ for item in kept] == ["Thing"]


def test_commands(zoo):
    """What is no command, has no name, or is another plugin's, is refused; the rest is there."""
    source = """
    import click
    from auscult import hookimpl

    @click.command("sing")
    def sing():
        pass

    @hookimpl
    def auscult_commands():
        return [sing, print, click.Command(None), "sing"]
    """
    zoo.add("bad", source)
    zoo.add("worse", source.replace(', print, click.Command(None), "sing"', ""))
    catalogue = zoo.catalogue()
    assert catalogue.problems == []
    assert list(catalogue.commands()) == ["sing"]
    said = {(problem.plugin, problem.message) for problem in catalogue.problems}
    assert said == {
        ("bad", "`auscult_commands` returned a builtin_function_or_method"),
        ("bad", "`auscult_commands` returned a command without a name"),
        ("bad", "`auscult_commands` returned a str"),
        ("worse", "another plugin has the command `sing`; the first one counts"),
    }


# What an entry point may lead to


@pytest.mark.parametrize(
    ("attribute", "message", "remedy"),
    [
        (":BadCheck", "is the class BadCheck, not a module", "return BadCheck from its function `auscult_checks`"),
        (":auscult_checks", "is a function, not a module", "point the entry point at the module"),
        (":number", "is an int, not a module", "point the entry point at the module"),
        (":nothing", "is a NoneType, not a module", "point the entry point at the module"),
        (":Plugin", "is the class Plugin, not a module", "or make an instance of Plugin there and point at that"),
    ],
)
def test_an_entry_point_that_is_no_module(zoo, attribute, message, remedy):
    """pluggy would take a class, and fail at the first call."""
    source = hook("return [BadCheck]") + "\nnumber = 3\nnothing = None\nclass Plugin: pass\n"
    zoo.add("bad", source, attribute=attribute)
    problem = zoo.problem("bad")
    assert problem.stage == "register"
    assert message in problem.message
    assert remedy in problem.remedy


def test_an_object_with_methods_is_a_plugin(zoo):
    """Also one that compares equal to everything, and whose properties raise."""
    zoo.add(
        "bad",
        START
        + '''
class Plugin:
    """An object can be a plugin."""

    def __eq__(self, other):
        return True

    def __hash__(self):
        raise TypeError("on purpose")

    @property
    def explosive(self):
        raise SystemExit(1)

    @hookimpl
    def auscult_checks(self):
        return [BadCheck]

plugin = Plugin()
''',
        attribute=":plugin",
    )
    assert zoo.problems("bad") == []
    assert "bad" in zoo.catalogue().checks


def test_a_flood_of_mistakes_is_bounded(zoo):
    """A thousand things that are no classes, each a different one: twenty are shown."""
    zoo.add("bad", hook("return [type(f'Thing{n}', (), {}) for n in range(900)]"))
    assert len(zoo.problems("bad")) == 20
