"""When the monitor calls itself degraded for starting late: not for one slow start, but for a schedule not kept."""

from __future__ import annotations

import pytest

from auscult import Status
from auscult.runtime.self_check import SelfCheck
from auscult.runtime.stats import MonitorStats

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("p99", "late", "status"),
    [
        (0.01, 0, Status.HEALTHY),
        (3.0, 1, Status.HEALTHY),
        (3.0, 2, Status.HEALTHY),
        (3.0, 3, Status.DEGRADED),
        (3.0, 0, Status.HEALTHY),
        (0.5, 30, Status.HEALTHY),
    ],
    ids=["on time", "one slow start", "two", "again and again", "long ago", "a few of thousands"],
)
async def test_lateness_counts_when_it_is_neither_single_nor_old(p99, late, status):
    """Both: what starts now is late, and the percentile says that it is more than a few among many."""
    check = SelfCheck(stats=lambda: MonitorStats(components=2, lateness_p99=p99, late=late))
    reading = await check.probe(None)
    assert reading.status == status
    assert ("late" in reading.message) == (status == Status.DEGRADED)
    assert reading.measurements["lateness_p99_seconds"] == p99
