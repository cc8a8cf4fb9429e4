"""The JSON Schema and the loader agree about documents, and the reference page names every key."""

from __future__ import annotations

import tomllib
from typing import Any

import jsonschema_rs
import pytest

from auscult import ConfigurationError
from auscult.config import init_text, reference, schema

GOOD = [
    "",
    "[components]",
    '[components.redis]\ncheck = "redis"\nurl = "${REDIS_URL:-x}"\ninterval = "1h30m"\nport = "${PORT:-1}"',
    '[components.redis]\ncheck = "redis"\nurl = { file = "auscult.toml" }\nthreshold = { cpu_usage_percent = 5 }',
    '[components.web]\ncheck = "http"\nurl = "x"\nstatus = [200]\nmethod = "HEAD"\nlogin = { user = "x" }\nwait = 5',
    '[components.web]\ncheck = "http"\nurl = "x"\nheaders = { A = "b" }\nlabels = { a = "b" }\nisolate = "process"',
    "[components.auscult]\ninterval = 5",
    '[server]\nport = 0\nlog_format = "json"\ntrusted_proxies = ["10.0.0.0/8"]\ngraceful_timeout = "3s"\n[components]',
    '[store]\nstate_dir = "x"\n[store.retention]\nraw = "1d"\n[components]',
    "[auth.tokens.ci]\nrole = 'viewer'\ntoken = '0123456789abcdef'\n[components]",
    '[channels.ops]\nchannel = "x"\nanything = [1]\n[dashboards.d]\n[components]',
    '[rules.r]\ncondition = "x > 1"\nfor = "1m"\n[components]',
    '[rules.s]\nmetric = "x"\nvalue = 1\nlabels = { a = "b" }\n[components]',
    '[[routes]]\nmatch = { team = "a", severity = ["low", "info"] }\ncontinue = true\nrepeat = "1h"\n[components]',
    '[maintenance.m]\ncron = "0 3 * * *"\nmatch = { component = "x" }\nduration = 60\n[components]',
    "[limits]\nmeasurements = 5\n[egress]\nstrict = true\ndeny = ['10.0.0.0/8']\n[components]",
]
BAD = [
    "[component]",
    "[components.redis]",
    '[components.redis]\ncheck = "redis"',
    '[components.redis]\ncheck = "nope"',
    '[components.redis]\ncheck = "redis"\nurl = 5',
    '[components.redis]\ncheck = "redis"\nurl = "x"\nulr = "x"',
    '[components.redis]\ncheck = "redis"\nurl = "x"\nmethod = "GET"',
    '[components.redis]\ncheck = "redis"\nurl = "x"\nport = "1"',
    '[components.redis]\ncheck = "redis"\nurl = "x"\nport = 0',
    '[components.redis]\ncheck = "redis"\nurl = "x"\ninterval = "soon"',
    '[components.redis]\ncheck = "redis"\nurl = "x"\ninterval = -5',
    '[components.redis]\ncheck = "redis"\nurl = "x"\nlabels = { "a b" = "c" }',
    '[components.redis]\ncheck = "redis"\nurl = "x"\nthreshold = { nope = 1 }',
    '[components."A B"]\ncheck = "host"',
    '[components.web]\ncheck = "http"\nurl = "x"\nstatus = ["200"]',
    '[components.web]\ncheck = "http"\nurl = "x"\nlogin = { usr = "x" }',
    "[components.auscult]\nurl = 5",
    "[server]\nport = 70000",
    "[server]\nlog_level = 'loud'",
    "[auth.tokens.ci]\nhash = 'x'",
    "[[components]]",
    '[rules.r]\ncondition = "x > 1"\nseverity = "loud"\n[components]',
    '[rules.r]\nconditon = "x > 1"\n[components]',
    "[[routes]]\nchannel = 'x'\n[components]",
    "[[routes]]\nescalate = [{ channels = [] }]\n[components]",
    "[maintenance.m]\ncron = 5\n[components]",
]


