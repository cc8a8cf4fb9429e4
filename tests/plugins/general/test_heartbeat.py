"""The check `heartbeat`: its judgement over any signs of life, and the whole way from a job's curl to the verdict."""

import subprocess
import sys
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.need import program
from tests.web.serving import Serving, eventually

from auscult import Duration, Ping, Status
from auscult.options import convert_options
from auscult_plugins.heartbeat import HeartbeatCheck, judge

HOUR, MINUTE = 3_600_000, 60_000
NOON = int(datetime(2026, 6, 1, 12, tzinfo=UTC).timestamp() * 1000)


def heartbeat(**options: object) -> HeartbeatCheck:
    """As a configuration makes one."""
    return convert_options({"every": "1h", "grace": "5m"} | options, HeartbeatCheck)


def pings(*told: tuple[float, str] | tuple[float, str, int]) -> list[Ping]:
    """Signs of life, by minutes after noon."""
    return [
        Ping(at=NOON + round(at * MINUTE), kind=kind, exit_code=code[0] if code else None) for at, kind, *code in told
    ]


@pytest.mark.parametrize(
    ("told", "minute", "status", "message"),
    [
        ([], 0, "unknown", "no sign of life has come yet"),
        ([(0, "success")], 1, "healthy", "last sign of life 1m ago"),
        ([(0, "success")], 64, "healthy", "last sign of life 1h4m ago"),
        ([(0, "success")], 66, "unhealthy", "no sign of life for 1h6m, 1m too late"),
        ([(0, "start")], 1, "unknown", "the first run has started and not ended yet"),
        ([(0, "start")], 66, "unhealthy", "no sign of life for 1h6m, 1m too late"),
        ([(0, "success"), (60, "start")], 62, "healthy", "last sign of life 1h2m ago, a run is going on"),
        ([(0, "success"), (60, "start")], 66, "unhealthy", "no sign of life for 1h6m, 1m too late"),
        ([(0, "fail")], 1, "unhealthy", "the last run failed"),
        ([(0, "fail", 3)], 1, "unhealthy", "the last run failed with exit code 3"),
        ([(0, "fail", 3), (1, "success")], 2, "healthy", "last sign of life 1m ago"),
        ([(0, "success"), (1, "fail"), (2, "start")], 3, "unhealthy", "the last run failed"),
    ],
)
def test_what_signs_of_life_say(told, minute, status, message):
    """Success, start, failure, exit codes, silence within the grace time and beyond it."""
    reading = judge(heartbeat(), pings(*told), NOON + minute * MINUTE)
    assert (reading.status, reading.message) == (status, message)


def test_a_run_that_takes_too_long():
    """Told while it still runs, though the next sign of life is not due yet."""
    check = heartbeat(every="1d", max_run="10m")
    told = pings((0, "success"), (60, "start"))
    assert judge(check, told, NOON + 69 * MINUTE).status is Status.HEALTHY
    reading = judge(check, told, NOON + 71 * MINUTE)
    assert (reading.status, reading.message) == (Status.UNHEALTHY, "a run has taken 11m, more than 10m")


def test_a_run_that_ends_too_soon():
    """It did nothing: degraded, with how long it took."""
    check = heartbeat(min_run="1m")
    reading = judge(check, pings((0, "start"), (0.1, "success")), NOON + MINUTE)
    assert (reading.status, reading.message) == (Status.DEGRADED, "the last run took 6.0 s, less than 1m")
    assert reading.measurements["run_seconds"] == pytest.approx(6)
    assert judge(check, pings((0, "start"), (2, "success")), NOON + 3 * MINUTE).status is Status.HEALTHY


def test_numbers():
    """Age since whatever came last, the run's length, the exit code where one was told."""
    reading = judge(heartbeat(), pings((0, "start"), (2, "success", 0)), NOON + 5 * MINUTE)
    assert reading.measurements == {"age_seconds": 180, "run_seconds": 120, "exit_code": 0}
    assert judge(heartbeat(), pings((0, "success")), NOON).measurements == {"age_seconds": 0}


@pytest.mark.parametrize(
    ("cron", "zone", "last", "due"),
    [
        ("30 3 * * *", "UTC", "2026-06-01T03:31", "2026-06-02T03:30"),
        ("30 3 * * *", "Europe/Berlin", "2026-06-01T03:31+02:00", "2026-06-02T03:30+02:00"),
        ("0 9 * * 1-5", "UTC", "2026-06-05T09:00", "2026-06-08T09:00"),  # a Friday; Saturdays and Sundays are free
        ("30 3 * * *", "Europe/Berlin", "2026-10-24T03:31+02:00", "2026-10-25T03:30+01:00"),  # a day of 25 hours
        ("30 2 * * *", "Europe/Berlin", "2026-03-28T02:31+01:00", "2026-03-29T03:00+02:00"),  # 2:30 does not exist
        ("*/10 * * * *", "UTC", "2026-06-01T12:03", "2026-06-01T12:10"),
    ],
)
def test_schedules_by_cron(cron, zone, last, due):
    """In their own time zone, over weekends and over the change to summer time and back."""
    check = heartbeat(every=0, cron=cron, timezone=zone)
    moments = [datetime.fromisoformat(text) for text in (last, due)]
    at, expected = (
        int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000) for moment in moments
    )
    assert datetime.fromtimestamp((check.deadline(at) - 5 * MINUTE) / 1000, ZoneInfo(zone)) == datetime.fromtimestamp(
        expected / 1000, ZoneInfo(zone)
    )
    assert judge(check, [Ping(at=at)], check.deadline(at)).status is Status.HEALTHY
    assert judge(check, [Ping(at=at)], check.deadline(at) + 1000).status is Status.UNHEALTHY


