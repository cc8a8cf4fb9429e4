"""Reading TOML and YAML: lines of keys, repeated keys, and files made to hurt."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auscult import ConfigurationError
from auscult.config import document
from auscult.config.toml_lines import scan
from auscult.config.toml_text import key_text, value_text

TOML, YAML = Path("a.toml"), Path("a.yaml")

OUTLINE = '''\
top = 1 # a comment = 2
[server]
"quoted key" = "a = [b"
'literal' = """
many
lines"""
a.b.c = { d = [1,
  2], e = { f = 'x' } }
[[routes]]
channel = "ops"
[[routes]]
list = [
  "one", # ] not the end
  { two = 2 },
]
[routes.match]
severity = "high"
[components."a.b".threshold]
x = 1
'''


def test_every_key_has_its_line():
    """Headers, dotted and quoted keys, inline tables, lists and lists of tables: each key is found on its line."""
    lines = scan(OUTLINE).lines
    assert {document.dotted(path): line for path, line in lines.items()} == {
        "top": 1,
        "server": 2,
        'server."quoted key"': 3,
        "server.literal": 4,
        "server.a": 7,
        "server.a.b": 7,
        "server.a.b.c": 7,
        "server.a.b.c.d": 7,
        "server.a.b.c.d[0]": 7,
        "server.a.b.c.d[1]": 8,
        "server.a.b.c.e": 8,
        "server.a.b.c.e.f": 8,
        "routes": 9,
        "routes[0]": 9,
        "routes[0].channel": 10,
        "routes[1]": 11,
        "routes[1].list": 12,
        "routes[1].list[0]": 13,
        "routes[1].list[1]": 14,
        "routes[1].list[1].two": 14,
        "routes[1].match": 16,
        "routes[1].match.severity": 17,
        "components": 18,
        'components."a.b"': 18,
        'components."a.b".threshold': 18,
        'components."a.b".threshold.x': 19,
    }


KEYS = st.text(max_size=8)
VALUES = st.recursive(
    st.booleans() | st.integers(-(2**40), 2**40) | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(KEYS, VALUES, max_size=6))
def test_what_is_written_is_read_with_its_lines(data):
    """Any data written as TOML, a key a line, reads back the same, and each key is found on its line."""
    text = "\n".join(f"{key_text(key)} = {value_text(value)}" for key, value in data.items())
    source = document.parse(text.encode(), TOML)
    assert source.data == data
    assert [source.line((key,)) for key in data] == list(range(1, len(data) + 1))


@given(st.text())
def test_the_scan_survives_any_text(text):
    """Looking for lines in text that is no TOML ends, and raises nothing."""
    scan(text)


def findings(content: bytes, path: Path) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        document.parse(content, path)
    return [str(finding) for finding in caught.value.findings]


@pytest.mark.parametrize("path", [TOML, YAML])
def test_not_text(path):
    """A file that is not UTF-8 is refused with the line and the byte."""
    assert findings(b"a = 1\nb = '\xff'\n", path) == [f"{path}:2: is not UTF-8 text: byte 0xff cannot stand there"]


@pytest.mark.parametrize("path", [TOML, YAML])
def test_byte_order_mark(path):
    """Editors on Windows put a mark at the start; it means nothing."""
    assert document.parse(b"\xef\xbb\xbf", path).data == {}


@pytest.mark.parametrize(
    ("content", "path"),
    [
        (b"a = " + b"[" * 100_000, TOML),
        (b"a = " + b"[" * 50 + b"]" * 50, TOML),
        (b".".join([b"a"] * 3000) + b" = 1", TOML),
        (b"a: " + b"[" * 100_000, YAML),
        (b"a: " + b"[" * 50 + b"]" * 50, YAML),
        (b"a: &a0 {}\n" + b"".join(b"k%d: &a%d {x: *a%d}\n" % (n, n, n - 1) for n in range(1, 300)), YAML),
    ],
)
def test_too_deep(content, path):
    """Tables and lists inside each other without end are refused, and exhaust no stack."""
    assert "more than 40 tables or lists inside each other" in findings(content, path)[0]


def test_alias_bomb():
    """Ten lines of aliases that stand for billions of values are refused before anything expands them."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    assert "stands for more than 1,000,000 values" in findings("\n".join(lines).encode(), YAML)[0]


def test_alias_of_itself():
    """A value that contains itself is refused."""
    assert findings(b"a: &a\n  b: *a\n", YAML) == ["a.yaml:1: contains an alias of itself"]


def test_aliases_and_merges_work():
    """Sensible use of anchors is welcome: a merge gives its keys, and they have lines."""
    source = document.parse(b"base: &base {interval: 5}\nredis:\n  <<: *base\n  url: x\n", YAML)
    assert source.data["redis"] == {"interval": 5, "url": "x"}
    assert (source.line(("redis", "interval")), source.line(("redis", "url"))) == (1, 4)


def test_yaml_has_no_surprises():
    """Times and dates stay text: 10:30 is no number in base 60, 2026-01-01 no date."""
    data = document.parse(b"a: 10:30\nb: 2026-01-01\nc: 0x1f\nd: 190:20.5\ne: 1.5\nf: no\ng: ~\n", YAML).data
    assert data == {"a": "10:30", "b": "2026-01-01", "c": 31, "d": "190:20.5", "e": 1.5, "f": False, "g": None}


@pytest.mark.parametrize(
    "text", ["a: !!python/object/apply:os.system [id]", "a: !!timestamp x", "a: !!int ''", "a: !x y"]
)
def test_yaml_tags_are_harmless(text):
    """Tags build no objects and break nothing."""
    assert (
        findings(text.encode(), YAML)[0].startswith("a.yaml:1: is not valid YAML")
        or "does not fit its tag" in (findings(text.encode(), YAML)[0])
    )


@pytest.mark.parametrize(
    "text", ["password: *hunter2hunter2", "password: !hunter2hunter2 x", "password: @hunter2hunter2"]
)
def test_yaml_errors_repeat_no_content(text):
    """A password that YAML takes for syntax does not end up in the message."""
    assert "hunter2" not in findings(text.encode(), YAML)[0]


@pytest.mark.parametrize("text", ["- a", "5", "text"])
def test_yaml_that_is_no_table(text):
    """YAML that holds something else than keys is refused with what was expected."""
    assert findings(text.encode(), YAML) == ["a.yaml:1: holds no table: expected keys such as `components:`"]


def test_huge_number_and_huge_file():
    """A number of 5000 digits and a file of 17 MiB are refused in a sentence."""
    assert findings(b"a = " + b"1" * 5000, TOML) == ["a.toml: holds a whole number with thousands of digits"]
    assert findings(b"#" * (17 * 1024 * 1024), TOML) == ["a.toml: is larger than 16 MiB, which no configuration is"]


def test_unreadable_file(tmp_path):
    """A directory, or nothing, in the file's place is told with its path."""
    for path, reason in ((tmp_path, "Is a directory"), (tmp_path / "x.toml", "No such file or directory")):
        with pytest.raises(ConfigurationError, match=reason):
            document.read(path)
