"""The check `orchestrator`: every convention by which services tell their health, and services that tell nonsense."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.servers.vendor import RESET, Answer, Request, serving

from auscult import Status
from auscult_plugins._http import Reply
from auscult_plugins.orchestrator import OrchestratorCheck
from auscult_plugins.orchestrator.conventions import read_ietf, read_plain

pytestmark = pytest.mark.anyio

NOT_FOUND = Answer(404, "404: Not Found")
OK = Answer(200, "OK", {"content-type": "text/plain"})
WORKER = {
    "agent_name": "front-desk",
    "worker_type": "JT_ROOM",
    "active_jobs": 3,
    "worker_load": 0.25,
    "sdk_version": "1.8",
}


def service(answers: dict[str, Answer]):
    """A service that knows these paths."""
    return serving(lambda request: answers.get(request.path, NOT_FOUND))


async def probed(look, answers: dict[str, Answer], path: str = "", **options):
    """One look at a service that gives these answers."""
    with service(answers) as server:
        return await look(OrchestratorCheck(url=server.url + path, **options))


# plain


@pytest.mark.parametrize(
    ("answer", "status", "says"),
    [
        (OK, Status.HEALTHY, "HTTP 200"),
        (Answer(204), Status.HEALTHY, "HTTP 204"),
        (Answer(200, {"status": "healthy"}), Status.HEALTHY, "HTTP 200"),
        (Answer(200, {"status": "Degraded"}), Status.DEGRADED, "the status is `degraded`"),
        (Answer(200, {"status": "unhealthy"}), Status.UNHEALTHY, "HTTP 200, but the status is `unhealthy`"),
        (Answer(200, {"status": 7}), Status.HEALTHY, "HTTP 200"),
        (Answer(200, "[" * 100_000), Status.HEALTHY, "HTTP 200"),
        (Answer(503, "not\n  ready"), Status.UNHEALTHY, "HTTP 503: not ready"),
        (Answer(302, "", {"location": "/login"}), Status.UNHEALTHY, "HTTP 302, a redirect to /login"),
        (Answer(401, "x" * 9000), Status.UNHEALTHY, "HTTP 401: " + "x" * 200),
    ],
)
async def test_plain(look, answer, status, says):
    """2xx is well, and a JSON status that says otherwise is believed."""
    for convention in ("plain", "auto"):
        result = await probed(look, {"/health": answer}, "/health", convention=convention)
        assert (result.status, result.message) == (status, says)
        assert result.measurements == {}


# health+json


def ietf(status: str, code: int = 200, **more) -> Answer:
    return Answer(code, {"status": status, **more}, {"content-type": "application/health+json"})


CHECKS = {
    "redis:responseTime": [{"status": "pass", "observedValue": 3}, {"status": "warn", "output": "slow"}],
    "stt": {"status": "fail", "output": "no key"},
    "llm": [{"componentType": "system"}],
}


@pytest.mark.parametrize(
    ("answer", "status", "says", "counted"),
    [
        (ietf("pass"), Status.HEALTHY, "pass", {}),
        (ietf("UP", description="all is well"), Status.HEALTHY, "all is well", {}),
        (ietf("pass", checks={"a": [{"status": "pass"}]}), Status.HEALTHY, "pass", (1, 0)),
        (ietf("warn", checks=CHECKS), Status.DEGRADED, "redis:responseTime[1] is warn (slow); stt is fail (no", (2, 2)),
        (ietf("warn"), Status.DEGRADED, "the status is `warn`", {}),
        (ietf("fail", 503, checks=CHECKS), Status.UNHEALTHY, "redis:responseTime[1] is warn (slow); stt is", (2, 2)),
        (ietf("fail", 503, output="the queue is full"), Status.UNHEALTHY, "the queue is full", {}),
        (ietf("fail"), Status.UNHEALTHY, "HTTP 200, status `fail`", {}),
        (ietf("pass", 503), Status.UNHEALTHY, "HTTP 503, status `pass`", {}),
        (ietf("splendid"), Status.UNHEALTHY, "the status is 'splendid'; expected pass, warn or fail", {}),
        (Answer(200, "oops", {"content-type": "application/health+json"}), Status.UNHEALTHY, "the status is ''", {}),
        (ietf("pass", checks=[1, 2]), Status.HEALTHY, "pass", {}),
        (ietf("pass", checks={"a": None, "b": [None, 3]}), Status.HEALTHY, "pass", {}),
    ],
)  # fmt: skip
async def test_ietf(look, answer, status, says, counted):
    """Parts are counted, the bad ones named with what they say."""
    for convention in ("ietf", "auto"):
        result = await probed(look, {"/health": answer}, "/health", convention=convention)
        assert result.status is status, result.message
        assert result.message.startswith(says)
        counts = {"checks_passed": counted[0], "checks_failed": counted[1]} if counted else {}
        assert result.measurements == counts


async def test_ietf_at_the_root_is_found(look):
    """Without a path in the URL."""
    assert (await probed(look, {"/": ietf("pass", output="root")})).message == "root"


async def test_many_bad_parts_are_named_in_part(look):
    """A message stays a sentence; the count has all."""
    checks = {f"part{n}": {"status": "fail", "output": "x" * 500} for n in range(50)}
    result = await probed(look, {"/": ietf("fail", checks=checks)})
    assert result.measurements["checks_failed"] == 50
    assert len(result.message) < 500
    assert result.message.count(" is fail") == 3


# kubernetes


VERBOSE = "[+]ping ok\n[+]log ok\n[-]etcd failed: reason withheld\n[-]informer-sync failed\nreadyz check failed\n"


@pytest.mark.parametrize("convention", ["auto", "kubernetes"])
@pytest.mark.parametrize(
    ("answers", "status", "says", "counted"),
    [
        ({"/readyz": Answer(200, "ok"), "/livez": Answer(200, "ok")}, Status.HEALTHY, "ready", {}),
        ({"/readyz": Answer(200, "[+]ping ok\n[+]log ok\nok")}, Status.HEALTHY, "ready", (2, 0)),
        ({"/readyz": Answer(500, VERBOSE), "/livez": Answer(200, "ok")}, Status.UNHEALTHY,
         "alive and not ready: etcd, informer-sync", (2, 2)),
        ({"/readyz": Answer(500, VERBOSE), "/livez": Answer(500)}, Status.UNHEALTHY,
         "neither ready nor alive: etcd, informer-sync", (2, 2)),
    ],
)  # fmt: skip
async def test_kubernetes(look, answers, status, says, counted, convention):
    """Ready or not, alive or not, and what fails by name."""
    spoken = {f"{path}{query}": answer for path, answer in answers.items() for query in ("", "?verbose")}
    result = await probed(look, spoken, convention=convention)
    assert (result.status, result.message) == (status, says)
    assert result.measurements == ({"checks_passed": counted[0], "checks_failed": counted[1]} if counted else {})


async def test_kubernetes_by_the_path_of_its_probe(look):
    """`http://host/healthz` names the host; its siblings are asked."""
    result = await probed(look, {"/x/readyz?verbose": Answer(503)}, "/x/healthz", convention="kubernetes")
    assert result.message == "neither ready nor alive (HTTP 503)"


# LiveKit Agents


@pytest.mark.parametrize("convention", ["auto", "livekit-agents"])
@pytest.mark.parametrize(
    ("answers", "status", "says", "jobs", "load"),
    [
        ({"/": OK, "/worker": Answer(200, WORKER)}, Status.HEALTHY, "front-desk: 3 active jobs", 3, 0.25),
        ({"/": OK, "/worker": Answer(200, {"sdk_version": "1"})}, Status.HEALTHY, "agent: 0 active jobs", 0, 0),
        ({"/": OK, "/worker": Answer(200, WORKER | {"worker_load": 0.97})}, Status.DEGRADED,
         "the worker is full: load 0.97, it takes no calls", 3, 0.97),
        ({"/": Answer(503, "failed to connect to livekit"), "/worker": Answer(200, WORKER)}, Status.UNHEALTHY,
         "failed to connect to livekit", 3, 0.25),
    ],
)  # fmt: skip
async def test_livekit_agents(look, answers, status, says, jobs, load, convention):
    """`/` for life, `/worker` for jobs and load; fields that are zero are left out by the worker."""
    result = await probed(look, answers, convention=convention)
    assert (result.status, result.message) == (status, says)
    assert result.measurements == {"active_jobs": jobs, "worker_load": load}


@pytest.mark.parametrize(
    "worker", [NOT_FOUND, Answer(200, "OK"), Answer(200, {"active_jobs": "many", "worker_load": []})]
)
async def test_livekit_agents_without_a_worker_page(look, worker):
    """`/` alone proves too little."""
    result = await probed(look, {"/": OK, "/worker": worker}, convention="livekit-agents")
    assert result.status is Status.DEGRADED
    assert result.message == "`/` answers and `/worker` does not: is this a LiveKit Agents worker?"


async def test_the_limit_of_load_is_an_option(look):
    """A lower one for workers with a threshold of their own."""
    answers = {"/": OK, "/worker": Answer(200, WORKER)}
    assert (await probed(look, answers, full_load=0.2)).status is Status.DEGRADED


# Pipecat


@pytest.mark.parametrize(("said", "status"), [("ready", Status.HEALTHY), ("starting", Status.UNHEALTHY)])
async def test_pipecat(look, said, status):
    """The runner's `/status`."""
    for convention in ("auto", "pipecat"):
        result = await probed(look, {"/status": Answer(200, {"status": said, "transports": []})}, convention=convention)
        assert result.status is status, result.message


