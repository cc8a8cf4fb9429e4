"""From a table to a component: defaults, what a check prefers, what the user says, and dependencies."""

from __future__ import annotations

import pytest

from auscult import Check, ConfigurationError, Preferences

REDIS = '[components.redis]\ncheck = "redis"\nurl = "redis://h"\n'
PAID = '[components.paid]\ncheck = "paid"\n'


def test_defaults(loaded):
    """A component that says nothing gets the documented defaults."""
    redis = loaded(REDIS).components["redis"]
    assert (redis.interval, redis.timeout, redis.failures, redis.successes) == (30, 10, 2, 2)
    assert (redis.critical, redis.weight, redis.enabled, redis.counted) == (True, 1.0, True, True)
    assert (redis.retry_interval, redis.isolate, redis.component_type) == (None, "", "redis")
    assert redis.threshold.response_time_ms == 5000


def test_every_common_key(loaded):
    """Each key arrives where it belongs."""
    redis = loaded(
        REDIS
        + """
        type = "cache"
        interval = "15s"
        timeout = 2.5
        threshold = { response_time_ms = 250, recover = { response_time_ms = 200 } }
        depends_on = ["auscult"]
        weight = 3
        critical = false
        group = "data"
        labels = { team = "core" }
        runbook = "https://wiki/redis"
        enabled = false
        failures = 3
        successes = 1
        retry_interval = "2s"
        isolate = "process"
        counted = false
        """
    ).components["redis"]
    assert (redis.component_type, redis.interval, redis.timeout, redis.weight) == ("cache", 15, 2.5, 3)
    assert (redis.threshold.response_time_ms, redis.threshold.recover) == (250, {"response_time_ms": 200})
    assert (redis.depends_on, redis.critical, redis.group, redis.labels) == (
        ("auscult",),
        False,
        "data",
        {"team": "core"},
    )
    assert (redis.runbook, redis.enabled, redis.failures, redis.successes) == ("https://wiki/redis", False, 3, 1)
    assert (redis.retry_interval, redis.isolate, redis.counted) == (2, "process", False)


def test_precedence(loaded):
    """The user's own key, then what the check asks for, then `defaults`, then the built-in value."""
    defaults = '[defaults]\ninterval = 60\nfailures = 5\nlabels = { a = "1", b = "2" }\ncritical = true\n'
    settings = loaded(defaults + REDIS + 'labels = { b = "3" }\n' + PAID + "successes = 9")
    redis, paid = settings.components["redis"], settings.components["paid"]
    assert (redis.interval, redis.failures, redis.successes) == (60, 5, 2)
    assert redis.labels == {"a": "1", "b": "3"}
    assert (paid.interval, paid.failures, paid.successes, paid.critical) == (300, 1, 9, False)


@pytest.mark.parametrize(
    ("keys", "timeout"),
    [
        ("", 10),
        ("interval = 5", 5),
        ("interval = 5\ntimeout = 3", 3),
        ("interval = 5\ntimeout = 8", 8),
        ('interval = "1h"', 10),
    ],
)
def test_timeout(loaded, keys, timeout):
    """By default 10 s, and never longer than the interval; what the user says holds as it is."""
    assert loaded(REDIS + keys).components["redis"].timeout == timeout


def test_a_preferred_timeout_fits_the_interval(loaded):
    """A check that wants 20 s gets less when it is asked for every 15 s."""
    assert loaded(PAID).components["paid"].timeout == 20
    assert loaded(PAID + "interval = 15").components["paid"].timeout == 15


def test_thresholds_add_up(loaded):
    """Levels not named come from `defaults.threshold`; a way back goes with the level it is for."""
    defaults = "[defaults.threshold]\nresponse_time_ms = 900\ncpu_usage_percent = 50\n"
    defaults += "[defaults.threshold.recover]\nresponse_time_ms = 800\ncpu_usage_percent = 40\n"
    threshold = loaded(defaults + REDIS + "threshold = { response_time_ms = 100 }").components["redis"].threshold
    assert (threshold.response_time_ms, threshold.cpu_usage_percent) == (100, 50)
    assert threshold.recover == {"cpu_usage_percent": 40}
    assert loaded(defaults + REDIS).components["redis"].threshold.response_time_ms == 900


