"""The tests of `my_checks.py`: what is made of answers, and the contract."""

import httpx
import pytest
from my_checks import QueueCheck

from auscult.testing import assert_check_contract, probe_once

pytestmark = pytest.mark.anyio


async def test_a_job_that_waits_too_long():
    """Degraded, in words; a queue that is worked off is healthy."""
    stats = {"waiting": 90, "oldest": 300}
    check = QueueCheck(url="http://queue.internal/stats")
    result = await probe_once(check, answer=lambda _: httpx.Response(200, json=stats))
    assert (result.status, result.message) == ("degraded", "the oldest job has waited 300 s, more than 60 s")
    stats["oldest"] = 2
    assert (await probe_once(check, answer=lambda _: httpx.Response(200, json=stats))).status == "healthy"


async def test_a_queue_that_is_down():
    """The error speaks for itself."""
    check = QueueCheck(url="http://queue.internal/stats")
    result = await probe_once(check, answer=lambda _: httpx.Response(503))
    assert result.status == "unhealthy"
    assert "503" in result.message


def test_the_contract():
    """Nobody listens there: every probe fails, and in the right way."""
    assert_check_contract(QueueCheck, url="http://127.0.0.1:9/", token="t" * 20)
