"""Secrets reach the plugin and nobody else: planted in every place, searched for in everything that is shown."""

from __future__ import annotations

import msgspec
import pytest

from auscult import ConfigurationError
from auscult.config import init_text, plan, show

CANARY = "canary7f3a9"

FILE = f"""
[components.redis]
check = "redis"
url = "redis://user:{CANARY}-url@h:6379/0"
password = "{CANARY}-clear"

[components.cache]
check = "redis"
url = "${{REDIS_URL}}"
password = "${{REDIS_PASSWORD}}"

[components.web]
check = "http"
url = "https://u:{CANARY}-http@h/"
headers = {{ Authorization = "Bearer {CANARY}-header" }}
[components.web.login]
user = "me"
password = {{ file = "login" }}

[channels.ops]
channel = "webhook"
webhook_url = "https://hooks/{CANARY}-hook"
headers = {{ a = "{CANARY}-nested", b = "${{HOOK}}" }}

[channels.unknown]
channel = "webhook"
enabled = false
webhook_url = "https://hooks/{CANARY}-off"

[rules.r]
condition = "response_time_ms > 800"
for = "1m"

[[routes]]
channels = ["ops"]
continue = true
repeat = "4h"

[maintenance.nightly]
match = {{ component = "redis" }}
cron = "0 3 * * *"

[auth.tokens.ci]
role = "viewer"
token = "{CANARY}-token-long"
[auth.tokens.ops]
role = "admin"
token = "${{OPS_TOKEN}}"
"""
ENVIRON = {
    "REDIS_URL": f"redis://:{CANARY}-env@h",
    "REDIS_PASSWORD": f"{CANARY}-password",
    "HOOK": f"{CANARY}-env-hook",
    "OPS_TOKEN": f"{CANARY}-ops-token",
    "ALERT_WEBHOOK_URL": f"https://hooks/{CANARY}-alert",
    "AUSCULT_AUTH__TOKENS__ENV__TOKEN": f"{CANARY}-token-env",
    "AUSCULT_AUTH__TOKENS__ENV__ROLE": "viewer",
}


@pytest.fixture
def settings(loaded, webhook):
    loaded.catalogue.channels["webhook"] = webhook
    loaded.write(f"{CANARY}-file", "login")
    return loaded(FILE, ENVIRON)


def test_the_plugin_gets_them(settings):
    """The values themselves arrive, wherever they came from."""
    assert settings.components["redis"].check.password == f"{CANARY}-clear"
    assert settings.components["cache"].check.password == f"{CANARY}-password"
    assert settings.components["web"].check.login.password == f"{CANARY}-file"


def test_nobody_else_sees_them(settings):
    """show, repr, fingerprints, warnings and plans carry none of them, nor do they carry a token's hash."""
    shown = [
        repr(show(settings)),
        msgspec.json.encode(show(settings)).decode(),
        repr(settings),
        repr(list(settings.components.values())),
        repr(settings.auth),
        " ".join(component.fingerprint for component in settings.components.values()),
        str(settings.warnings),
        repr(plan(settings, settings)),
    ]
    for text in shown:
        assert CANARY not in text
        assert "scrypt" not in text


def test_show_says_what_may_be_said(settings):
    """Kinds, names, numbers and user names stay readable."""
    shown = show(settings)
    assert shown["components"]["redis"]["url"] == "redis://user:***@h:6379/0"
    assert shown["components"]["redis"]["password"] == "***"
    assert shown["components"]["redis"]["interval"] == "30s"
    assert shown["components"]["web"]["headers"] == {"Authorization": "***"}
    assert shown["components"]["web"]["login"] == {"user": "me", "password": "***"}
    assert shown["channels"]["ops"] == {
        "channel": "webhook",
        "webhook_url": "***",
        "headers": {"a": "***", "b": "***"},
    }
    assert shown["channels"]["unknown"] == {"channel": "webhook", "enabled": False, "webhook_url": "***"}
    assert shown["rules"]["r"]["condition"] == "response_time_ms > 800"
    assert shown["rules"]["r"]["for"] == "1m"
    assert "component_unhealthy" in shown["rules"], "default rules are in force as well"
    assert shown["routes"][0]["continue"] is True
    assert shown["routes"][0]["repeat"] == "4h"
    assert shown["maintenance"]["nightly"] == {
        "match": {"component": "redis"},
        "cron": "0 3 * * *",
        "timezone": "UTC",
        "duration": "1h",
    }
    assert shown["auth"]["tokens"]["ops"] == {"role": "admin", "hash": "***"}
    assert shown["server"]["graceful_timeout"] == "2s"