@pytest.fixture
def validator(catalogue) -> Any:
    return jsonschema_rs.Draft202012Validator(schema(catalogue))


def test_it_is_a_schema(catalogue):
    """It is valid against the 2020-12 meta-schema."""
    assert jsonschema_rs.meta.is_valid(schema(catalogue))


@pytest.mark.parametrize("text", GOOD)
def test_good_documents(loaded, validator, text):
    """What the loader takes, the schema takes."""
    assert all(not finding.fatal for finding in loaded(text).warnings)
    assert [error.message for error in validator.iter_errors(tomllib.loads(text))] == []


@pytest.mark.parametrize("text", BAD)
def test_bad_documents(loaded, validator, text):
    """What the loader refuses, the schema refuses."""
    with pytest.raises(ConfigurationError):
        loaded(text)
    assert not validator.is_valid(tomllib.loads(text))


def test_init_is_valid(catalogue, validator):
    """The file that `init` writes satisfies the schema."""
    assert validator.is_valid(tomllib.loads(init_text(catalogue, {"REDIS_URL": "x"})))


def test_editors_get_the_documentation(catalogue):
    """Every option's string is in the schema, for what an editor shows beside the key."""
    described = schema(catalogue)
    component = described["properties"]["components"]["additionalProperties"]
    redis = next(each for each in component["allOf"] if each["if"]["properties"]["check"]["const"] == "redis")
    assert redis["then"]["properties"]["url"]["description"] == "Address, for example `redis://127.0.0.1:6379/0`."
    assert redis["then"]["properties"]["port"]["default"] == 6379
    assert redis["then"]["description"] == "A Redis server answers PING."


def test_every_key_has_a_meaning(catalogue):
    """Each key of each table, and each option of each kind, is in the schema with a description."""
    described = schema(catalogue)
    tables = [described["properties"][name] for name in ("server", "store", "auth", "defaults", "limits", "egress")]
    tables += [described["properties"][name]["additionalProperties"] for name in ("rules", "maintenance")]
    tables.append(described["properties"]["routes"]["items"])
    component = described["properties"]["components"]["additionalProperties"]
    for properties in [component["properties"], *(table["properties"] for table in tables)]:
        assert all(key["description"] for key in properties.values())


def test_a_type_that_contains_itself(catalogue, fake_catalogue):
    """An option type that refers to itself ends the description instead of going on for ever."""
    import msgspec

    tree = msgspec.defstruct("Tree", [("name", str)])
    node = msgspec.defstruct("Node", [("tree", tree), ("more", list[Any], [])])
    assert schema(fake_catalogue(checks={}))["properties"]["components"]
    kind = type("NodeCheck", (catalogue.checks["host"],), {"kind": "node", "__annotations__": {"node": node}})
    assert jsonschema_rs.meta.is_valid(schema(fake_catalogue(checks={"node": kind})))


def test_the_reference_page(catalogue):
    """The page has every table, key, default, kind, option and measurement."""
    page = reference(catalogue)
    for text in (
        "## `components.NAME`",
        "## `server`",
        "## `store.retention`",
        "## `auth.tokens.NAME`",
        "| `port` | a whole number from 0 to 65535 | `8420` | Port to listen on; 0 takes any free one. |",
        "| `interval` | duration | `30s` |",
        "### `redis`",
        "A Redis server answers PING.",
        "| `url` | text | required | Address, for example `redis://127.0.0.1:6379/0`. |",
        "| `password` | text |  | Password, where the address has none. Secret. |",
        "| `used_memory_bytes` | bytes | gauge | Memory in use. |",
        "Needs the extra `postgres`.",
        "It has no options of its own.",
    ):
        assert text in page


def test_the_reference_page_has_no_empty_meaning(catalogue):
    """Every key of the core's tables says what it means."""
    page = reference(catalogue).split("## Kinds of check")[0]
    rows = [line for line in page.split("\n") if line.startswith("| `")]
    assert len(rows) > 50
    assert [row for row in rows if row.endswith("|  |")] == []
