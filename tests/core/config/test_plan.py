"""What a file would change."""

from __future__ import annotations

from auscult.config import plan

BASE = """
[components.a]
check = "host"
[components.b]
check = "redis"
url = "x"
[components.c]
check = "host"
[server]
port = 9000
[channels.ops]
channel = "slack"
[auth.tokens.ci]
role = "viewer"
token = "0123456789abcdef"
"""


def test_nothing(loaded):
    """Loading the same file twice changes nothing, although tokens in clear are hashed anew."""
    difference = plan(loaded(BASE), loaded(BASE + "\n# a comment\n"))
    assert not difference
    assert (difference.added, difference.changed, difference.removed, difference.other) == ((), (), (), ())


def test_added_changed_removed(loaded):
    """Components by name, everything else by key path."""
    new = """
    plugins = []
    [components.b]
    check = "redis"
    url = "y"
    [components.c]
    check = "host"
    [components.d]
    check = "host"
    [components.auscult]
    interval = 5
    [server]
    port = 9001
    public_metrics = true
    [channels.ops]
    channel = "slack"
    room = "x"
    [rules.new]
    condition = "x"
    [auth.tokens.ci]
    role = "admin"
    token = "0123456789abcdef"
    """
    difference = plan(loaded(BASE), loaded(new))
    assert difference
    assert difference.added == ("d", "auscult")
    assert difference.changed == ("b",)
    assert difference.removed == ("a",)
    assert difference.other == ("server.port", "server.public_metrics", "channels.ops", "rules.new", "auth.tokens.ci")
    assert "server.port" in difference.restart


def test_switching_off_is_removing(loaded):
    """A disabled component counts as gone, and comes back as added."""
    off = BASE.replace('check = "host"\n[components.b]', 'check = "host"\nenabled = false\n[components.b]')
    assert plan(loaded(BASE), loaded(off)).removed == ("a",)
    assert plan(loaded(off), loaded(BASE)).added == ("a",)


def test_a_new_default_changes_who_follows_it(loaded):
    """A default that moves changes the components that say nothing else, and is itself named."""
    difference = plan(loaded(BASE), loaded(BASE.replace("[components.c]", "[components.c]\ninterval = 30"), {}))
    assert difference.changed == ()
    difference = plan(loaded(BASE), loaded(BASE, {"HEALTH_CHECK_INTERVAL": "10"}))
    assert difference.changed == ("a", "b", "c")
    assert difference.other == ("defaults.interval",)


def test_rules_routes_and_windows(loaded, webhook):
    """Each by its name, default rules that change included; routes as a whole, since their order counts."""
    loaded.catalogue.channels["webhook"] = webhook
    base = '[components]\n[channels.ops]\nchannel = "webhook"\nwebhook_url = "https://h/a"\n'
    rule = '[rules.slow]\ncondition = "response_time_ms > 800"\n'
    route = '[[routes]]\nchannels = ["ops"]\n'
    window = '[maintenance.nightly]\ncron = "0 3 * * *"\n'
    before = loaded(base + rule + route + window)
    assert not plan(before, loaded(base + rule + route + window))
    difference = plan(before, loaded(base + rule.replace("800", "900") + "for = '1m'\n" + route + window))
    assert difference.other == ("rules.slow",)
    assert plan(before, loaded(base + route + window)).other == ("rules.slow",)
    off = "[rules.system_degraded]\nenabled = false\n"
    assert plan(before, loaded(base + rule + off + route + window)).other == ("rules.system_degraded",)
    assert plan(before, loaded(base + rule + route + "repeat = '4h'\n" + window)).other == ("routes",)
    assert plan(before, loaded(base + rule + route + window + "duration = '2h'\n")).other == ("maintenance.nightly",)
    other = plan(before, loaded((base + rule + route + window).replace("/a", "/b")))
    assert other.other == ("channels.ops",)
    assert not other.restart
