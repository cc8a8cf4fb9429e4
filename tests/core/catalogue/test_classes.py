"""Classes that break the contract: refused one by one with a remedy, while the plugin's sound classes stay."""

from __future__ import annotations

import textwrap

import pytest

START = '''
from typing import *
from msgspec import Struct, field
from auscult import *


class GoodCheck(Check):
    """Sound, beside a class that is not."""

    kind = "good"

    async def probe(self, ctx):
        """Look once."""
        return Reading.healthy()


'''
PROBE = "    async def probe(self, ctx): return Reading()\n"


def source(body: str, name: str = "BadCheck") -> str:
    """A plugin with a sound class and the one of `body`."""
    return f"{START}{textwrap.dedent(body)}\n\n@hookimpl\ndef auscult_checks():\n    return [{name}, GoodCheck]\n"


def bad(lines: str, bases: str = "(Check)", probe: str = PROBE) -> str:
    """A class with those lines in its body."""
    return f"class BadCheck{bases}:\n    kind = 'bad'\n{textwrap.indent(lines, '    ')}\n{probe}"


CLASSES = {
    "it has no base": (
        bad("", bases=""),
        "`BadCheck` is not a subclass of auscult.Check",
        "write `class BadCheck(Check):`",
    ),
    "it has no probe": (bad("", probe=""), "`BadCheck` does not define `probe`", "define `probe`"),
    "it has open and no probe": (
        bad("async def open(self, ctx): yield None", probe=""),
        "`BadCheck` does not define `probe`",
        "beside `open` it can say: return await super().probe(ctx)",
    ),
    "it has no kind": (
        f"class BadThingCheck(Check):\n{PROBE}\nBadCheck = BadThingCheck",
        "`BadThingCheck` has no `kind`, so configuration cannot name it",
        'add kind = "bad-thing"',
    ),
    "its probe is not async": (
        bad("", probe="    def probe(self, ctx): return Reading()"),
        "`BadCheck`.probe is not async",
        "write `async def probe`, and call what blocks with `await ctx.in_thread(function)`",
    ),
    "its probe yields": (
        bad("", probe="    async def probe(self, ctx): yield Reading()"),
        "`BadCheck`.probe yields",
        "return once; only `open` yields",
    ),
    "its open does not yield": (
        bad("async def open(self, ctx): return None"),
        "`BadCheck`.open does not yield",
        "write `async def open(self, ctx)`, yield an async function",
    ),
    "it may change": (
        bad("x: int = 0", bases="(Check, frozen=False)"),
        "`BadCheck` weakens its base: objects are frozen and refuse unknown options",
        "take `frozen` and `forbid_unknown_fields` out of the class line",
    ),
    "it takes unknown options": (
        bad("", bases="(Check, forbid_unknown_fields=False)"),
        "`BadCheck` weakens its base: objects are frozen and refuse unknown options",
        "take `frozen` and `forbid_unknown_fields` out of the class line",
    ),
    "its kind is an option": (
        f"class BadCheck(Check):\n    kind: str = 'bad'\n{PROBE}",
        "`BadCheck` makes `kind` an option by giving it a type",
        "write `kind = …` without a type, or annotate it as ClassVar",
    ),
    "its measurements are an option": (
        bad("measurements: tuple = ()"),
        "`BadCheck` makes `measurements` an option by giving it a type",
        "write `measurements = …` without a type",
    ),
    "an option has a type of its own": (
        bad("x: object.__class__ = None\ny: 'Thing' = None"),
        "the options of `BadCheck` cannot be read from configuration",
        "import the types of options at run time, not under TYPE_CHECKING",
    ),
    "an option's types cannot be told apart": (
        bad("x: dict[str, int] | Mapping[str, str] | None = None"),
        "the options of `BadCheck` cannot be read from configuration",
        "use types that a file can express",
    ),
    "its measurements are a list": (
        bad("measurements = [Measurement('a')]"),
        "`BadCheck`.measurements is not a tuple of auscult.Measurement",
        'write measurements = (Measurement("name", "unit", "What it is."),)',
    ),
    "its measurements are names": (
        bad("measurements = ('a',)"),
        "`BadCheck`.measurements is not a tuple of auscult.Measurement",
        "write measurements",
    ),
    "a measurement has no fit name": (
        bad("measurements = (Measurement('queue depth'),)"),
        "`BadCheck` declares the measurement 'queue depth', which is no name or stands twice",
        "use letters, digits and underscores",
    ),
    "a measurement stands twice": (
        bad("measurements = (Measurement('a'), Measurement('a'))"),
        "`BadCheck` declares the measurement 'a', which is no name or stands twice",
        "each name once",
    ),
    "its requirements are a list": (
        bad("requires = ['psycopg']"),
        "`BadCheck`.requires does not map import names to extras",
        'write requires = {"psycopg": "postgres"}',
    ),
    "its requirements name no extra": (
        bad("may_require = {'psycopg': None}"),
        "`BadCheck`.may_require does not map import names to extras",
        'write may_require = {"psycopg": "postgres"}',
    ),
}


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_that_breaks_the_contract(zoo, name):
    """Refused with a sentence that names it, and what its author can do."""
    body, message, remedy = CLASSES[name]
    zoo.add("bad", source(body))
    problem = zoo.problem("bad")
    assert problem.stage == "kind"
    assert message in problem.message
    assert remedy in problem.remedy
    assert "good" in zoo.catalogue().checks
    assert "bad" not in zoo.catalogue().checks