@given(
    st.lists(st.tuples(st.integers(0, 10**10), st.sampled_from(["start", "success", "fail"])), max_size=20),
    st.integers(0, 2 * 10**10),
)
def test_any_signs_of_life_are_judged(told, later):
    """Whatever came, in whatever order: a verdict with a sentence; success and silence decide alone what is healthy."""
    check = heartbeat()
    given_ = [Ping(at=NOON + at, kind=kind) for at, kind in sorted(told)]
    now = NOON + later
    reading = judge(check, given_, now)
    assert reading.message
    ended = [ping for ping in given_ if ping.kind != "start"]
    fine = bool(ended) and ended[-1].kind == "success" and now <= ended[-1].at + HOUR + 5 * MINUTE
    assert (reading.status is Status.HEALTHY) == fine
    assert all(value >= 0 for value in reading.measurements.values())


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"every": 0}, "either `every` or `cron`"),
        ({"cron": "0 * * * *"}, "either `every` or `cron`"),
        ({"every": 0, "cron": "every day"}, "`cron` 'every day' is not a cron expression"),
        ({"every": 0, "cron": "0 0 30 2 *"}, "`cron` '0 0 30 2 *' is not a cron expression"),
        ({"timezone": "Mars/Olympus"}, "`timezone` 'Mars/Olympus' is not known"),
        ({"every": "soon"}, "expected a duration"),
    ],
)
def test_options_that_make_no_sense(options, sentence):
    """One sentence each, before anything runs."""
    with pytest.raises((ValueError, msgspec.ValidationError), match=sentence.replace("*", r"\*")):
        heartbeat(**options)


def test_defaults():
    """Five minutes of grace, looked at every ten seconds, believed at once."""
    check = HeartbeatCheck(every=Duration("1h"))
    wanted = check.prefers()
    assert (float(check.grace), wanted.interval, wanted.failures, wanted.successes) == (300, 10, 1, 1)


CONFIG = """
[components.backup]
check = "heartbeat"
every = "5s"
grace = "3s"
interval = "1s"

[components.nightly]
check = "heartbeat"
cron = "30 3 * * *"
"""


def test_from_a_jobs_curl_to_the_verdict(tmp_path):
    """As jobs do it: start and success, an exit code with what was said, silence; and a restart remembers."""
    curl = program("curl", "curl")

    def component(client, name):
        return client.get(f"/api/v1/components/{name}").json()

    def is_(client, name, status, says):
        return (found := component(client, name))["status"] == status and says in found["message"]

    def tell(server, path, *said):
        address = f"{server.url}/api/v1/components/{path}"
        done = subprocess.run([curl, "-fsS", "-X", "POST", address, *said], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    with Serving(tmp_path, CONFIG) as server, server.client() as client:
        eventually(lambda: is_(client, "backup", "unknown", "no sign of life"))
        tell(server, "nightly/ping/start")
        tell(server, "nightly/ping", "--data-raw", "42 files")
        eventually(lambda: is_(client, "nightly", "healthy", "last sign of life"))
        assert component(client, "nightly")["measurements"]["run_seconds"] >= 0
        tell(server, "backup/ping")
        eventually(lambda: is_(client, "backup", "healthy", "last sign of life"))
        eventually(lambda: is_(client, "backup", "unhealthy", "too late"))
        tell(server, "nightly/ping/3", "--data-raw", "no space left on the tape")
        eventually(lambda: is_(client, "nightly", "unhealthy", "exit code 3: no space left on the tape"))
        assert client.post("/api/v1/components/nightly/ping/many").status_code == 404
        assert httpx.post(f"{server.url}/api/v1/components/nobody/ping").status_code == 404
        assert server.end()[0] == 0
    with Serving(tmp_path, CONFIG) as server, server.client() as client:
        eventually(lambda: is_(client, "nightly", "unhealthy", "exit code 3: no space left on the tape"))


def test_a_shell_line_as_documented(tmp_path):
    """``command; curl … /ping/$?``: the exit code of whatever ran."""
    with Serving(tmp_path, CONFIG) as server, server.client() as client:
        address = f"{server.url}/api/v1/components/nightly/ping"
        line = f"{sys.executable} -c 'raise SystemExit(7)'; curl -fsS -X POST {address}/$?"
        subprocess.run(["sh", "-c", line], check=True, capture_output=True)
        eventually(lambda: client.get("/api/v1/components/nightly").json()["measurements"].get("exit_code") == 7)
