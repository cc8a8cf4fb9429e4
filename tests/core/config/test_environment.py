"""Which file is read, and what variables and the command line say over it."""

from __future__ import annotations

from pathlib import Path

import pytest

from auscult import ConfigurationError
from auscult.config import find_file, load

SERVER = "[server]\nport = 9000\nhost = '127.0.0.2'\n[components]\n"


def test_layers(loaded):
    """Built-in, then file, then environment, then command line."""
    assert loaded("[components]").server.port == 8420
    assert loaded(SERVER).server.port == 9000
    variables = {"AUSCULT_SERVER__PORT": "9001"}
    assert loaded(SERVER, variables).server.port == 9001
    assert loaded(SERVER, variables, overrides={"server": {"port": 9002, "host": None}}).server.port == 9002
    assert loaded(SERVER, variables, overrides={"server.port": "9003"}).server.port == 9003
    assert loaded(SERVER, variables, overrides={"server": {"port": 9002}}).server.host == "127.0.0.2"


def test_variables_of_every_shape(loaded):
    """Booleans, lists, durations and nested tables come from variables' text."""
    settings = loaded(
        "[components]",
        {
            "AUSCULT_SERVER__PUBLIC_METRICS": "true",
            "AUSCULT_SERVER__TRUSTED_PROXIES": "10.0.0.1, 10.1.0.0/16",
            "AUSCULT_SERVER__GRACEFUL_TIMEOUT": "5s",
            "AUSCULT_STORE__RETENTION__RAW": "1d",
            "AUSCULT_DEFAULTS__THRESHOLD__RESPONSE_TIME_MS": "250",
            "AUSCULT_LIMITS__MEASUREMENTS": "10",
            "AUSCULT_EGRESS__STRICT": "1",
            "AUSCULT_AUTH__TOKENS__CI__ROLE": "viewer",
            "AUSCULT_AUTH__TOKENS__CI__TOKEN": "0123456789abcdef",
        },
    )
    assert settings.server.public_metrics is True
    assert settings.server.trusted_proxies == ("10.0.0.1", "10.1.0.0/16")
    assert settings.server.graceful_timeout == 5
    assert settings.store.retention.raw == 86400
    assert settings.defaults.threshold.response_time_ms == 250
    assert (settings.limits.measurements, settings.egress.strict) == (10, True)
    assert [(token.name, token.role) for token in settings.auth.tokens] == [("ci", "viewer")]
    assert settings.warnings == []


@pytest.mark.parametrize(
    ("variable", "key", "default"),
    [
        ("HEALTH_CHECK_INTERVAL", "interval", 30),
        ("ALERT_CHECK_INTERVAL", "alert_check_interval", 60),
        ("METRICS_EXPORT_INTERVAL", "metrics_export_interval", 30),
        ("DASHBOARD_UPDATE_INTERVAL", "dashboard_update_interval", 30),
    ],
)
def test_intervals_of_the_seed_document(loaded, variable, key, default):
    """The four variables take numbers of seconds and durations; a bad one is a finding that names it."""
    assert getattr(loaded("[components]").defaults, key) == default
    assert getattr(loaded("[components]", {variable: ""}).defaults, key) == default
    assert getattr(loaded("[components]", {variable: "45"}).defaults, key) == 45
    assert getattr(loaded(f"[defaults]\n{key} = 5\n[components]", {variable: "2m"}).defaults, key) == 120
    assert loaded.complaints("[components]", {variable: "often"}) == [
        f'{variable}: expected a duration such as 250ms, 15s or 1h30m, found the text "often"'
    ]
    assert loaded.complaints("[components]", {variable: "0"}) == [
        f"{variable}: expected a duration of at least 10ms, found 0s"
    ]


def test_health_check_interval_is_a_default(loaded):
    """It holds for components without an interval of their own, and for no other."""
    text = (
        '[components.a]\ncheck = "host"\n[components.b]\ncheck = "host"\ninterval = 5\n[components.c]\ncheck = "paid"'
    )
    components = loaded(text, {"HEALTH_CHECK_INTERVAL": "10"}).components
    assert [components[name].interval for name in "abc"] == [10, 5, 300]


def test_bad_variables(loaded):
    """A variable that names a wrong key, or carries a wrong value, is named in the finding."""
    assert loaded.complaints("[components]", {"AUSCULT_SERVER__PROT": "1", "AUSCULT_SERVER__PORT": "x"}) == [
        'AUSCULT_SERVER__PORT: expected a whole number from 0 to 65535, found the text "x"',
        "AUSCULT_SERVER__PROT: unknown key; did you mean `port`?",
    ]


