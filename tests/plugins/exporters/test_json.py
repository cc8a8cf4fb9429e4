"""The `json` exporter: files that nobody sees half of, and an address that may be away for a while."""

from __future__ import annotations

import gzip
import json
import math
import time

import anyio
import pytest
from prometheus_client import CollectorRegistry, Gauge, Histogram
from tests.exporting import PushContext
from tests.plugins.channels.receiver import Receiver, reply

from auscult import DeliveryError, Family, Monitor, Sample, Samples, Snapshot, Status
from auscult.metrics_exporter import JSONExporter

pytestmark = pytest.mark.anyio


@pytest.fixture
def receiver():
    """A loopback receiver."""
    receiving = Receiver()
    yield receiving
    receiving.close()


def monitor_with(exporter, state_dir=None):
    registry = CollectorRegistry()
    Gauge("jobs_waiting", "Jobs.", ["queue"], registry=registry).labels("a").set(3)
    Histogram("turn_seconds", "Turns.", registry=registry).observe(0.4)
    monitor = Monitor(state_dir=state_dir)
    monitor.metrics.add_registry(registry)
    monitor.metrics.add_exporter("out", exporter)
    return monitor


async def until(what, seconds=20.0):
    """Wait until it holds."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it never came to hold"
        await anyio.sleep(0.05)


def family(document, name):
    return next(each for each in document["metrics"] if each["name"] == name)


async def test_a_file_is_replaced_as_a_whole(tmp_path):
    """Whenever it is read there is one whole document, and folders are made."""
    path = tmp_path / "metrics" / "metrics.json"
    seen = set()
    async with monitor_with(JSONExporter(file_path=str(path), push_interval=0.1)):
        await until(path.exists)
        for _ in range(200):
            seen.add(json.loads(path.read_text())["timestamp"])
            await anyio.sleep(0.005)
    document = json.loads(path.read_text())
    assert len(seen) > 1
    jobs = {"name": "jobs_waiting", "labels": {"queue": "a"}, "value": 3.0}
    assert family(document, "jobs_waiting") == {
        "name": "jobs_waiting",
        "type": "gauge",
        "help": "Jobs.",
        "samples": [jobs],
    }
    names = {sample["name"] for sample in family(document, "turn_seconds")["samples"]}
    assert names >= {"turn_seconds_bucket", "turn_seconds_count", "turn_seconds_sum"}
    assert [file.name for file in path.parent.iterdir()] == ["metrics.json"]
    assert path.stat().st_mode & 0o777 == 0o640


async def test_lines_are_appended_and_files_rotated(tmp_path):
    """Every line of every file is a document; no more files are kept than asked for."""
    path = tmp_path / "metrics.jsonl"
    exporter = JSONExporter(file_path=str(path), mode="append", rotate_bytes=60_000, keep_files=2, push_interval=0.1)
    async with monitor_with(exporter):
        await until(lambda: (tmp_path / "metrics.jsonl.2").exists(), 60)
        await anyio.sleep(0.5)
    files = sorted(file.name for file in tmp_path.iterdir())
    assert files == ["metrics.jsonl", "metrics.jsonl.1", "metrics.jsonl.2"]
    times = []
    for name in reversed(files):
        lines = (tmp_path / name).read_text().splitlines()
        assert lines
        times += [json.loads(line)["timestamp"] for line in lines]
        assert (tmp_path / name).stat().st_size <= 60_000
    assert times == sorted(times)


async def test_an_address_gets_documents(receiver):
    """Compressed, in parts of the size asked for, with the user's headers."""
    exporter = JSONExporter(
        endpoint_url=f"http://127.0.0.1:{receiver.port}/ingest?key=v",
        headers={"X-Key": "canary"},
        batch=10,
        push_interval=30,
    )
    assert "canary" not in repr(exporter)
    async with monitor_with(exporter):
        await until(
            lambda: (
                receiver.requests and json_of(receiver.requests[-1])["part"] == json_of(receiver.requests[0])["parts"]
            )
        )
    documents = [json_of(request) for request in receiver.requests]
    assert [document["part"] for document in documents] == list(range(1, documents[0]["parts"] + 1))
    assert all(sum(len(each["samples"]) for each in document["metrics"]) <= 10 for document in documents)
    assert {request.headers["x-key"] for request in receiver.requests} == {"canary"}
    assert receiver.requests[0].path == "/ingest?key=v"


