"""Exporters and sources: every bundled one has a page and a sample that loads; documents are as their schema says."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from auscult import Catalogue, Monitor
from auscult.config import load
from auscult.metrics_exporter import JSONExporter

DOCS = Path(__file__).parents[2] / "docs"
CATALOGUE = Catalogue.discover()
ENVIRON = {"PATH": os.environ["PATH"], "METRICS_TOKEN": "a-token", "DD_API_KEY": "a-key"}
ENVIRON |= dict.fromkeys(("REMOTE_WRITE_PASSWORD", "OTLP_TOKEN", "NEW_RELIC_LICENSE_KEY"), "something")


def bundled(classes):
    return sorted(kind for kind, cls in classes.items() if cls.__module__.startswith("auscult_plugins"))


@pytest.mark.parametrize(("table", "classes"), [("exporters", CATALOGUE.exporters), ("sources", CATALOGUE.sources)])
def test_every_kind_has_a_page_and_a_sample(table, classes):
    """No bundled kind is undocumented."""
    kinds = bundled(classes)
    assert kinds
    index = (DOCS / table / "index.md").read_text()
    for kind in kinds:
        assert f"[`{kind}`]({kind}.md)" in index
        assert f"<!-- {table[:-1]}: {kind} -->" in (DOCS / table / f"{kind}.md").read_text()
        assert (DOCS / "examples" / table / f"{kind}.toml").is_file()


@pytest.mark.parametrize(
    "file",
    sorted([*(DOCS / "examples/exporters").glob("*.toml"), *(DOCS / "examples/sources").glob("*.toml")]),
    ids=str,
)
def test_samples_load(file):
    """Without a mistake, and into objects of the kind."""
    settings, _ = load(file, environ=ENVIRON)
    assert settings.metrics.exporters or settings.metrics.sources


@pytest.mark.anyio
async def test_documents_are_as_the_schema_says():
    """A real snapshot, and the schema refuses what is none."""
    schema = json.loads((DOCS / "reference" / "metrics.schema.json").read_text())
    validator = Draft202012Validator(schema)
    snapshot = await Monitor().metrics.snapshot()
    document = json.loads(JSONExporter().render(snapshot).body)
    assert document["metrics"]
    validator.validate(document)
    assert not validator.is_valid({**document, "timestamp": 5})