@pytest.mark.parametrize(
    "line",
    [
        'port = "${REDIS_PASSWORD}"',
        'port = "redis://u:{c}@h"',
        'password = ["{c}"]',
        'password = {{ a = "{c}" }}',
        'unknown = "{c}"',
        'interval = "${REDIS_PASSWORD}"',
        'depends_on = ["${REDIS_PASSWORD}"]',
        'labels = {{ a = ["${REDIS_PASSWORD}"] }}',
        'critical = "${REDIS_URL}"',
        'isolate = "x${HOOK}"',
        'check = "${HOOK}"',
    ],
)
def test_findings_do_not_repeat_them(loaded, line):
    """A mistake about a secret, or about what came from a variable, does not repeat the value."""
    kind = "" if line.startswith("check") else 'check = "redis"\n'
    text = f'[components.redis]\n{kind}url = "x"\n' + line.replace("{{", "{").replace("}}", "}").replace("{c}", CANARY)
    with pytest.raises(ConfigurationError) as caught:
        loaded(text, ENVIRON)
    assert CANARY not in str(caught.value)


def test_a_plugin_that_tells_secrets(loaded, catalogue):
    """A plugin whose own complaint repeats its password, its URL's or a variable's value is cleaned up."""

    class Chatty(catalogue.checks["redis"]):
        kind = "chatty"
        note: str = ""

        def __post_init__(self):
            raise ValueError(f"bad: {self.password} {self.url} {self.note}")

    catalogue.checks["chatty"] = Chatty
    text = f'[components.x]\ncheck = "chatty"\nurl = "redis://:{CANARY}@h"\npassword = "${{HOOK}}"\n'
    text += 'note = "${OPS_TOKEN}"'
    environ = {name: ENVIRON[name] for name in ("HOOK", "OPS_TOKEN")}
    assert loaded.complaints(text, environ) == ["auscult.toml:1: components.x: bad: *** redis://:***@h ***"]


def test_init_writes_none_down(catalogue):
    """`init` refers to variables and never copies them."""
    assert CANARY not in init_text(catalogue, ENVIRON)


def test_fingerprints_are_stable_and_exact(loaded):
    """The same configuration has the same fingerprint; any change of any value changes it, a secret's too."""
    base = '[components.redis]\ncheck = "redis"\nurl = "redis://:a@h"\npassword = "p"\n'
    variants = [
        base,
        base.replace(":a@", ":b@"),
        base.replace('"p"', '"q"'),
        base + "port = 1",
        base + "interval = 31",
        base + "labels = { a = 'b' }",
        base + "depends_on = ['auscult']",
        base + "threshold = { response_time_ms = 1 }",
        base + "enabled = false",
        "[defaults]\nfailures = 3\n" + base,
        base.replace("components.redis", "components.other"),
    ]
    prints = [next(iter(loaded(text).components.values())).fingerprint for text in variants]
    assert len(set(prints)) == len(variants)
    again = [next(iter(loaded(text).components.values())).fingerprint for text in variants]
    assert again == prints
    reordered = base.replace('url = "redis://:a@h"\n', "") + 'url = "redis://:a@h"\n# and a comment\n'
    assert loaded(reordered).components["redis"].fingerprint == prints[0]
