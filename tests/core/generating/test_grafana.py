"""Dashboards for Grafana: importable, and every expression parses and asks for metrics that exist."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from tests.need import program

from auscult import Catalogue, Chart, Dashboard, Panel, Placed, Query, Variable
from auscult.generating.grafana import grafana_dashboard
from auscult.metrics.names import FAMILIES, RECORDED, measured

CATALOGUE = Catalogue.discover()
FILES = sorted((Path(__file__).parents[3] / "docs" / "dashboards" / "grafana").glob("*.json"))
KNOWN = {**FAMILIES, **RECORDED, **measured(CATALOGUE.checks.values())}
WORDS = {
    "sum",
    "topk",
    "by",
    "on",
    "and",
    "or",
    "rate",
    "increase",
    "histogram_quantile",
    "vector",
    "avg",
    "le",
    "time",
}


def expressions(document):
    return [target["expr"] for panel in document["panels"] for target in panel["targets"]]


ALL = sorted({expression for file in FILES for expression in expressions(json.loads(file.read_text()))})


def names_of(expression):
    """Names of metrics and of labels in an expression."""
    bare = re.sub(r'"[^"]*"', '""', expression)
    bare = re.sub(r"\[\w+\]", "", bare)
    labels = {label for inside in re.findall(r"\{([^}]*)\}", bare) for label in re.findall(r"(\w+)\s*[=!]", inside)}
    labels |= {label.strip() for inside in re.findall(r"(?:by|on)\s*\(([^)]*)\)", bare) for label in inside.split(",")}
    bare = re.sub(r"\{[^}]*\}", "", re.sub(r"(?:by|on)\s*\([^)]*\)", "", bare))
    metrics = {name for name in re.findall(r"[a-zA-Z_][a-zA-Z0-9_]*", bare) if name not in WORDS}
    return metrics, labels - {"__name__"}


def test_there_are_the_four_default_dashboards():
    """And the copies in the documentation are what is generated now (`docs/build.py --check` proves that)."""
    assert [file.stem for file in FILES] == ["ai_services", "api_performance", "infrastructure", "system_overview"]
    assert len(ALL) > 25


@pytest.mark.parametrize("expression", ALL)
def test_every_name_and_label_is_in_the_registry(expression):
    """Nothing asks for a metric that nobody exports, or for a label that it does not have."""
    metrics, labels = names_of(expression)
    families = []
    for name in metrics:
        base = re.sub(r"_(bucket|sum|count)$", "", name)
        family = KNOWN.get(name) or KNOWN.get(base)
        assert family is not None, name
        assert name == family.name or family.type == "histogram"
        families.append(family)
    allowed = {label for family in families for label in family.labels} | {"le"}
    assert labels <= allowed or not families, (labels, allowed)
    for pattern in re.findall(r'__name__=~"([^"]*)"', expression):
        assert any(re.fullmatch(pattern, name) for name in KNOWN), pattern


def test_promtool_parses_every_expression(tmp_path):
    """Prometheus' own parser, over all of them at once."""
    rules = "".join(f"  - record: a:b{at}\n    expr: {json.dumps(expr)}\n" for at, expr in enumerate(ALL))
    file = tmp_path / "rules.yml"
    file.write_text(f"groups:\n- name: x\n  rules:\n{rules}")
    done = subprocess.run(
        [program("promtool", "prometheus"), "check", "rules", file], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(ALL)} rules found" in done.stdout


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_grafana_can_import_them(file):
    """What the classic schema asks for: unique ids, 24 columns without overlaps, the data source as a variable."""
    document = json.loads(file.read_text())
    assert document["id"] is None
    assert 8 <= len(document["uid"]) <= 40
    assert 36 <= document["schemaVersion"] <= 42
    assert document["templating"]["list"][0]["type"] == "datasource"
    panels = document["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken = set()
    for panel in panels:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken
        taken |= cells
        assert panel["datasource"]["uid"] == "${datasource}"
        assert [target["refId"] for target in panel["targets"]] == [chr(65 + at) for at in range(len(panel["targets"]))]
        steps = [step["value"] for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"]]
        assert steps[0] is None
        assert steps[1:] == sorted(steps[1:])


class Own(Panel):
    """A panel of a stranger's."""

    kind = "own"

    def show(self, view):
        return []

    def charts(self):
        return (Chart(queries=(Query("up"), Query("down")), unit="%", warning=90, critical=50),)


class Silent(Panel):
    """One that no metric tells."""

    kind = "silent"

    def show(self, view):
        return []


def test_dashboards_of_the_users():
    """Their own panels take part, variables become Grafana's, and what has no metric is left out."""
    dashboard = Dashboard(
        id="mine",
        title="Mine",
        panels=[Placed(panel=Own(), title="Own", width=12), Silent()],
        variables=[Variable(name="component", query="components"), Variable(name="zone", options=("a", "b"))],
        refresh_interval=10,
    )
    document = grafana_dashboard(dashboard)
    (panel,) = document["panels"]
    assert (panel["title"], panel["gridPos"]["w"]) == ("Own", 24)
    steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
    assert [step["color"] for step in steps] == ["red", "orange", "green"]
    assert [variable["name"] for variable in document["templating"]["list"]] == ["datasource", "component", "zone"]
    assert document["refresh"] == "10s"
