"""One file with every table: the schema takes it, `config show` has it without its secrets, `config plan` names it."""

from __future__ import annotations

import json
import tomllib

import jsonschema_rs
import pytest

from auscult import Catalogue, Monitor
from auscult.config import init_text, load, plan, schema, show
from auscult.config.tokens import hash_token

HASH = hash_token("a password of somebody", salt=b"0123456789abcdef")
CANARIES = {
    "GATEWAY": "https://canary-of-the-gateway.example.com",
    "INGEST": "https://example.com/canary-of-the-endpoint",
    "SCRAPE": "canary-of-the-source",
    "WATCHDOG": "https://example.com/canary-of-the-watchdog",
    "HOOK": "https://example.com/canary-of-the-hook",
}
PARTS = {
    "server.port": "[server]\nport = 8421\n",
    "store.metric_interval": '[store]\nmetric_interval = "1m"\n',
    "defaults.metrics_export_interval": '[defaults]\nmetrics_export_interval = "1m"\n',
    "exporters.gateway": (
        '[exporters.gateway]\nexporter = "prometheus"\npushgateway_url = "${GATEWAY}"\npush_interval = "15s"\n'
    ),
    "exporters.ours": '[exporters.ours]\nexporter = "json"\nendpoint_url = "${INGEST}"\n',
    "sources.agent": (
        '[sources.agent]\nsource = "prometheus-scrape"\nurl = "http://127.0.0.1:8000/metrics"\ntoken = "${SCRAPE}"\n'
    ),
    "dashboards.voice": '[dashboards.voice]\ntitle = "Voice"\n[[dashboards.voice.panels]]\npanel = "response-times"\n',
    "status_page.enabled": "[status_page]\nenabled = true\n",
    "auth.users.ada": f'[auth.users.ada]\nrole = "operator"\nhash = "{HASH}"\n',
    "auth.tokens.ci": f'[auth.tokens.ci]\nrole = "viewer"\nhash = "{HASH}"\n',
    "deadman.url": '[deadman]\nurl = "${WATCHDOG}"\n',
    "channels.hook": '[channels.hook]\nchannel = "webhook"\nwebhook_url = "${HOOK}"\n',
    "rules.hot": (
        '[rules.hot]\ncondition = "cpu_usage > 90"\nseverity = "low"\nmessage_template = "{cpu_usage:.0f} %"\n'
    ),
    "maintenance.nights": '[maintenance.nights]\ncron = "0 2 * * *"\nduration = "1h"\n',
    "routes": '[[routes]]\nchannels = ["hook"]\n',
}
"""Everything that a plan can name, and the lines that make it."""
HOST = '[components.host]\ncheck = "host"\n'


@pytest.fixture(scope="module")
def installed() -> Catalogue:
    return Catalogue.discover()


def whole(*without: str) -> str:
    """The file; routes need the channel that they name."""
    return HOST + "".join(text for key, text in PARTS.items() if key not in without)


def loaded(tmp_path, installed, text):
    file = tmp_path / "auscult.toml"
    file.write_text(text)
    return load(file, environ=CANARIES, catalogue=installed)[0]


def test_the_schema_takes_all_of_it(installed):
    """And refuses a key too many in any of its tables."""
    validator = jsonschema_rs.Draft202012Validator(schema(installed))
    document = tomllib.loads(whole())
    assert [error.message for error in validator.iter_errors(document)] == []
    for key in ("server", "store", "defaults", "status_page", "deadman", "auth"):
        assert not validator.is_valid(document | {key: document[key] | {"no-such-key": 1}}), key
    for key in ("exporters", "sources", "dashboards", "channels"):
        name = next(iter(document[key]))
        worse = document[key] | {name: document[key][name] | {"no-such-key": 1}}
        assert not validator.is_valid(document | {key: worse}), key


