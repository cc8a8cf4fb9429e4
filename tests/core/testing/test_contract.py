"""`assert_check_contract` says each breach in a sentence, and nothing about a sound class."""

from __future__ import annotations

from typing import ClassVar

import pytest

from auscult import Catalogue, Check, Discovered, Measurement, Reading, SecretStr
from auscult.testing import assert_check_contract


class Sound(Check):
    """A queue is short."""

    kind = "sound"
    measurements = (Measurement("waiting", "jobs", "Jobs that wait."),)

    url: str
    """Where."""
    token: SecretStr = ""
    """Sent as a bearer token."""
    max_tokens: int = 3
    """Named like a secret, and a number."""

    async def probe(self, ctx):
        """Look once."""
        return Reading.healthy(waiting=2)

    @classmethod
    def discover(cls, environ):
        """``QUEUE_URL``."""
        if url := environ.get("QUEUE_URL", "").strip():
            yield Discovered(
                name="queue",
                check=cls(url=url, token=environ.get("QUEUE_TOKEN", "")),
                because="QUEUE_URL is set",
                settings={"url": "${QUEUE_URL}", "token": "${QUEUE_TOKEN}"},
            )


def breaches(check: type[Check], **options: object) -> str:
    """What is said of `check`."""
    with pytest.raises(AssertionError) as caught:
        assert_check_contract(check, **options)
    return str(caught.value)


def test_a_sound_class_passes():
    """Silently, also from inside an event loop's thread."""
    assert_check_contract(Sound, url="http://127.0.0.1:9")


@pytest.mark.anyio
async def test_it_can_be_called_in_an_async_test():
    """It brings its own event loop."""
    assert_check_contract(Sound, url="http://127.0.0.1:9")


def test_the_catalogues_own_rules_come_first():
    """What would not even be taken in has no further contract."""

    class NotAsync(Check):
        """Forgot `async`."""

        kind = "not-async"

        def probe(self, ctx):
            return Reading()

    assert breaches(NotAsync) == (
        "The catalogue refuses the class: `NotAsync`.probe is not async; write `async def probe`, "
        "and call what blocks with `await ctx.in_thread(function)`"
    )


def test_what_is_not_documented():
    """Class, options, measurements: people read them in `auscult plugins`, in the schema and on pages."""

    class Silent(Check):
        kind = "silent"
        measurements = (Measurement("a"), Measurement("b", "", "Help.", "histogram"))

        url: str = ""

        async def probe(self, ctx):
            return Reading()

    text = breaches(Silent)
    assert "Silent has no docstring" in text
    assert "the option `url` is not documented" in text
    assert "the measurement `a` has no help" in text
    assert "a kind is gauge or counter" in text


class Talks(Check):
    """Shows what it should not."""

    kind = "talks"

    api_key: str = ""
    """Typed as if everybody may see it."""
    password: SecretStr = ""
    """Typed well, printed anyway."""

    def __repr__(self):
        return f"Talks({self.password})"

    async def probe(self, ctx):
        return Reading()


def test_secrets_that_are_shown():
    """By their type, and by a `__repr__` of one's own."""
    text = breaches(Talks)
    assert "the option `api_key` is shown to everybody: type it SecretStr" in text
    assert "repr shows the secret `password`" in text


def test_the_name_of_a_pair_is_no_secret():
    """LiveKit's `api_key` is public where `api_secret` is not."""

    class Pair(Check):
        """Two halves."""

        kind = "pair"

        api_key: str = ""
        """Whose."""
        api_secret: SecretStr = ""
        """The secret."""

        async def probe(self, ctx):
            return Reading()

    assert_check_contract(Pair)


def test_options_that_a_file_cannot_say():
    """Objects made in code are not validated; these are."""
    assert "the options `url` have no default" in breaches(Sound)
    assert "is refused: Expected `str`, got `int`" in breaches(Sound, url=3)


