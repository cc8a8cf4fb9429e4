"""Any stream of results, stored and read back, gives the alerts that it gave when it came in."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auscult import Catalogue
from auscult.config import load
from auscult.model import CheckResult, Origin, Status
from auscult.replay.difference import episodes
from auscult.replay.history import replay
from auscult.replay.stage import Stage
from auscult.store import Store
from auscult.store.record import recorded
from auscult.testing import ManualClock

T0 = 1_705_314_600_000
CONFIGURATION = """
[components.a]
check = "push"
interval = 2
[components.b]
check = "push"
interval = 5
failures = 1
depends_on = ["a"]
[rules.shows]
condition = "x != 0 or response_time_ms >= 0"
clear = "x == 0"
message_template = "{component} {x} {x:,} {x:.3e} {response_time_ms} {message} {p95_ms} {success_rate:.2f}"
cooldown_minutes = 0.05
[rules.sums]
condition = 'avg(x, "10s") > 0.3 and count(x, "10s") > 2'
for = 3
message_template = "{status} {trend} {consecutive_failures}"
cooldown_minutes = 0
[rules.gone]
absent = 7
cooldown_minutes = 0.1
[rules.all]
scope = "system"
condition = "health_score < 75"
message_template = "{message} {health_score}"
cooldown_minutes = 0
"""


@pytest.fixture(scope="module")
def configuration(tmp_path_factory):
    path = tmp_path_factory.mktemp("replay") / "auscult.toml"
    path.write_text(CONFIGURATION)
    return load(path, environ={"HOME": str(path.parent)}, catalogue=Catalogue.discover())[0]


NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([0.0, 0.1 + 0.2, 1.0, 12345.0, 5e-324])
RESULTS = st.tuples(
    st.sampled_from([0, 1, 999, 1000, 2500, 8000]),
    st.sampled_from("ab"),
    st.sampled_from([status for status in Status if status is not Status.MAINTENANCE]),
    st.none() | st.floats(min_value=0, max_value=1e6) | st.integers(0, 9000),
    st.none() | NUMBERS,
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=12),
    st.sampled_from(Origin),
    st.booleans(),
)


def made_stage(configuration):
    return Stage(
        configuration.components.values(),
        configuration.alerting,
        start=T0,
        interval=float(configuration.defaults.interval),
        itself=configuration.itself,
    )


@given(stream=st.lists(RESULTS, min_size=3, max_size=40))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_stored_streams_replay_exactly(configuration, stream):
    """Floats to the last digit, texts to the last character, results of one millisecond in their order."""
    live, at = made_stage(configuration), T0
    with tempfile.TemporaryDirectory() as directory:
        store = Store.open(Path(directory), clock=ManualClock(T0))
        store.note_run(T0, settings="").result(10)
        for passed, name, status, ms, x, message, origin, durably in stream:
            at += passed
            numbers = {} if x is None else {"x": x, "y": 1.0}
            result = CheckResult(name, status, at, 0.25, ms, message, numbers, {"connect": 0.1}, origin)
            if durably:
                store.append_durably(result, lambda error: None)
            else:
                store.append(result)
            live.take(result)
        store.flush()
        store.close()
        with recorded(Path(directory)) as record:
            found = replay(record, configuration, since=0)
    assert found.results == len(stream)
    assert found.replayed == episodes(live.ledger.changes, T0, at + 1)
    assert found.exact_from == T0
