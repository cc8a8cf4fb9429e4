"""The examples of the documentation, and the installed plugins, with the configuration as it really is."""

from __future__ import annotations

import tomllib
from pathlib import Path

import jsonschema_rs
import pytest

from auscult import Catalogue
from auscult.config import init_text, load, reference, schema, show
from auscult.config.fielddocs import field_docs

GRAFANA = {"GRAFANA_TOKEN": "0123456789abcdef"}
EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"
ENVIRON = {
    "DATABASE_URL": "sqlite:////tmp/x.db",
    "REDIS_URL": "redis://:hunter2hunter2@127.0.0.1:6379/0",
    "LIVEKIT_URL": "ws://127.0.0.1:7880",
    "LIVEKIT_API_KEY": "devkey",
    "LIVEKIT_API_SECRET": "hunter2hunter2secret",
    "OPENAI_API_KEY": "hunter2hunter2openai",
    "DEEPGRAM_API_KEY": "hunter2hunter2deepgram",
    "ELEVENLABS_API_KEY": "hunter2hunter2eleven",
    "CARTESIA_API_KEY": "hunter2hunter2cartesia",
    "ANTHROPIC_API_KEY": "hunter2hunter2anthropic",
}


@pytest.fixture(scope="module")
def installed() -> Catalogue:
    return Catalogue.discover()


def test_both_spellings_mean_the_same(installed):
    """The TOML and the YAML example give the same components, and satisfy the schema."""
    toml, _ = load(EXAMPLES / "configured.toml", environ=GRAFANA, catalogue=installed)
    yaml, _ = load(EXAMPLES / "configured.yaml", environ=GRAFANA, catalogue=installed)
    assert {name: c.fingerprint for name, c in toml.components.items()} == {
        name: c.fingerprint for name, c in yaml.components.items()
    }
    assert show(toml)["components"] == show(yaml)["components"]
    assert toml.warnings == yaml.warnings == []
    assert jsonschema_rs.Draft202012Validator(schema(installed)).is_valid(
        tomllib.loads((EXAMPLES / "configured.toml").read_text())
    )


def test_a_voice_agents_environment(installed, tmp_path):
    """What the bundled checks find in an agent's environment is written by `init`, loads, and is the same; no secret
    is written down."""
    text = init_text(installed, ENVIRON)
    assert "hunter2" not in text
    (tmp_path / "auscult.toml").write_text(text)
    found, _ = load(None, environ={**ENVIRON, "AUSCULT_CONFIG": "/dev/null"}, catalogue=installed)
    written, _ = load(tmp_path / "auscult.toml", environ=ENVIRON, catalogue=installed)
    assert {name: c.fingerprint for name, c in written.components.items()} == {
        name: c.fingerprint for name, c in found.components.items()
    }
    assert {"host", "redis", "database", "livekit"} <= set(found.components)
    assert "hunter2" not in str(show(found)) + repr(list(found.components.values()))
    assert jsonschema_rs.Draft202012Validator(schema(installed)).is_valid(tomllib.loads(text))


def test_the_schema_of_everything_installed(installed):
    """The schema with all bundled kinds is a valid schema."""
    assert jsonschema_rs.meta.is_valid(schema(installed))


def test_every_option_is_documented(installed):
    """Each option of each bundled kind has the string below it that makes the reference page."""
    undocumented = [
        f"{kind}.{name}"
        for kind, cls in installed.checks.items()
        for name in cls.__struct_fields__
        if name not in field_docs(cls)
    ]
    assert undocumented == []
    assert all(f"### `{kind}`" in reference(installed) for kind in installed.checks)
