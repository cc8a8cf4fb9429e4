"""``auscult check``: what it prints and how it ends, for a person, a script and a Nagios server."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("components", "code", "nagios", "word"),
    [
        ({"a": "healthy", "b": "healthy"}, 0, 0, "OK"),
        ({"a": "healthy", "b": "degraded"}, 0, 1, "WARNING"),
        ({"a": "healthy", "b": "unhealthy"}, 1, 2, "CRITICAL"),
        ({"a": "degraded", "b": "unhealthy", "c": "unknown"}, 1, 2, "CRITICAL"),
        ({"a": "healthy", "b": "unknown"}, 3, 3, "UNKNOWN"),
        ({"a": "degraded", "b": "unknown"}, 3, 3, "UNKNOWN"),
        ({"a": "raises"}, 1, 2, "CRITICAL"),
        ({"a": {"status": "hangs", "timeout": "200ms", "interval": "1s"}}, 1, 2, "CRITICAL"),
        ({}, 3, 3, "UNKNOWN"),
    ],
)
def test_exit_codes(auscult, components, code, nagios, word):
    """0 fine (degraded works), 1 something is unhealthy, 3 unknown; with --nagios Nagios' own."""
    auscult.configure(**components)
    assert auscult("check").code == code
    assert auscult("check", "--json").code == code
    done = auscult("check", "--nagios")
    assert done.code == nagios
    assert done.out.startswith(f"{word} - ")


def test_what_people_see(auscult):
    """A sign, the name, the status, the time it took, and the message."""
    auscult.configure(a="healthy", b={"status": "raises", "message": "nobody is at home there"})
    lines = auscult("check").out.splitlines()
    assert [line.split()[:3] for line in lines] == [["✓", "a", "healthy"], ["✗", "b", "unhealthy"]]
    assert " ms " in lines[0] + " "
    assert lines[1].endswith("nobody is at home there")


def test_one_look_decides(auscult):
    """Nothing is confirmed by a second look, and no dependency mutes anything."""
    auscult.configure(a="unhealthy", b={"status": "unhealthy", "depends_on": ["a"], "failures": 5})
    assert auscult("check", "b").code == 1


def test_only_what_is_named(auscult):
    """Also one that is switched off: whoever names it wants to know."""
    auscult.configure(a="healthy", b="unhealthy", c={"status": "healthy", "enabled": False})
    done = auscult("check", "a", "c", "--json")
    assert done.code == 0
    assert list(done.json()["components"]) == ["a", "c"]


def test_json(auscult):
    """Everything that is known of each component, and the verdict; what a plugin prints does not disturb it."""
    auscult.configure(a={"status": "degraded", "message": "slow today"}, b="healthy")
    answer = auscult("check", "--json").json()
    assert answer["status"] == "degraded"
    assert answer["components"]["a"]["message"] == "slow today"
    assert answer["components"]["a"]["status"] == "degraded"
    assert answer["components"]["b"]["response_time_ms"] >= 0


def test_secrets_are_masked(auscult):
    """Also in what a probe raises."""
    auscult.configure(a={"status": "raises", "message": "hunter2hunter2 was refused", "password": "hunter2hunter2"})
    for arguments in (["check"], ["check", "--json"], ["check", "--nagios"]):
        done = auscult(*arguments)
        assert "*** was refused" in done.out
        assert "hunter2" not in done.out + done.err


def test_without_a_configuration(auscult):
    """The machine itself is looked at."""
    done = auscult("check", "--json")
    assert list(done.json()["components"]) == ["host"]
    assert done.code in (0, 1)


def test_a_check_of_any_kind_without_a_configuration(auscult):
    """Options as text, converted to what the check wants."""
    done = auscult("check", "--kind", "tcp", "--set", "host=127.0.0.1", "--set", "port=9")
    assert done.code == 1
    assert "tcp" in done.out


# Wrong use


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["check", "redsi"], "There is no component `redsi`; did you mean `redis`?"),
        (["check", "--bogus"], "No such option"),
        (["check", "--kind", "tpc"], "No installed plugin offers the check `tpc`; did you mean `tcp`?"),
        (["check", "--kind", "tcp", "--set", "port"], "--set takes KEY=VALUE, not 'port'"),
        (["check", "--kind", "tcp", "--set", "port=x", "--set", "host=h"], "tcp: Expected `int`, got `str`"),
        (["check", "--kind", "tcp", "--set", "hots=h"], "the check `tcp` has no option `hots`; did you mean `host`?"),
        (["check", "--kind", "tcp", "--set", "host=h"], "the check `tcp` needs the option `port`: --set port=…"),
        (["check", "--config", "absent.toml"], "absent.toml"),
    ],
)
def test_usage(auscult, arguments, says):
    """Exit code 2 with a sentence; as a Nagios plugin UNKNOWN on standard output, since 2 would be CRITICAL."""
    auscult.configure(redis="healthy")
    done = auscult(*arguments)
    assert done.code == 2
    assert says in done.err
    done = auscult(*arguments, "--nagios")
    assert done.code == 3
    assert done.out.startswith("UNKNOWN - ")
    assert says in done.out
    assert len(done.out.splitlines()) == 1


def test_a_broken_configuration(auscult):
    """Every finding at once, each with its line."""
    auscult.write("auscult.toml", '[components.a]\ncheck = "tcp"\nhots = "x"\n[components.b]\ncheck = "htpp"\n')
    done = auscult("check")
    assert done.code == 2
    assert done.out == ""
    assert "auscult.toml:3" in done.err
    assert "auscult.toml:5" in done.err
    done = auscult("check", "--nagios")
    assert done.code == 3
    assert done.out.startswith("UNKNOWN - ")


# As a Nagios plugin


def test_nagios_performance_data(auscult):
    """After the bar, quoted, in ms."""
    auscult.configure(a="healthy", b="healthy")
    line = auscult("check", "--nagios").out.strip()
    text, _, numbers = line.partition(" | ")
    assert text.startswith("OK - 2 of 2 components are healthy: ")
    labels = [number.split("=") for number in numbers.split()]
    assert [label for label, _ in labels] == ["'a'", "'b'"]
    assert all(value.endswith("ms") and float(value[:-2]) >= 0 for _, value in labels)


def test_nagios_text_is_one_line_without_bars(auscult):
    """What a probe says cannot pass for performance data, nor end the line before it."""
    auscult.configure(a={"status": "unhealthy", "message": "pipe | in\nthe 'middle'=3 | of it"})
    lines = auscult("check", "--nagios").out.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("CRITICAL - 0 of 1 components are healthy: a: pipe / in the 'middle'=3 / of it | 'a'=")
    assert lines[1] == "a is unhealthy: pipe / in the 'middle'=3 / of it"


def test_nagios_names_a_few_and_counts_the_rest(auscult):
    """The first line is shown in lists; the others follow below."""
    auscult.configure(**dict.fromkeys("abcde", "unhealthy"))
    lines = auscult("check", "--nagios").out.splitlines()
    assert "; and 2 more | " in lines[0]
    assert [line.split()[0] for line in lines[1:]] == list("abcde")
