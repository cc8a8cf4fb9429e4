"""Where dashboards come from, which one counts, and what becomes of those that people make."""

from __future__ import annotations

import anyio
import msgspec
import pytest
from tests.core.dashboards.looking import monitor_with

from auscult import ConfigurationError, Dashboard, Monitor, Panel, Placed, Stat, Text, Variable
from auscult.dashboard import DashboardManager
from auscult.dashboards.view import TimeRange
from auscult.definitions import Definition, PanelDefinition, build, define, slug
from auscult.errors import DashboardConflict, DashboardNotFound

pytestmark = pytest.mark.anyio


class Number(Panel):
    """A number."""

    kind = "number"
    heading = "A number"
    size = (3, 2)

    n: int = 1
    label: str = ""

    def show(self, view):
        return Stat(value=float(self.n), detail=view.fill(self.label))


class Seen(Panel):
    """What it was given."""

    kind = "seen"

    def show(self, view):
        names = ",".join(each.component_name for each in view.chosen(["$component"]))
        return Text(text=f"{view.end - view.start} {view.points} {sorted(view.variables.items())} {names}")


KINDS = {"number": Number, "seen": Seen}


def definition(title: str = "Mine", **fields) -> Definition:
    panels = fields.pop("panels", [PanelDefinition(panel="number", options={"n": 3})])
    return Definition(title=title, panels=panels, **fields)


def text_of(found) -> str:
    return found.panels[0].shapes[0].text


async def test_layers_and_their_order():
    """Plugins, code, what people edited, and the configuration last; the default ones come first in the list."""
    async with monitor_with() as monitor:
        book = monitor.dashboards
        assert isinstance(book, DashboardManager)
        shipped = [
            Dashboard(id=ident, title=ident, panels=[]) for ident in ("zoo", "infrastructure", "system_overview")
        ]
        declared = [Dashboard(id="zoo", title="From the file", panels=[])]
        book.configure(KINDS, shipped)
        assert [entry.dashboard.id for entry in book.entries()] == ["system_overview", "infrastructure", "d", "zoo"]
        await book.change("zoo", definition("Edited"), by="ada")
        assert (book.get("zoo").dashboard.title, book.get("zoo").changed) == ("Edited", True)
        book.configure(KINDS, shipped, declared=declared)
        found = book.get("zoo")
        assert (found.dashboard.title, found.origin, found.editable) == ("From the file", "configuration", False)
        with pytest.raises(DashboardConflict, match="configuration file"):
            await book.change("zoo", definition(), by="ada")
        book.configure(KINDS, shipped)
        await book.delete("zoo", by="ada")
        assert (book.get("zoo").dashboard.title, book.get("zoo").changed) == ("zoo", False)
        with pytest.raises(DashboardConflict, match="nobody has changed it"):
            await book.delete("zoo", by="ada")


async def test_what_plugins_ship_wrongly_is_a_problem_and_harms_no_other():
    """No dashboard at all, and one that is shipped twice."""
    async with monitor_with() as monitor:
        good = Dashboard(id="good", title="Good", panels=[Number()])
        monitor.dashboards.configure(KINDS, ["nonsense", good, good])
        assert monitor.dashboards.get("good").dashboard is good
        messages = [problem.message for problem in monitor.problems]
        assert any("returned str" in message for message in messages)
        assert any("shipped twice" in message for message in messages)


async def test_what_people_make_outlives_a_restart_with_a_note_of_who_did_it(tmp_path):
    """The definition comes back as it was saved, its revision grows, and the store knows who did what."""
    panel = PanelDefinition(
        panel="number", id="n", title="N", width=4, height=3, options={"n": 7, "label": "$component"}
    )
    async with monitor_with(state_dir=tmp_path) as monitor:
        monitor.dashboards.configure(KINDS)
        made = await monitor.dashboards.create(definition("My board", panels=[panel]), by="ada")
        assert (made.dashboard.id, made.origin, made.revision) == ("my_board", "custom", 1)
        again = await monitor.dashboards.change("my_board", made.definition, by="bob")
        assert again.revision == 2
        assert again.created_at == made.created_at
    async with monitor_with(state_dir=tmp_path) as monitor:
        monitor.dashboards.configure(KINDS)
        kept = monitor.dashboards.get("my_board")
        assert kept.definition == again.definition
        assert kept.definition.panels == [panel]
        await monitor.dashboards.delete("my_board", by="cleo")
        with pytest.raises(DashboardNotFound):
            monitor.dashboards.get("my_board")
        audits = await anyio.to_thread.run_sync(monitor.store.alerts.audits)
        assert [(row[2], row[3], row[4]) for row in reversed(audits)] == [
            ("ada", "dashboard.create", "my_board"),
            ("bob", "dashboard.change", "my_board"),
            ("cleo", "dashboard.delete", "my_board"),
        ]


