"""The `log` channel: lines that a handler gets, their fields and levels, and that no text breaks a line."""

from __future__ import annotations

import io
import json
import logging

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.plugins.channels.made import make_notice, make_notification

from auscult import Catalogue, ChangeKind
from auscult.options import convert_options
from auscult_plugins.log_channel import LogChannel

pytestmark = pytest.mark.anyio


@pytest.fixture
def records(caplog):
    caplog.set_level("DEBUG", logger="auscult.alerts")
    return caplog


def test_it_is_found_by_its_kind():
    """The entry point offers it, as any plugin's."""
    assert Catalogue.discover().channel("log").__name__ == "LogChannel"


async def test_a_notice_is_one_line_with_fields(send, records):
    """The seed document's `LogChannel(log_level="ERROR")`, word for word."""
    notice = make_notice()
    await send(LogChannel(log_level="ERROR"), make_notification(notice))
    (record,) = records.records
    assert (record.name, record.levelname) == ("auscult.alerts", "ERROR")
    assert record.getMessage() == (
        "[FIRING high] component_unhealthy: stt_client: Component stt_client is unhealthy: Connection timeout "
        "(Since: 2024-01-15 10:25:00 UTC; Values: response_time_ms 5012.5, status unhealthy; Labels: team=voice)"
    )
    assert record.key == f"{notice.alert.id}/1/ops"
    assert (record.alert_id, record.rule, record.component) == (notice.alert.id, "component_unhealthy", "stt_client")
    assert (record.severity, record.status, record.change, record.number) == ("high", "active", "fired", 1)
    assert (record.covers, record.labels, record.channel, record.test) == ([], {"team": "voice"}, "ops", False)


async def test_an_envelope_is_a_line_per_notice(send, records):
    """Nothing of several notices is lost, and each keeps its own key."""
    notices = [make_notice(component=f"c{i}") for i in range(3)]
    await send(LogChannel(), make_notification(*notices))
    assert [record.component for record in records.records] == ["c0", "c1", "c2"]
    assert len({record.key for record in records.records}) == 3


@pytest.mark.parametrize(("options", "expected"), [({}, "ERROR"), ({"resolved_log_level": "INFO"}, "INFO")])
async def test_an_end_is_as_loud_as_the_beginning_unless_told_otherwise(send, records, options, expected):
    """Whoever sees beginnings sees ends."""
    await send(LogChannel(**options), make_notification(make_notice(ChangeKind.RESOLVED)))
    await send(LogChannel(**options), make_notification(make_notice(ChangeKind.FIRED)))
    assert [record.levelname for record in records.records] == [expected, "ERROR"]
    assert "[RESOLVED high]" in records.records[0].getMessage()


async def test_a_test_says_that_it_is_one(send, records):
    """A line that somebody asked for with `channels test` cannot be taken for an alert."""
    await send(LogChannel(), make_notification(test=True))
    assert records.records[0].getMessage().startswith("[TEST] [FIRING high]")
    assert records.records[0].test is True


async def test_a_quieter_level_is_a_quieter_line(send, records):
    await send(LogChannel(log_level="WARNING"), make_notification())
    assert records.records[0].levelname == "WARNING"


@pytest.mark.parametrize("level", ["loud", "error", "", 40])
def test_a_wrong_level_is_refused(level):
    """In a file and in code alike."""
    with pytest.raises(ValueError, match=r"log_level|Invalid enum|Expected"):
        convert_options({"log_level": level}, LogChannel)
    with pytest.raises(ValueError, match=r"expected DEBUG, INFO, WARNING, ERROR or CRITICAL"):
        LogChannel(log_level=level)


HOSTILE = st.text(st.characters(codec=None) | st.sampled_from("\r\n\x00\x1b\x85\u2028\u202e\udc80"), max_size=80)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(message=HOSTILE, rule=HOSTILE, component=HOSTILE, label=HOSTILE, note=HOSTILE)
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_no_text_breaks_the_line(send, message, rule, component, label, note):
    """Whatever a probe, a label or a person says: one line, no control character, encodable as UTF-8."""
    out = io.BytesIO()
    handler = logging.StreamHandler(io.TextIOWrapper(out, "utf-8", newline="\n", write_through=True))
    logger = logging.getLogger("auscult.alerts")
    logger.addHandler(handler)
    try:
        notice = make_notice(message=message, rule=rule, component=component, labels={label: label}, note=note)
        await send(LogChannel(), make_notification(notice))
    finally:
        logger.removeHandler(handler)
    line = out.getvalue().decode()
    assert len(line.splitlines()) == 1
    assert line.endswith("\n")
    assert not set(line[:-1]) & {chr(code) for code in (*range(32), *range(0x7F, 0xA0), 0x202E, 0x2028)}


async def test_fields_survive_a_formatter_that_writes_json(send, records):
    """Fields are plain data."""
    await send(LogChannel(), make_notification(make_notice(labels={"a": "\udc80\n"}, covers=(1, 2), number=3)))
    record = records.records[0]
    assert json.loads(json.dumps([record.covers, record.labels])) == [[1, 2], {"a": "\ufffd"}]
