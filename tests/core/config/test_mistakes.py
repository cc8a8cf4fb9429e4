"""Every mistake is told in one sentence that says where, what was found, what was expected, and what may be meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from auscult import MissingDependency


def _cases() -> list[tuple[str, str]]:
    """`mistakes.txt` beside this file: the configuration and its sentence, case by case."""
    text = Path(__file__).with_name("mistakes.txt").read_text(encoding="utf-8")
    return [tuple(case.strip("\n").split("\n>>>\n")) for case in text.split("\n===\n")[1:]]


MISTAKES = _cases()


@pytest.mark.parametrize(("text", "sentence"), MISTAKES, ids=[str(number) for number in range(len(MISTAKES))])
def test_mistake(loaded, webhook, text, sentence):
    """A file with one mistake gets exactly one sentence."""
    assert len(MISTAKES) >= 100
    loaded.catalogue.channels["webhook"] = webhook
    assert loaded.complaints(text, {"HOME": "/home/me"}) == [sentence]


def test_all_mistakes_at_once(loaded):
    """One run shows every mistake of every table, in the order of the file."""
    text = (
        "[server]\nport = 'x'\nhots = 1\n"
        "[components.redis]\ncheck = 'redis'\nurl = '${NOPE}'\nport = 0\ninterval = 'soon'\ndepends_on = ['who']\n"
        "[components.web]\ncheck = 'htp'\ntimeout = 'x'\n"
        "[sever]\n"
    )
    lines = [line.split(" ")[0] for line in loaded.complaints(text)]
    assert lines == [
        "auscult.toml:2:",
        "auscult.toml:3:",
        "auscult.toml:6:",
        "auscult.toml:7:",
        "auscult.toml:8:",
        "auscult.toml:11:",
        "auscult.toml:12:",
        "auscult.toml:13:",
    ]


def test_yaml_says_the_same(loaded):
    """The same mistakes in YAML get the same sentences, with YAML's lines."""
    text = (
        "components:\n  redis:\n    check: redis\n    url: 5\n    prot: 1\n  redis: {}\n"
        "server:\n  port: 1\n  port: 2\n3: x\n"
    )
    assert loaded.complaints(text, name="auscult.yaml") == [
        "auscult.yaml:6: components.redis: given twice, first in line 2",
        "auscult.yaml:9: server.port: given twice, first in line 8",
        "auscult.yaml:10: a key that is not text; put it in quotes",
    ]
    text = "components:\n  redis:\n    check: redis\n    url: 5\n    prot: 1\n"
    assert loaded.complaints(text, name="auscult.yaml") == [
        "auscult.yaml:4: components.redis.url: expected text, found the number 5; put it in quotes",
        "auscult.yaml:5: components.redis.prot: unknown key; did you mean `port`?",
    ]


def test_warnings_stop_nothing(loaded):
    """What only deserves attention is kept as warnings, and the rest of the file holds."""
    settings = loaded(
        '[components.redis]\ncheck="redis"\nurl="x"\ninterval=5\ntimeout=8\n[channels.ops]\nchannel="slack"\n'
    )
    assert [(finding.key, finding.fatal) for finding in settings.warnings] == [
        ("components.redis.timeout", False),
        ("channels.ops", False),
    ]
    assert "no installed plugin offers any channel" in settings.warnings[1].message
    assert settings.components["redis"].timeout == 8
    assert settings.channels["ops"] == {"channel": "slack"}


class UnspeakableError(BaseException):
    """Its message raises as well."""

    def __str__(self):
        raise SystemExit("even this")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError("two\nlines"), "two lines"),
        (KeyError("x"), "KeyError: 'x'"),
        (SystemExit(3), "SystemExit: 3"),
        (UnspeakableError(), "UnspeakableError: "),
        (MissingDependency("odd", "odd"), "The package `odd` is not installed; run: pip install 'auscult[odd]'"),
    ],
)
def test_plugin_that_raises_anything(loaded, catalogue, error, message):
    """Whatever a plugin's `__post_init__` raises becomes a finding like any other."""

    class Odd(catalogue.checks["host"]):
        kind = "odd"

        def __post_init__(self):
            raise error

    catalogue.checks["odd"] = Odd
    assert loaded.complaints('[components.o]\ncheck = "odd"') == [f"auscult.toml:1: components.o: {message}"]
