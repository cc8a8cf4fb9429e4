"""Whatever stands in a file or a variable: a configuration comes out, or a ConfigurationError, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auscult import ConfigurationError
from auscult.config import Settings, load, plan, show
from auscult.config.toml_text import key_text, value_text
from auscult.errors import Finding


def words(text: str) -> list[str]:
    return text.split()


KEYS = st.text(max_size=5) | st.sampled_from(
    words(
        "components redis check url port server defaults threshold recover auth tokens token hash role interval "
        "timeout depends_on labels channels routes plugins file tokens_file store retention response_time_ms critical "
        "enabled auscult login status"
    )
)
WORDS = st.sampled_from(
    [
        "redis",
        "http",
        "host",
        "database",
        "5s",
        "1",
        "true",
        "${X}",
        "${X:-5}",
        "${",
        "$$",
        "{ file }",
        "viewer",
        "/",
        "\x00",
        "",
    ]
)
SCALARS = (
    WORDS
    | st.text(max_size=8)
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.dates()
    | st.datetimes()
    | st.none()
)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=25,
)
COMPONENT = st.fixed_dictionaries(
    {},
    optional={
        "check": st.sampled_from(["redis", "http", "host", "paid", "database", "nope", "${X}"]) | SCALARS,
        **dict.fromkeys(
            ("url", "port", "interval", "timeout", "threshold", "depends_on", "labels", "login", "status"), TREES
        ),
        **dict.fromkeys(("password", "headers", "wait", "follow", "body", "certificate", "isolate", "critical"), TREES),
    },
)
FILES = st.fixed_dictionaries(
    {},
    optional={
        "components": st.dictionaries(st.sampled_from(["a", "b", "auscult", "A"]), COMPONENT | SCALARS, max_size=3)
        | SCALARS,
        **dict.fromkeys(("server", "store", "auth", "defaults", "limits", "egress", "plugins", "routes", "x"), TREES),
        **dict.fromkeys(("channels", "exporters", "sources", "rules", "dashboards"), TREES),
    },
)
ENVIRON = st.fixed_dictionaries(
    {},
    optional={
        **{
            key: st.text(max_size=8)
            for key in ("X", "HEALTH_CHECK_INTERVAL", "AUSCULT_SERVER__PORT", "AUSCULT_PLUGINS")
        },
        **{
            key: st.text(max_size=8)
            for key in ("ALERT_WEBHOOK_URL", "AUSCULT_STATE_DIR", "STATE_DIRECTORY", "AUSCULT_X__Y")
        },
        **{
            key: st.text(max_size=8)
            for key in ("AUSCULT_SERVER", "AUSCULT_AUTH__TOKENS__A__ROLE", "AUSCULT_DEFAULTS__THRESHOLD")
        },
    },
)
MANY = settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.fixture
def attempt(tmp_path: Path, catalogue: Any) -> Any:
    """Load these bytes under that name; everything that can be done with the outcome is done."""

    def run(content: bytes, name: str, environ: dict[str, str]) -> Settings | None:
        path = tmp_path / name
        path.write_bytes(content)
        findings: list[Finding] = []
        try:
            found, _ = load(path, environ=environ, catalogue=catalogue)
        except ConfigurationError as error:
            findings = error.findings
        if findings:
            assert all(str(finding) for finding in findings)
            assert any(finding.fatal for finding in findings)
            return None
        json.dumps(show(found))
        assert not plan(found, found)
        repr(found)
        return found

    return run


def plain(value: Any) -> Any:
    """Without what TOML cannot say."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items() if item is not None}
    return [plain(item) for item in value if item is not None] if isinstance(value, list) else value


def dated(value: Any) -> str:
    """TOML text, dates included."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key_text(key)} = {dated(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(dated, value)) + "]"
    return value.isoformat() if hasattr(value, "isoformat") else value_text(value)


@MANY
@given(data=FILES, environ=ENVIRON)
def test_any_tables_in_toml(attempt, data, environ):
    """Tables of the right names with values of any kind."""
    text = "\n".join(f"{key_text(key)} = {dated(value)}" for key, value in plain(data).items())
    attempt(text.encode(), "a.toml", environ)


@MANY
@given(data=FILES, environ=ENVIRON)
def test_any_tables_in_yaml(attempt, data, environ):
    """The same in YAML, where keys and values can be odder still."""
    import yaml

    attempt(yaml.safe_dump(data, allow_unicode=True).encode(errors="replace"), "a.yaml", environ)


@MANY
@given(content=st.binary(max_size=200), name=st.sampled_from(["a.toml", "a.yaml"]))
def test_any_bytes(attempt, content, name):
    """Files that are no configuration at all."""
    attempt(content, name, {})


SIGNS = words("""[ ] { } = : , . ' " \"\"\" ''' - # &a *a !!x <<: check redis 1 true \\ é | > ? --- ... %YAML 9 @ `""")
SNIPPETS = st.lists(st.sampled_from([*SIGNS, "\n", " ", "  ", "- ", "? ", "\t", "\x00"]), max_size=30)


@MANY
@given(snippets=SNIPPETS, name=st.sampled_from(["a.toml", "a.yaml"]))
def test_any_punctuation(attempt, snippets, name):
    """The signs of both languages in any order."""
    attempt("".join(snippets).encode(), name, {})


VALID = st.fixed_dictionaries(
    {"check": st.just("http"), "url": st.text(st.characters(exclude_categories=["Cs"]), max_size=20)},
    optional={
        "method": st.sampled_from(["GET", "HEAD", "POST"]),
        "status": st.lists(st.integers(-(2**60), 2**60), max_size=4),
        "wait": st.integers(0, 10**9) | st.from_regex(r"[0-9]{1,6}(ms|s|m|h)", fullmatch=True),
        "follow": st.booleans(),
        "headers": st.dictionaries(st.text(max_size=6), st.text(max_size=6), max_size=3).filter(
            lambda d: set(d) != {"file"}
        ),
        "interval": st.integers(1, 10**6),
        "weight": st.floats(0, 1e6),
        "labels": st.dictionaries(st.from_regex(r"[a-z_]{1,8}", fullmatch=True), st.text(max_size=6), max_size=3),
    },
)


def doubled(value: Any) -> Any:
    """Every dollar written as two, so that text stands for itself."""
    if isinstance(value, dict):
        return {key: doubled(item) for key, item in value.items()}
    return value.replace("$", "$$") if isinstance(value, str) else value


@MANY
@given(
    tables=st.dictionaries(
        st.from_regex(r"[a-z0-9_.-]{1,20}", fullmatch=True).filter(lambda n: n != "auscult"), VALID, max_size=3
    )
)
def test_what_is_right_arrives_unchanged(attempt, tables):
    """Valid components come out of TOML and YAML as they went in, and as each other."""
    import yaml

    text = "\n".join(
        f"[components.{key_text(name)}]\n" + "\n".join(f"{k} = {value_text(v)}" for k, v in table.items())
        for name, table in doubled(tables).items()
    )
    toml = attempt((text or "[components]").encode(), "a.toml", {})
    from_yaml = attempt(yaml.safe_dump({"components": doubled(tables)}).encode(), "a.yaml", {})
    assert toml is not None
    assert from_yaml is not None
    for name, table in tables.items():
        check = toml.components[name].check
        assert check.url == table["url"]
        assert check.headers == table.get("headers", {})
        assert list(check.status) == table.get("status", [200])
        assert toml.components[name].interval == table.get("interval", 30)
        assert toml.components[name].fingerprint == from_yaml.components[name].fingerprint