# All of them


async def test_nothing_known_at_the_root_is_plain(look):
    """200 at `/` and nothing elsewhere."""
    result = await probed(look, {"/": OK})
    assert (result.status, result.message) == (Status.HEALTHY, "HTTP 200")


async def test_a_token_is_sent_everywhere_and_shown_nowhere(watch):
    """As a bearer token, also while finding out the convention."""
    seen = []

    def judge(request: Request) -> Answer:
        seen.append(request.headers.get("authorization"))
        return Answer(401, "no") if request.headers.get("authorization") != "Bearer secret-word" else OK

    with serving(judge) as server:
        async with watch(OrchestratorCheck(url=server.url, token="secret-word"), never="secret-word") as look:
            assert (await look()).status is Status.HEALTHY
        async with watch(OrchestratorCheck(url=server.url, token="wrong-word"), never="wrong-word") as look:
            assert (await look()).message == "HTTP 401: no"
    assert set(seen) == {"Bearer secret-word", "Bearer wrong-word"}
    assert "secret-word" not in repr(OrchestratorCheck(url="http://h", token="secret-word"))


@pytest.mark.parametrize("convention", ["auto", "plain", "ietf", "kubernetes", "livekit-agents", "pipecat"])
async def test_stopped_hanging_and_closing(look, closed, deaf, convention):
    """Refused, silent and reset connections: one sentence each, in every convention."""
    result = await look(OrchestratorCheck(url=f"http://127.0.0.1:{closed}", convention=convention))
    assert result.message == f"cannot connect to 127.0.0.1:{closed}: Connection refused"
    result = await look(OrchestratorCheck(url=f"http://127.0.0.1:{deaf}", convention=convention), timeout=0.3)
    assert result.message == "no answer within 0.3 s"
    with serving(lambda _: RESET) as server:
        result = await look(OrchestratorCheck(url=server.url, convention=convention))
    assert result.status is Status.UNHEALTHY
    assert result.message.startswith(f"{server.url.removeprefix('http://')} does not answer in HTTP: ")