async def test_a_panel_whose_plugin_is_gone_says_so_and_is_not_lost(tmp_path):
    """The other panels go on, the definition stays, and with the plugin everything is back."""
    panels = [PanelDefinition(panel="seen"), PanelDefinition(panel="number")]
    async with monitor_with(state_dir=tmp_path) as monitor:
        monitor.dashboards.configure(KINDS)
        await monitor.dashboards.create(definition("Mine", panels=panels), by="ada")
    async with monitor_with(state_dir=tmp_path) as monitor:
        monitor.dashboards.configure({"number": Number})
        found = await monitor.dashboards.draw("mine")
        assert "no installed plugin offers the panel `seen`" in found.panels[0].error
        assert found.panels[1].metrics[0].value == 1.0
        assert monitor.dashboards.get("mine").definition.panels[0].panel == "seen"
        monitor.dashboards.configure(KINDS)
        assert not (await monitor.dashboards.draw("mine")).panels[0].error


async def test_two_who_edit_at_once_do_not_overwrite_each_other():
    """The second is told that the first has saved; without a revision the last one wins."""
    async with monitor_with() as monitor:
        monitor.dashboards.configure(KINDS)
        made = (await monitor.dashboards.create(definition(), by="ada")).definition
        await monitor.dashboards.change("mine", msgspec.structs.replace(made, title="First"), by="ada")
        with pytest.raises(DashboardConflict, match="revision is 2, not 1"):
            await monitor.dashboards.change("mine", msgspec.structs.replace(made, title="Second"), by="bob")
        last = msgspec.structs.replace(made, title="Third", revision=None)
        assert (await monitor.dashboards.change("mine", last, by="bob")).dashboard.title == "Third"
        with pytest.raises(DashboardConflict, match="already is a dashboard"):
            await monitor.dashboards.create(definition(), by="ada")


def test_every_mistake_of_a_definition_is_told_at_once():
    """Each with its place, what was found, and the nearest name."""
    wrong = definition(
        "???",
        time_range="soon",
        refresh_interval=0,
        panels=[
            PanelDefinition(panel="numbre"),
            PanelDefinition(panel="number", options={"m": 1}),
            PanelDefinition(panel="number", id="x", options={"n": "three"}),
            PanelDefinition(panel="number", id="x"),
        ],
    )
    with pytest.raises(ConfigurationError) as raised:
        build(wrong, KINDS)
    told = {finding.key: finding.message for finding in raised.value.findings}
    assert set(told) == {
        "id",
        "time_range",
        "refresh_interval",
        "panels.0.panel",
        "panels.1.options.m",
        "panels.2.options.n",
        "panels.3",
    }
    assert "did you mean `number`" in told["panels.0.panel"]
    assert "Expected `int`, got `str`" in told["panels.2.options.n"]


def test_a_definition_and_its_dashboard_are_the_same_thing():
    """Export and import change nothing; options that are as they are by themselves are left out."""
    dashboard = Dashboard(
        id="a.b-c",
        title="T",
        description="D",
        refresh_interval=90.0,
        time_range=7200.0,
        variables=[Variable(name="component", query="components")],
        panels=[Number(), Placed(panel=Number(n=2), title="Two", width=12), Number(label="x")],
    )
    written = define(dashboard)
    assert [(p.id, p.title, p.width, p.options) for p in written.panels] == [
        ("number", "A number", 3, {}),
        ("number-2", "Two", 12, {"n": 2}),
        ("number-3", "A number", 3, {"label": "x"}),
    ]
    sent = msgspec.json.decode(msgspec.json.encode(written), type=Definition)
    assert define(build(sent, KINDS)) == written
    assert (written.refresh_interval, written.time_range) == ("1m30s", "2h")


async def test_range_points_and_variables_reach_the_panels():
    """The dashboard's own where nothing is asked for; values that are no option are ignored."""
    component = Variable(name="component", query="components", default="a")
    async with monitor_with(Seen(), variables=[component], time_range=60.0) as monitor:
        for name in ("a", "b"):
            monitor.health.register(name, check=lambda: True)
        draw = monitor.dashboards.draw
        assert text_of(await draw("d")) == "60000 300 [('component', 'a')] a"
        span = TimeRange(start=1_000, end=3_000)
        assert text_of(await draw("d", span=span, points=20, variables={"component": "b"})) == (
            "2000 20 [('component', 'b')] b"
        )
        assert text_of(await draw("d", variables={"component": "*"})).endswith("[('component', '')] a,b")
        assert text_of(await draw("d", variables={"component": "nobody"})).endswith("[('component', 'a')] a")
        options = (await draw("d")).variables[0][2]
        assert options == ["a", "auscult", "b"]


async def test_dashboards_of_plugins_are_looked_up_when_they_are_first_asked_for():
    """A monitor made in code imports no plugin until somebody looks."""
    monitor = Monitor()
    assert monitor.dashboards._look_up is not None
    assert [entry.dashboard.id for entry in monitor.dashboards.entries()][:4] == [
        "system_overview",
        "api_performance",
        "ai_services",
        "infrastructure",
    ]


@pytest.mark.parametrize("wrong", ["", "A", "a b", "a/b", "../x", "x" * 65, "ä"])
def test_ids_are_names_and_nothing_that_could_be_a_path(wrong):
    """They stand in addresses and in file names of downloads."""
    with pytest.raises(ValueError, match="does not match"):
        Dashboard(id=wrong, title="T", panels=[])
    assert "/" not in slug(wrong)
    assert slug(wrong) == "" or Dashboard(id=slug(wrong), title="T", panels=[])