def test_unknown_variables_are_warnings(loaded):
    """A variable that means nothing is told, unless the file uses it, or Kubernetes set it."""
    environ = {
        "AUSCULT_PORT": "9000",
        "AUSCULT_SERVR__PORT": "1",
        "AUSCULT_OWN": "x",
        "AUSCULT_CONFIG": "",
        "AUSCULT_TOKEN": "x",
        "AUSCULT_SERVICE_HOST": "10.0.0.1",
        "AUSCULT_PORT_8420_TCP_ADDR": "10.0.0.1",
    }
    text = '[components.redis]\ncheck = "redis"\nurl = "${AUSCULT_OWN}"'
    assert loaded.complaints(text, environ) == [
        "AUSCULT_PORT: is no variable that auscult knows; did you mean `AUSCULT_SERVER__PORT`?",
        "AUSCULT_SERVR__PORT: names no table that variables can set; did you mean `AUSCULT_SERVER__`?",
    ]
    assert loaded.complaints(text, {"AUSCULT_OWN": "x", "AUSCULT_PORT": "tcp://10.0.0.1:8420"}) == []


def test_the_command_line_is_named(loaded):
    """A bad value from the command line says so."""
    with pytest.raises(ConfigurationError) as caught:
        loaded("[components]", overrides={"server": {"log_level": "loud"}})
    assert str(caught.value).startswith("server.log_level (on the command line): expected one of ")


def test_webhook_and_pushgateway(loaded):
    """Two variables of the seed document configure a channel and an exporter on their own."""
    environ = {"ALERT_WEBHOOK_URL": "https://hook/secret", "PROMETHEUS_PUSHGATEWAY_URL": "http://gateway:9091"}
    settings = loaded("[components]", environ)
    assert settings.channels == {"webhook": {"channel": "webhook", "webhook_url": "https://hook/secret"}}
    assert settings.exporters == {"prometheus": {"exporter": "prometheus", "pushgateway_url": "http://gateway:9091"}}
    assert [finding.key for finding in settings.warnings] == ["ALERT_WEBHOOK_URL", "PROMETHEUS_PUSHGATEWAY_URL"]


def test_a_file_that_uses_the_webhook_variable_gets_no_second_channel(loaded):
    """Whoever refers to ALERT_WEBHOOK_URL has said what it is for: nobody is told twice."""
    text = '[channels.ops]\nchannel = "webhook"\nwebhook_url = "${ALERT_WEBHOOK_URL}"\n[components]'
    assert list(loaded(text, {"ALERT_WEBHOOK_URL": "https://hook"}).channels) == ["ops"]


@pytest.mark.parametrize(
    ("environ", "overrides", "directory"),
    [
        ({}, {}, "/var/lib/auscult"),
        ({"HOME": "/home/me"}, {}, "/home/me/.local/state/auscult"),
        ({"XDG_STATE_HOME": "/xdg", "HOME": "/home/me"}, {}, "/xdg/auscult"),
        ({"STATE_DIRECTORY": "/run/a:/run/b", "XDG_STATE_HOME": "/xdg"}, {}, "/run/a"),
        ({"AUSCULT_STATE_DIR": "/own", "STATE_DIRECTORY": "/run/a"}, {}, "/own"),
        ({"AUSCULT_STATE_DIR": "/own"}, {"store": {"state_dir": Path("/cli")}}, "/cli"),
        ({"AUSCULT_STATE_DIR": "own"}, {}, "own"),
    ],
)
def test_state_directory(tmp_path, catalogue, environ, overrides, directory):
    """--state-dir, AUSCULT_STATE_DIR, systemd's, the user's (decision 5)."""
    (tmp_path / "auscult.toml").write_text("[components]")
    settings, _ = load(tmp_path / "auscult.toml", environ=environ, overrides=overrides, catalogue=catalogue)
    assert settings.store.state_dir == Path(directory)


def test_state_directory_of_the_file(tmp_path, catalogue):
    """A file may name it, relative to itself; systemd's variable does not overrule the file."""
    (tmp_path / "auscult.toml").write_text("[components]\n[store]\nstate_dir = 'state'")
    settings, _ = load(tmp_path / "auscult.toml", environ={"STATE_DIRECTORY": "/x"}, catalogue=catalogue)
    assert settings.store.state_dir == tmp_path / "state"


def test_which_file(tmp_path, monkeypatch):
    """--config, $AUSCULT_CONFIG, the current directory, the user's directory; TOML before YAML."""
    here, xdg = tmp_path / "here", tmp_path / "xdg" / "auscult"
    here.mkdir()
    xdg.mkdir(parents=True)
    monkeypatch.chdir(here)
    environ = {"XDG_CONFIG_HOME": str(tmp_path / "xdg")}
    assert find_file(Path("a.toml"), environ=environ) == Path("a.toml")
    assert find_file(environ={**environ, "AUSCULT_CONFIG": "b.toml"}) == Path("b.toml")
    (xdg / "auscult.yml").touch()
    assert find_file(environ=environ) == xdg / "auscult.yml"
    (here / "auscult.yaml").touch()
    assert find_file(environ=environ) == Path("auscult.yaml")
    (here / "auscult.toml").touch()
    assert find_file(environ=environ) == Path("auscult.toml")


def test_a_named_file_must_exist(tmp_path, catalogue):
    """A file that was asked for and is not there is a mistake, not a reason to do without."""
    with pytest.raises(ConfigurationError, match="No such file"):
        load(None, environ={"AUSCULT_CONFIG": str(tmp_path / "gone.toml")}, catalogue=catalogue)