async def test_what_is_no_http(look, says):
    """Another protocol on that port."""
    port = says(b"SSH-2.0-OpenSSH_9.2\r\n")
    result = await look(OrchestratorCheck(url=f"http://127.0.0.1:{port}/health"))
    assert result.message.startswith(f"127.0.0.1:{port} does not answer in HTTP: ")


async def test_a_huge_answer_is_not_read_to_its_end(look):
    """Memory is bounded."""
    result = await probed(look, {"/health": Answer(200, b"x" * 5_000_000)}, "/health")
    assert result.status is Status.UNHEALTHY
    assert result.message == "the answer is longer than 1024 KiB"


@pytest.mark.parametrize("name", ["ORCHESTRATOR_URL", "AGENT_HEALTH_URL", "LIVEKIT_AGENT_URL"])
def test_found_in_the_environment(name):
    """By the variable's name; credentials in the address are written nowhere."""
    (found,) = OrchestratorCheck.discover({name: "http://u:secret-word@agent:8081"})
    assert found.settings == {"url": f"${{{name}}}"}
    assert "secret-word" not in repr(found)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
_DOCUMENTS = st.fixed_dictionaries(
    {}, optional={"status": _JSON, "checks": _JSON, "output": _JSON, "description": _JSON}
)


@given(st.integers(100, 599), _DOCUMENTS.map(json.dumps).map(str.encode) | st.binary(max_size=60))
def test_any_document_gives_a_reading(status, content):
    """Whatever a service says, the conventions' readers answer with a reading that counts what it counts."""
    reply = Reply(status, {}, content)
    for read in (read_plain, read_ietf):
        reading = read(reply)
        assert reading.message
        assert all(value >= 0 for value in reading.measurements.values())
        assert reading.status is not Status.HEALTHY or 200 <= status < 300