def test_preferences_that_fail(loaded, catalogue):
    """A check whose `prefers` raises, or returns nonsense, is probed at the usual pace."""

    class Moody(catalogue.checks["host"]):
        kind = "moody"

        def prefers(self):
            raise RuntimeError("no")

    class Odd(catalogue.checks["host"]):
        kind = "odd"

        def prefers(self):
            return 5

    catalogue.checks |= {"moody": Moody, "odd": Odd}
    settings = loaded('[components.a]\ncheck = "moody"\n[components.b]\ncheck = "odd"')
    assert {component.interval for component in settings.components.values()} == {30}


def test_a_disabled_component_needs_no_extra(loaded):
    """What is switched off is still checked for mistakes, except that its driver may be missing."""
    text = '[components.d]\ncheck = "database"\nurl = "x"\nenabled = false'
    assert loaded(text).components["d"].enabled is False
    assert len(loaded.complaints(text + "\nulr = 1")) == 1


def test_the_monitor_itself(loaded):
    """`[components.auscult]` sets common keys of the monitor's own component, and is no component of the user's."""
    settings = loaded("[components.auscult]\ninterval = 5\ngroup = 'ops'")
    assert settings.components == {}
    assert (settings.itself.interval, settings.itself.group, settings.itself.failures) == (5, "ops", 1)
    assert settings.itself.check.kind == "self"


def test_long_and_branching_dependencies(loaded):
    """A chain of 3,000 components is no circle, and exhausts no stack; two paths to one component are fine."""
    chain = "".join(
        f'[components.c{n}]\ncheck = "host"\ndepends_on = [{chr(34)}c{n + 1}{chr(34)}]\n' for n in range(3000)
    )
    assert len(loaded(chain + '[components.c3000]\ncheck = "host"\n').components) == 3001
    diamond = {"a": '["b", "c"]', "b": '["d"]', "c": '["d"]', "d": "[]"}
    text = "".join(f'[components.{n}]\ncheck = "host"\ndepends_on = {needs}\n' for n, needs in diamond.items())
    assert loaded(text).components["a"].depends_on == ("b", "c")


def test_each_circle_once(loaded):
    """Two separate circles give two findings."""
    needs = {"a": "b", "b": "a", "c": "d", "d": "e", "e": "c", "f": "a"}
    text = "".join(f'[components.{n}]\ncheck = "host"\ndepends_on = ["{other}"]\n' for n, other in needs.items())
    assert [line.split("circle: ")[1] for line in loaded.complaints(text)] == ["a → b → a", "c → d → e → c"]


def test_five_thousand_components_load_quickly(loaded):
    """A file of 5,000 components is read within seconds, also when every one of them is wrong."""
    text = "".join(f'[components.c{n}]\ncheck = "redis"\nurl = "redis://h{n}"\n' for n in range(5000))
    assert len(loaded(text).components) == 5000
    with pytest.raises(ConfigurationError) as caught:
        loaded(text.replace("url", "ulr"))
    assert len(caught.value.findings) == 10_000


def test_channels_are_tried_on_their_class(loaded, catalogue, fake_catalogue):
    """Once a plugin offers a channel, its options are checked like a check's, and unknown kinds are mistakes."""
    channel = __import__("sys").modules[type(catalogue).__module__].WebhookChannel
    loaded.catalogue = fake_catalogue(channels={"webhook": channel})
    text = '[channels.ops]\nchannel = "webhok"\n[channels.b]\nchannel = "webhook"\nweb_url = 1'
    unknown, missing, misspelt = loaded.complaints(text)
    assert unknown.endswith(
        "channels.ops.channel: no installed plugin offers the channel `webhok`; did you mean `webhook`?"
    )
    assert missing == "auscult.toml:3: channels.b.webhook_url: missing: expected text"
    assert misspelt == "auscult.toml:5: channels.b.web_url: unknown key; did you mean `webhook_url`?"


def test_checks_are_checks(loaded):
    """What comes out is the plugin's own class, made with the options."""
    check = loaded(REDIS + "port = 1").components["redis"].check
    assert isinstance(check, Check)
    assert (check.url, check.port, check.prefers()) == ("redis://h", 1, Preferences())