def test_show_has_all_of_it_and_no_secret(tmp_path, installed):
    """Each part where it belongs, with its own values; of what is secret, three stars."""
    shown = show(loaded(tmp_path, installed, whole()))
    text = json.dumps(shown)
    assert not [name for name, value in CANARIES.items() if value in text]
    assert HASH not in text
    assert shown["exporters"]["gateway"]["exporter"] == "prometheus"
    assert shown["exporters"]["gateway"]["push_interval"] == "15s"
    assert shown["sources"]["agent"]["token"] == "***"
    assert shown["store"]["metric_interval"] == "1m"
    assert shown["status_page"]["enabled"] is True
    assert shown["auth"]["users"]["ada"]["role"] == "operator"
    assert shown["dashboards"]["voice"]["title"] == "Voice"
    assert "nights" in shown["maintenance"]
    assert shown["deadman"]["url"]


@pytest.mark.parametrize("key", PARTS)
def test_plan_names_what_is_added_and_what_is_removed(tmp_path, installed, key):
    """By its own key, in both directions, and nothing besides but what follows from it."""
    follows = {"channels.hook": {"routes"}}.get(key, set())
    everything, less = (
        loaded(tmp_path, installed, text) for text in (whole(), whole(key, *("routes",) * (key == "channels.hook")))
    )
    for before, after in ((less, everything), (everything, less)):
        found = plan(before, after)
        assert key in found.other
        assert set(found.other) - {key} <= follows | {"channels.log"}
        assert (found.added, found.changed, found.removed) == ((), (), ())


def test_init_offers_what_comes_after_the_components(tmp_path, installed):
    """Its examples are a configuration once their comment signs are gone: channel, exporter, source, dashboard."""
    text = init_text(installed, {})
    begin = text.index("# Who is told")
    examples = [line[2:] for line in text[begin:].splitlines() if line.startswith("# ")]
    lines = [line for line in examples if line.startswith("[") or " = " in line]
    settings = loaded(tmp_path, installed, HOST + "\n".join(lines))
    assert set(settings.channels) == {"ops"}
    assert set(settings.exporters) == {"gateway"}
    assert set(settings.sources) == {"agent"}
    assert set(settings.dashboards) == {"voice"}
    assert [finding for finding in settings.warnings if finding.fatal] == []


@pytest.mark.parametrize(
    ("change", "restarts"),
    [
        ("[server]\nport = 1", True),
        ('[server]\nlog_level = "debug"', True),
        ('[server]\nname = "other"', False),
        ("[server]\npublic_metrics = true", False),
        ("[server]\nmetric_timestamps = false", False),
        ('[store]\nretention = { raw = "1h" }', True),
        ('[store]\nmetric_interval = "1m"', False),
        ("[egress]\nstrict = true", True),
        ("[limits]\nmeasurements = 10", True),
        ("[limits]\nseries = 10", False),
        ('[deadman]\ninterval = "5m"', False),
        ("[status_page]\nenabled = true", False),
    ],
)
def test_plan_says_what_needs_a_new_start(tmp_path, installed, change, restarts):
    """And nothing else: limits and intervals of metrics, names, the page follow a reload."""
    before, after = (loaded(tmp_path, installed, text) for text in (HOST, f"{HOST}{change}\n"))
    found = plan(before, after)
    assert len(found.other) == 1
    assert found.restart == (found.other if restarts else ())


@pytest.mark.anyio
async def test_a_reload_does_what_the_plan_says(tmp_path, installed):
    """The limits and the interval of metrics, and who may read them, are those of the new file at once."""
    settings = loaded(tmp_path, installed, HOST)
    monitor = Monitor.from_settings(settings, installed, state_dir=tmp_path / "state")
    async with monitor:
        new = loaded(
            tmp_path,
            installed,
            f'{HOST}[limits]\nseries = 10\n[store]\nmetric_interval = "1m"\n[server]\npublic_metrics = true\n',
        )
        found = monitor.reload(new, installed)
        assert set(found.other) == {"limits.series", "store.metric_interval", "server.public_metrics"}
        assert found.restart == ()
        assert monitor.metrics.store_interval == 60
        assert monitor.metrics._limits.series == 10
        assert monitor.settings.server.public_metrics