def json_of(request):
    return json.loads(gzip.decompress(request.body))


async def test_what_an_address_missed_arrives_later_and_in_order(receiver, tmp_path):
    """Nothing is lost while it is down, not over a restart either, and nothing comes twice."""
    receiver.otherwise = reply(503, b"not now")
    exporter = JSONExporter(endpoint_url=f"http://127.0.0.1:{receiver.port}/", push_interval=0.2)
    async with monitor_with(exporter, tmp_path) as monitor:
        await until(lambda: monitor.metrics.exporter_stats()["out"].waiting >= 3)
        assert monitor.component_health("exporter.out").status is Status.UNHEALTHY
        assert "answered 503" in monitor.component_health("exporter.out").message
        waiting = monitor.metrics.exporter_stats()["out"].waiting
    receiver.requests.clear()
    receiver.otherwise = reply()
    async with monitor_with(exporter, tmp_path) as monitor:
        await until(lambda: len(receiver.requests) > waiting)
        await until(lambda: monitor.metrics.exporter_stats()["out"].waiting == 0)
        assert monitor.metrics.exporter_stats()["out"].dropped == 0
    times = [json_of(request)["timestamp"] for request in receiver.requests]
    assert times == sorted(set(times))


async def test_what_is_refused_for_good_is_counted_and_not_repeated(receiver):
    """A 400 ends that snapshot; the next one is tried at its own time."""
    receiver.otherwise = reply(400, b"not that")
    exporter = JSONExporter(endpoint_url=f"http://127.0.0.1:{receiver.port}/", push_interval=0.2)
    async with monitor_with(exporter) as monitor:
        await until(lambda: monitor.metrics.exporter_stats()["out"].dropped >= 3)
        stats = monitor.metrics.exporter_stats()["out"]
        assert stats.waiting == 0
        assert stats.pushed == 0


async def test_a_receiver_is_left_in_peace_for_as_long_as_it_asks(receiver):
    """429 with Retry-After: nothing before its time."""
    receiver.answers = [reply(429, b"", Retry_After="2")]
    exporter = JSONExporter(endpoint_url=f"http://127.0.0.1:{receiver.port}/", push_interval=0.2)
    async with monitor_with(exporter) as monitor:
        await until(lambda: len(receiver.requests) == 1)
        begin = time.monotonic()
        await until(lambda: len(receiver.requests) > 1)
        assert time.monotonic() - begin > 1.8
        await until(lambda: monitor.metrics.exporter_stats()["out"].waiting == 0)
        assert monitor.metrics.exporter_stats()["out"].dropped == 0


async def test_a_receiver_that_says_nothing_delays_nobody(receiver, tmp_path):
    """It is cut at its limit; meanwhile the other exporter keeps its pace."""
    receiver.otherwise = receiver.hang
    path = tmp_path / "m.json"
    monitor = monitor_with(
        JSONExporter(endpoint_url=f"http://127.0.0.1:{receiver.port}/", timeout=1, push_interval=0.2)
    )
    monitor.metrics.add_exporter("other", JSONExporter(file_path=str(path), push_interval=0.1))
    async with monitor:
        await until(lambda: monitor.metrics.exporter_stats()["out"].failed >= 1)
        assert monitor.metrics.exporter_stats()["other"].pushed >= 3
        assert "no answer within 1 s" in monitor.metrics.exporter_stats()["out"].last_error


