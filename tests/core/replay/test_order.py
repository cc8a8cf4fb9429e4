"""When somebody looks makes no difference: alerts depend on the results alone, in their order."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from auscult.component import Component
from auscult.config.alerting import AlertSettings
from auscult.model import AlertSeverity, CheckResult, Status
from auscult.replay.stage import Stage
from auscult.rules.defaults import default_rules
from auscult.rules.rule import AlertRule
from auscult.runtime.passive import PassiveCheck

T0 = 1_705_314_600_000
RULES = (
    *default_rules(),
    AlertRule("waits", "x > 5", for_=0.7, cooldown_minutes=0.02, message_template="{component} {x:,} {message}"),
    AlertRule("lingers", "x > 5", keep_firing=0.5, clear="x < 3", cooldown_minutes=0.0),
    AlertRule("absent", "", absent=1.1, cooldown_minutes=0.01, max_alerts_per_hour=3),
    AlertRule("window", 'avg(x, "2s") > 4 and count(x, "2s") >= 3', AlertSeverity.LOW, cooldown_minutes=0.0),
    AlertRule("stale", "stale or trend == 'worsening'", cooldown_minutes=0.0),
    AlertRule("system", "health_percentage < 50 or 'a' in unhealthy", scope="system", cooldown_minutes=0.05),
)


def made_stage():
    components = [
        Component(name="a", check=PassiveCheck(), interval=0.3, timeout=0.1),
        Component(name="b", check=PassiveCheck(), interval=0.5, timeout=0.1, depends_on=("a",), failures=1),
        Component(name="c", check=PassiveCheck(), interval=30.0, critical=False),
    ]
    return Stage(components, AlertSettings(rules=RULES), start=T0)


STEPS = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 3, 40, 150, 300, 700, 1500, 4000]),  # time that passes
        st.one_of(
            st.none(),  # somebody looks
            st.tuples(
                st.sampled_from("aabbc"),
                st.sampled_from([Status.HEALTHY, Status.HEALTHY, Status.UNHEALTHY, Status.DEGRADED, Status.UNKNOWN]),
                st.sampled_from([0.0, 2.0, 4.0, 6.0, 1234567.0]),
                st.sampled_from([0, 0, 1, 2, 45, 400]),  # how late it comes in
            ),
        ),
    ),
    min_size=5,
    max_size=60,
)


@given(STEPS)
@settings(max_examples=150, deadline=None)
def test_looks_and_lateness_change_nothing(steps):
    """Timers that ring early, late or never; results that come in after later ones."""
    live, taken, wall = made_stage(), [], T0
    for passed, what in steps:
        wall += passed
        if what is None:
            live.judge.advance(wall)
            continue
        name, status, x, late = what
        result = live.judge.in_order(
            CheckResult(name, status, max(wall - late, T0), response_time_ms=x, message="m", measurements={"x": x})
        )
        taken.append(result)
        live.judge.take(result)
    live.judge.advance(wall)
    again = made_stage()
    for result in taken:
        again.take(result)
    again.advance(wall)
    assert [result.at for result in taken] == sorted(result.at for result in taken)
    assert again.ledger.changes == live.ledger.changes
    assert again.states == live.states
