"""Values that stand elsewhere, and that only they are read leniently."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auscult import ConfigurationError
from auscult.config.references import ReferenceProblem, References, has_reference

ENVIRON = {"NAME": "value", "EMPTY": "", "BAD": "\udcff", "PORT": "6390", "STATUS": "200, 204", "YES": "true"}
WEB = '[components.web]\ncheck = "http"\nurl = "http://h"\n'


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("${NAME}", "value"),
        ("a ${NAME} b ${NAME}", "a value b value"),
        ("${NOPE:-else}", "else"),
        ("${NAME:-else}", "value"),
        ("${EMPTY:-else}", "else"),
        ("${EMPTY}", ""),
        ("${NOPE:-}", ""),
        ("${NOPE:-a:b-c d}", "a:b-c d"),
        ("$$", "$"),
        ("$${NAME}", "${NAME}"),
        ("$$$$", "$$"),
        ("cost$5", "cost$5"),
        ("$NAME", "$NAME"),
        ("end$", "end$"),
    ],
)
def test_expand(text, result):
    """References, defaults and literal dollars."""
    assert References(ENVIRON).expand(text)[0] == result


@pytest.mark.parametrize("text", ["${NOPE}", "${", "${}", "${1X}", "${NAME", "${NA ME}", "${NAME:else}", "${BAD}"])
def test_bad_references(text):
    """What is no reference, or leads nowhere, is refused in words."""
    with pytest.raises(ReferenceProblem):
        References(ENVIRON).expand(text)


def test_values_are_not_expanded_again():
    """A variable's value is taken as it is, even when it looks like a reference."""
    assert References({"A": "${B} $$"}).expand("${A}") == ("${B} $$", True)


@given(st.text())
def test_doubling_every_dollar_keeps_any_text(text):
    """`$$` for each `$` makes any text stand for itself."""
    assert References({}).expand(text.replace("$", "$$")) == (text, False)


@given(st.text())
def test_any_text_expands_or_is_refused(text):
    """No text makes it raise anything else."""
    try:
        References(ENVIRON).expand(text)
    except ReferenceProblem:
        assert "$" in text


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_the_value_arrives_unchanged(value):
    """What a variable holds is what the option gets."""
    assert References({"X": value}).expand("${X}")[0] == value


def test_has_reference():
    """Only values with a reference in them need the slow way."""
    assert has_reference({"a": [{"b": "${X}"}]})
    assert has_reference({"a": {"file": "x"}})
    assert not has_reference({"a": ["b", 1, {"c": True}]})


def test_lenient_only_where_a_reference_stood(loaded):
    """Text from a variable becomes a number, a boolean or a list; the same text in the file does not."""
    check = loaded(WEB + 'status = "${STATUS}"\nfollow = "${YES}"\nratio = "${PORT}"', ENVIRON).components["web"].check
    assert (check.status, check.follow, check.ratio) == ((200, 204), True, 6390.0)
    with pytest.raises(ConfigurationError) as caught:
        loaded(WEB + 'status = "200, 204"\nfollow = "true"\nratio = "${PORT}"', ENVIRON)
    assert [finding.line for finding in caught.value.findings] == [4, 5]


def test_text_stays_text(loaded):
    """A password of digits, or the word null, is still text."""
    for password in ("123456", "null", "true"):
        text = '[components.redis]\ncheck = "redis"\nurl = "x"\npassword = "${P}"'
        assert loaded(text, {"P": password}).components["redis"].check.password == password


def test_files(loaded, tmp_path):
    """A file beside the configuration gives its text without the newline at the end, also for numbers."""
    (tmp_path / "secret").write_text("hunter2\n\n")
    (tmp_path / "port").write_text("6390\n")
    text = '[components.redis]\ncheck = "redis"\nurl = "x"\npassword = { file = "secret" }\n'
    text += 'port = { file = "${DIR}/port" }'
    check = loaded(text, {"DIR": "."}).components["redis"].check
    assert (check.password, check.port) == ("hunter2", 6390)


def test_credentials_directory(loaded, tmp_path):
    """A name that is not beside the configuration is looked for among systemd's credentials."""
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "redis").write_text("from systemd")
    text = '[components.redis]\ncheck = "redis"\nurl = "x"\npassword = { file = "redis" }'
    check = loaded(text, {"CREDENTIALS_DIRECTORY": str(credentials)}).components["redis"].check
    assert check.password == "from systemd"


def test_a_table_is_no_file(loaded):
    """Where a table is expected, `file` is a key like any other: labels may be called so."""
    text = '[components.redis]\ncheck = "redis"\nurl = "x"\nlabels = { file = "a.txt" }'
    assert loaded(text).components["redis"].labels == {"file": "a.txt"}


def test_bad_files(loaded, tmp_path):
    """Binary, huge and nameless files are refused with their path."""
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "huge").write_bytes(b"x" * 70_000)
    for name, reason in (
        ("binary", "not UTF-8"),
        ("huge", "larger than 64 KiB"),
        ("", "cannot be read"),
        ("a\\u0000b", "null"),
    ):
        text = f'[components.redis]\ncheck = "redis"\nurl = "x"\npassword = {{ file = "{name}" }}'
        assert reason in loaded.complaints(text)[0]


def test_where_a_table_is_wanted_it_is_no_file(loaded):
    """A table whose only key is `file` stays a table where the key takes one."""
    settings = loaded(
        '[components]\n[rules.x]\nabsent = 60\nmatch = { file = "y" }\n[[routes]]\nmatch = { file = "z" }'
    )
    assert settings.alerting.rules[-1].match == {"file": "y"}
    assert settings.alerting.routes[0].match == {"file": "z"}