def test_numbers_that_are_none():
    """NaN is null, infinity is text: the document is valid JSON."""
    kind = Family("odd", "gauge", "Odd.")
    values = [math.nan, math.inf, -math.inf, 1e300]
    samples = [Sample("odd", (("n", str(at)),), value, None) for at, value in enumerate(values)]
    export = JSONExporter().render(Snapshot(0, [Samples.of(kind, samples)]))
    document = json.loads(export.body)
    assert [sample["value"] for sample in document["metrics"][0]["samples"]] == [None, "+Inf", "-Inf", 1e300]


async def test_a_body_of_another_form(receiver):
    """What the template makes of the document, as JSON; texts that break JSON are no danger."""
    names = """{% for metric in metrics %}{{ metric.name | tojson }}{{ "," if not loop.last }}{% endfor %}"""
    template = f'{{"at": {{{{ timestamp_s }}}}, "names": [{names}]}}'
    options = {"endpoint_url": f"http://127.0.0.1:{receiver.port}/", "gzip": False, "push_interval": 30}
    async with monitor_with(JSONExporter(template=template, **options)):
        await until(lambda: receiver.requests)
    body = receiver.requests[0].json
    assert "jobs_waiting" in body["names"]
    assert abs(body["at"] - time.time()) < 60


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"template": "{}"}, "endpoint_url"),
        ({"template": "{{ nothing }}", "endpoint_url": "http://h/"}, "undefined"),
        ({"template": "{{ metrics }", "endpoint_url": "http://h/"}, "the template fails"),
        (
            {"template": '"{% for m in metrics %}{{ m.help }}{% endfor %}"', "endpoint_url": "http://h/"},
            "does not make JSON",
        ),
        ({"endpoint_url": "h:80"}, "begins with http"),
        ({"file_path": "x", "mode": "add"}, "expected replace or append"),
    ],
)
def test_options_that_make_no_sense(options, says):
    """Each gets a sentence, before anything is sent."""
    with pytest.raises(ValueError, match=says):
        JSONExporter(**options)


async def test_parts_that_arrived_do_not_arrive_again(receiver, tmp_path):
    """What had to be tried again goes on where it stopped, and writes no second line."""
    path = tmp_path / "lines"
    exporter = JSONExporter(
        endpoint_url=f"http://127.0.0.1:{receiver.port}/", batch=1, file_path=str(path), mode="append"
    )
    samples = [Sample("depth", (("n", n),), 1.0, None) for n in "abc"]
    taken = Snapshot(1000, [Samples.of(Family("depth", "gauge", ""), samples)])
    receiver.answers = [reply(), reply(503, b""), reply()]
    async with PushContext() as ctx:
        with pytest.raises(DeliveryError):
            await exporter.push(taken, ctx)
        await exporter.push(taken, ctx)
    assert [json_of(request)["part"] for request in receiver.requests] == [1, 2, 2, 3]
    assert len(path.read_text().splitlines()) == 1


async def test_a_template_that_fails_ends_its_snapshot(receiver):
    """It would fail with the same snapshot again; one that makes nothing sends nothing."""
    template = '{% if part > 1 %}null{% elif timestamp_s == 9 %}broken{% else %}{"n": {{ part }}}{% endif %}'
    exporter = JSONExporter(endpoint_url=f"http://127.0.0.1:{receiver.port}/", batch=1, template=template)
    depth = [Samples.of(Family("depth", "gauge", ""), [Sample("depth", (("n", n),), 1.0, None) for n in "ab"])]
    async with PushContext() as ctx:
        await exporter.push(Snapshot(8000, depth), ctx)
        assert [json_of(request) for request in receiver.requests] == [{"n": 1}]
        with pytest.raises(DeliveryError, match=r"does not make JSON.*\(1 of 2 parts\)") as failed:
            await exporter.push(Snapshot(9000, depth), ctx)
    assert not failed.value.retry