@pytest.mark.parametrize(
    "kind", ["'Bad'", "'bad kind'", "'bad/kind'", "'x' * 65", "'bäd'", "'bad\\n'", "3", "None", "['bad']", "b'bad'"]
)
def test_a_kind_that_no_configuration_can_name(zoo, kind):
    """What a kind may be is said in the sentence."""
    zoo.add("bad", source(f"class BadCheck(Check):\n    kind = {kind}\n{PROBE}"))
    problem = zoo.problem("bad")
    assert "a kind matches [a-z0-9_.-]{1,64}" in problem.message
    assert problem.remedy == 'rename it, for example kind = "bad"'


COMMON = [
    *("check", "type", "interval", "timeout", "threshold", "depends_on", "weight", "critical", "group", "labels"),
    *("runbook", "enabled", "failures", "successes", "retry_interval", "isolate"),
]
"""Decision 2, and the worker process."""


@pytest.mark.parametrize("key", COMMON)
def test_an_option_that_is_a_key_of_every_component(zoo, key):
    """Its value would be swallowed."""
    zoo.add("bad", source(bad(f"{key}: str = ''")))
    problem = zoo.problem("bad")
    assert problem.message == f"`BadCheck` has the option `{key}`, which is a key that every check has"
    assert problem.remedy.startswith("rename the option")


def test_an_option_that_is_renamed_to_such_a_key(zoo):
    """By the name that files use, which is what counts; and the other way round it is fine."""
    zoo.add("bad", source(bad("patience: float = field(default=1.0, name='timeout')")))
    assert "has the option `timeout`" in zoo.problem("bad").message
    zoo.add("worse", source(bad("timeout: float = field(default=1.0, name='patience')").replace("'bad'", "'worse'")))
    assert "worse" in zoo.catalogue().checks


def test_options_of_other_roles_have_few_reserved_names(zoo):
    """The seed document's channels have a `timeout`; `channel` and `enabled` are the configuration's."""
    zoo.add(
        "bad",
        """
        from auscult import Channel, hookimpl

        class Good(Channel):
            kind = "good-channel"
            timeout: float = 10.0
            async def send(self, notification, ctx): pass

        class Bad(Channel):
            kind = "bad-channel"
            enabled: bool = True
            async def send(self, notification, ctx): pass

        class Sync(Channel):
            kind = "sync-channel"
            def send(self, notification, ctx): pass

        @hookimpl
        def auscult_channels():
            return [Good, Bad, Sync]
        """,
    )
    said = [problem.message for problem in zoo.problems("bad")]
    assert said == [
        "`Bad` has the option `enabled`, which is a key that every channel has",
        "`Sync`.send is not async",
    ]
    assert list(zoo.catalogue().channels) == ["good-channel"]


def test_an_exporter_does_one_or_the_other(zoo):
    """`render` and `push` are not abstract; having neither is seen all the same."""
    zoo.add(
        "bad",
        """
        from auscult import Exporter, hookimpl

        class Idle(Exporter):
            kind = "idle"

        @hookimpl
        def auscult_exporters():
            return [Idle]
        """,
    )
    problem = zoo.problem("bad")
    assert problem.message == "`Idle` does not define `render` or `push`"
    assert problem.remedy == "define `render` or `push`"


def test_a_post_init_that_raises_is_not_run(zoo):
    """Options that only make sense together are judged when there are some."""
    zoo.add("bad", source(bad("x: int = 0\ndef __post_init__(self): raise SystemExit(9)")))
    assert zoo.problems("bad") == []


def test_a_decorated_probe_is_looked_through(zoo):
    """`functools.wraps` around an async function is still one."""
    zoo.add(
        "bad",
        source(
            "import functools\n"
            "def twice(f):\n"
            "    @functools.wraps(f)\n"
            "    async def g(*a): return await f(*a)\n"
            "    return g\n" + bad("", probe="    @twice\n    async def probe(self, ctx): return Reading()")
        ),
    )
    assert zoo.problems("bad") == []


HOSTILE = {
    "hash": "def __hash__(cls): raise RuntimeError('on purpose')",
    "eq": "def __eq__(cls, other): raise RuntimeError('on purpose')\n    def __hash__(cls): return 1",
    "equal to all": "def __eq__(cls, other): return True\n    def __hash__(cls): return 1",
    "getattribute": (
        "def __getattribute__(cls, name):\n"
        "        if name == 'kind': raise SystemExit(4)\n"
        "        return super().__getattribute__(name)"
    ),
    "repr": "def __repr__(cls): raise RuntimeError('on purpose')",
}


@pytest.mark.parametrize("how", HOSTILE)
def test_a_class_whose_metaclass_is_hostile(zoo, how):
    """Looking at it runs its code; whatever that does stays with it."""
    meta = f"from auscult.kinds import KindMeta\nclass Meta(KindMeta):\n    {HOSTILE[how]}\n\n"
    zoo.add("bad", source(meta + bad("", bases="(Check, metaclass=Meta)")))
    catalogue = zoo.catalogue(bundled=True)
    assert "good" in catalogue.checks
    assert catalogue.check("fine").__name__ == "FineCheck"
    assert catalogue.check("http").__name__ == "HttpCheck"
    assert [info.distribution for info in catalogue.plugins if not info.ok] in ([], ["auscult-bad"])
    assert catalogue.of(catalogue.check("http")).distribution == "auscult"


def test_a_kind_that_is_a_string_of_its_own_kind(zoo):
    """A subclass of str may lie about itself; it is refused or taken as the plain text it is."""
    text = (
        "class Text(str):\n"
        "    def __eq__(self, other): raise RuntimeError('on purpose')\n"
        "    def __hash__(self): raise RuntimeError('on purpose')\n"
    )
    zoo.add("bad", source(text + bad("").replace("'bad'", "Text('bad')")))
    assert "good" in zoo.catalogue().checks
    zoo.problems("bad")
