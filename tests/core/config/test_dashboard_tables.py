"""The tables for dashboards, people, the provider and the status page: what they become; mistakes with their place."""

from __future__ import annotations

import pytest

from auscult import Catalogue, ConfigurationError
from auscult.config import load, plan, show
from auscult.config.tokens import hash_token

HASH = hash_token("a password of somebody", salt=b"0123456789abcdef")
GOOD = f"""
[components]

[dashboards.voice]
title = "Voice"
refresh_interval = "15s"
time_range = "3h"

[dashboards.voice.variables.component]
query = "components"
default = "stt_client"

[[dashboards.voice.panels]]
panel = "response-times"
width = 12
components = ["$component"]

[[dashboards.voice.panels]]
panel = "text"
id = "note"
title = "Note"
text = "hello ${{WHO}}"

[auth.users.ada]
role = "operator"
hash = "{HASH}"

[auth]
session_idle = "1h"

[auth.oidc]
issuer = "https://login.example.com"
client_id = "auscult"
client_secret = "${{SECRET}}"
roles = {{ sre = "admin" }}

[status_page]
enabled = true
groups = ["voice"]
names = {{ stt_client = "Hearing" }}
"""
ENVIRON = {"WHO": "world", "SECRET": "canary-of-the-client"}


@pytest.fixture(scope="module")
def installed() -> Catalogue:
    return Catalogue.discover()


def settings_of(tmp_path, installed, text=GOOD, environ=ENVIRON):
    (tmp_path / "auscult.toml").write_text(text)
    return load(tmp_path / "auscult.toml", environ=environ, catalogue=installed)[0]


def mistakes_of(tmp_path, installed, text) -> list[str]:
    with pytest.raises(ConfigurationError) as raised:
        settings_of(tmp_path, installed, text)
    return [str(finding).rpartition("auscult.toml:")[2] for finding in raised.value.findings]


def test_tables_become_what_the_parts_work_with(tmp_path, installed):
    """Dashboards of panels, users by name, the provider, the page."""
    settings = settings_of(tmp_path, installed)
    (board,) = settings.boards
    assert (board.id, board.title, board.refresh_interval, board.time_range) == ("voice", "Voice", 15.0, 10_800.0)
    assert [(each.id, each.width, each.panel.kind) for each in board.placed] == [
        ("response-times", 12, "response-times"),
        ("note", 6, "text"),
    ]
    assert board.placed[0].panel.components == ("$component",)
    assert board.placed[1].panel.text == "hello world"
    assert board.variables[0].default == "stt_client"
    assert [(user.name, user.role) for user in settings.auth.users] == [("ada", "operator")]
    assert (settings.auth.session_idle, settings.auth.session_lifetime) == (3600.0, 7 * 86400.0)
    assert settings.auth.oidc.client_secret == "canary-of-the-client"
    assert settings.auth.anybody
    assert (settings.status_page.enabled, settings.status_page.groups) == (True, ("voice",))


def test_variables_set_the_status_page_too(tmp_path, installed):
    """As every other table of settings."""
    environ = ENVIRON | {"AUSCULT_STATUS_PAGE__TITLE": "From outside", "AUSCULT_STATUS_PAGE__GROUPS": "a,b"}
    settings = settings_of(tmp_path, installed, environ=environ)
    assert (settings.status_page.title, settings.status_page.groups) == ("From outside", ("a", "b"))


def test_nothing_secret_is_shown_and_every_change_is_named(tmp_path, installed):
    """In `config show`, in the repr of each part; a reload says what it changes."""
    settings = settings_of(tmp_path, installed)
    shown = repr(show(settings)) + repr(settings) + repr(settings.auth)
    for secret in ("canary", HASH, HASH[-20:]):
        assert secret not in shown
    assert show(settings)["dashboards"]["voice"]["panels"][1]["options"] == {"text": "hello world"}
    changed = GOOD.replace("15s", "20s").replace('"operator"', '"viewer"').replace("1h", "2h").replace("sre", "ops")
    changed = changed.replace("enabled = true", "enabled = false")
    other = set(plan(settings, settings_of(tmp_path, installed, changed)).other)
    assert other == {"dashboards.voice", "auth.users.ada", "auth.session_idle", "auth.oidc", "status_page.enabled"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            '[[dashboards.a.panels]]\npanel = "txt"',
            "2: dashboards.a.panels[0].panel: no installed plugin offers the panel `txt`",
        ),
        ('[[dashboards.a.panels]]\npanel = "text"', "dashboards.a.panels[0].text: missing: expected text"),
        (
            '[[dashboards.a.panels]]\npanel = "text"\ntext = "x"\ntone = "loud"',
            "4: dashboards.a.panels[0].tone: expected one of `bad`, `good`, `normal`, `warning`",
        ),
        ('[[dashboards.a.panels]]\npanel = "text"\ntext = "x"\nwidht = 3', "did you mean `width`"),
        ('[[dashboards.a.panels]]\npanel = "text"\ntext = "x"\nwidth = 13', "from 1 to 12"),
        ('[dashboards.a]\npanels = "x"', "expected a list: write [[dashboards.a.panels]]"),
        ('[dashboards.a]\ntitel = "x"', "did you mean `title`"),
        ('[dashboards.a]\ntime_range = "0s"', "at least 1s"),
        ('[dashboards.a.variables."a b"]\ntitle = "x"', "is no name made of letters"),
        ('[dashboards.a.variables.x]\nquery = "hosts"', "expected one of"),
        ('[auth.users.ada]\nrole = "boss"\nhash = "x"', "expected one of"),
        ('[auth.users.ada]\nrole = "admin"\nhash = "plain"', "auth.users.ada.hash: is no hash"),
        ('[auth.users."a b"]\nrole = "admin"\nhash = "plain"', "a login name has 1 to 64"),
        ('[auth.oidc]\nissuer = "login"\nclient_id = "x"', "an address that begins with https://"),
        ('[auth.oidc]\nissuer = "https://x"', "auth.oidc.client_id: missing"),
        ("[auth]\nsession_idle = 0", "at least 10ms"),
        ("[status_page]\nenable = true", "did you mean `enabled`"),
    ],
)
def test_every_mistake_is_told_with_its_place(tmp_path, installed, text, says):
    """File and line, key, what was found, what was expected, the nearest name."""
    told = mistakes_of(tmp_path, installed, text)
    assert any(says in each for each in told), told
    assert not any("plain" in each for each in told), "a hash is not repeated"


def test_a_provider_without_its_library_is_told_at_once(tmp_path, installed, monkeypatch):
    """With the command that mends it, and not when somebody wants to log in."""
    from auscult.config import tables

    monkeypatch.setattr(tables, "find_spec", lambda name: None)
    (told,) = mistakes_of(tmp_path, installed, '[auth.oidc]\nissuer = "https://x"\nclient_id = "y"')
    assert "pip install 'auscult[oidc]'" in told