def test_undeclared_measurements_are_found_by_probing():
    """The reading that the options lead to is looked at."""

    class Strange(Sound):
        """Measures something else."""

        kind = "strange"

        async def probe(self, ctx):
            return Reading.healthy(pages=3)

    assert "carries `pages`, which Strange.measurements does not declare" in breaches(Strange, url="x")


class Finds(Check):
    """Finds something."""

    kind = "finds"
    mode: ClassVar[str] = ""

    password: SecretStr = ""
    """The secret."""

    async def probe(self, ctx):
        return Reading()

    @classmethod
    def discover(cls, environ):
        if cls.mode == "raises when empty":
            raise KeyError("SERVICE_URL")
        value = environ.get("SERVICE_URL", "")
        if not value:
            return
        match cls.mode:
            case "raises":
                [][len(value)]
            case "refuses":
                raise ValueError(f"SERVICE_URL makes no sense: {value}")
            case "names":
                yield Discovered(name=value, check=cls(), because="SERVICE_URL is set")
            case "tells":
                yield Discovered(name="s", check=cls(), because=f"SERVICE_URL is {value}")
            case "leaks":
                yield Discovered(name="s", check=cls(), because="SERVICE_URL", settings={"password": value})
            case "mute":
                yield Discovered(name="s", check=cls(), because="")
            case "nonsense":
                yield "SERVICE_URL"
            case "others":
                yield Discovered(name="s", check=Sound(url=value), because="SERVICE_URL is set")


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ("raises when empty", "`discover` raises KeyError in an empty environment"),
        ("raises", "`discover` raises IndexError in an environment where everything is"),
        ("names", "`discover` proposes the name '://'"),
        ("tells", "`because` of `s` repeats a variable's value"),
        ("leaks", "`settings` of `s` carry the secret `password`"),
        ("mute", "`discover` proposes `s` without `because`"),
        ("nonsense", "`discover` gives a str, not a `Discovered`"),
        ("others", "`discover` proposes a Sound: each class speaks for itself"),
    ],
)
def test_discover_in_hostile_environments(how, sentence):
    """Every mistake that an environment can bring about."""

    class Bad(Finds):
        """Finds something."""

        kind = "bad"
        mode = how

    assert sentence in breaches(Bad)


def test_a_variable_may_be_refused_in_words():
    """A ValueError is shown to the user as a warning, so it is no breach; in an empty environment it is one."""

    class Refuses(Finds):
        """Finds something."""

        kind = "refuses"
        mode = "refuses"

    assert_check_contract(Refuses)


OPTIONS = {
    "command": {"argv": ["true"]},
    "database": {"url": "sqlite:///nowhere/at-all.db"},
    "dns": {"name": "localhost"},
    "heartbeat": {"every": "1h"},
    "http": {"url": "http://127.0.0.1:9/"},
    "livekit": {"url": "http://127.0.0.1:9", "api_key": "key", "api_secret": "s" * 32},
    **{kind: {"base_url": "http://127.0.0.1:9/v1"} for kind in ("stt", "llm", "tts")},
    "metric": {"metric": "voice_calls_total"},
    "orchestrator": {"url": "http://127.0.0.1:9"},
    "ping": {"host": "127.0.0.1"},
    "redis": {"url": "redis://127.0.0.1:9"},
    "tcp": {"host": "127.0.0.1", "port": 9},
    "tls": {"host": "127.0.0.1", "port": 9},
    "vendor": {"vendor": "deepgram", "api_key": "hunter2hunter2", "base_url": "http://127.0.0.1:9"},
}


@pytest.mark.parametrize(
    "kind",
    sorted(kind for kind, cls in Catalogue.discover().checks.items() if cls.__module__.startswith("auscult_plugins.")),
)
def test_the_bundled_checks_keep_it(kind):
    """They take the same road as a stranger's."""
    assert_check_contract(Catalogue.discover().check(kind), **OPTIONS.get(kind, {}))
