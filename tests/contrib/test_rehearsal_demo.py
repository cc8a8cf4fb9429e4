"""`auscult demo` as a newcomer uses it: seven components alive, a fault found, mended, and nothing left behind."""

import importlib.util
import json
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from tests.need import missing, program

pytestmark = [pytest.mark.timeout(900), pytest.mark.xdist_group("demo")]
PATIENCE = 200
"""Seconds until something has to be seen: on a quiet machine it takes five, on a busy one speech takes its time."""
COMPONENTS = {"stt_client", "llm_client", "tts_client", "database", "redis", "livekit", "orchestrator"}


class Demo:
    """A running demo, and the commands that steer it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            self.port = sock.getsockname()[1]
        self.log = directory / "log"
        self.process = subprocess.Popen(self._command("--port", str(self.port)), stderr=self.log.open("w"))

    def _command(self, *words: str) -> list[str]:
        return [
            sys.executable,
            "-X",
            "faulthandler",
            "-m",
            "auscult",
            "demo",
            "--directory",
            str(self.directory / "demo"),
            *words,
        ]

    def say(self, *words: str) -> subprocess.CompletedProcess[str]:
        """`auscult demo …`."""
        return subprocess.run(self._command(*words), capture_output=True, text=True, timeout=PATIENCE, check=False)

    def components(self) -> dict:
        """What the server says; empty while it says nothing."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health/detailed", timeout=5) as reply:
                return json.loads(reply.read())["components"]
        except urllib.error.HTTPError as error:
            return json.loads(error.read()).get("components", {})
        except OSError:
            return {}

    def said(self, name: str) -> str:
        """What the latest probe of that component itself said, whatever was made of it."""
        url = f"http://127.0.0.1:{self.port}/api/v1/components/{name}/results?limit=1"
        deadline = time.monotonic() + PATIENCE
        while True:  # what has just come may not be on disk yet
            with urllib.request.urlopen(url, timeout=PATIENCE) as reply:
                found = json.loads(reply.read())["results"]
            if found or time.monotonic() > deadline:
                return found[0]["message"]
            time.sleep(0.2)

    def wait(self, what, seconds: float = PATIENCE) -> dict:
        """The components, once `what` holds for them."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if (code := self.process.poll()) is not None:
                pytest.fail(f"the demo ended with exit code {code}: {self.log.read_text()[-2000:]}")
            if what(found := self.components()):
                return found
            time.sleep(0.2)
        said = [f"{name} is {each['status']}: {each['message']}" for name, each in found.items()]
        return pytest.fail(f"not within {seconds} s; now\n" + "\n".join(said) + self.log.read_text()[-4000:])


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """The demo with everything it can have."""
    program("flite", "flite")
    program("redis-server", "redis-server")
    for package in ("pocketsphinx", "auscult_rehearsal"):
        if importlib.util.find_spec(package) is None:
            missing(f"{package} is not installed; run: make test")
    started = Demo(tmp_path_factory.mktemp("demo"))
    yield started
    if started.process.poll() is None:
        started.process.terminate()
        started.process.wait(PATIENCE)


def is_well(component: dict) -> bool:
    """Healthy, or nothing but late: recognising and speaking take their time while the machine does other things."""
    late = component["status"] == "degraded" and component["reasons"] == ["response_time_ms"]
    return component["status"] == "healthy" or (late and component["component_name"] in ("stt_client", "tts_client"))


def all_well(components: dict) -> bool:
    return set(components) >= COMPONENTS and all(is_well(components[name]) for name in COMPONENTS)


def test_all_seven_components_are_alive(demo):
    """Each is probed for real and healthy, the voice ones at the depth that proves work."""
    components = demo.wait(all_well)
    assert "hello how can i help you today" in demo.said("stt_client")
    assert "speaks" in demo.said("tts_client")
    assert "host" in components


def board(demo: Demo, ident: str) -> dict[str, dict]:
    """The panels of a dashboard of the demo, by name."""
    deadline = time.monotonic() + PATIENCE
    url = f"http://127.0.0.1:{demo.port}/dashboard/{ident}?range=15m"
    while True:
        try:
            with urllib.request.urlopen(url, timeout=PATIENCE) as reply:
                return {panel["id"]: panel for panel in json.loads(reply.read())["panels"]}
        except OSError:
            if demo.process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.5)


@pytest.mark.parametrize("ident", ["system_overview", "api_performance", "ai_services", "infrastructure"])
def test_every_dashboard_is_alive(demo, ident):
    """No panel fails or still waits to be connected: the demo's agent answers calls and records them."""
    demo.wait(lambda found: set(found) >= COMPONENTS)
    deadline = time.monotonic() + PATIENCE
    while True:
        panels = board(demo, ident)
        waiting = [name for name, panel in panels.items() if any(each["shape"] == "waiting" for each in panel["data"])]
        if not waiting or time.monotonic() > deadline:
            break
        time.sleep(1)
    assert not waiting
    assert not any(panel["error"] for panel in panels.values())


def test_the_agents_own_figures_are_drawn(demo):
    """Its requests by route and its calls to AI services with their cost, as its process records them."""
    demo.wait(lambda found: set(found) >= COMPONENTS)

    def routes() -> set[str]:
        drawn = board(demo, "api_performance")["recorded_api"]["data"]
        return {row[0] for each in drawn if each["shape"] == "table" for row in each["rows"]}

    demo.wait(lambda _: "/v1/calls/{call}/turns" in routes())

    def services() -> set[str]:
        drawn = board(demo, "ai_services")["costs_and_usage"]["data"]
        calls = [each for each in drawn if each["shape"] == "table" and each["title"] == "Your agent"]
        return {row[0] for each in calls for row in each["rows"]}

    demo.wait(lambda _: services() == {"stt", "llm", "tts"})
    metrics = board(demo, "ai_services")["costs_and_usage"]["metrics"]
    assert next(metric["value"] for metric in metrics if metric["name"] == "ai_cost_usd") > 0


def test_a_silent_voice_is_found_and_named(demo):
    """`break tts --silent`: unhealthy at the second bad check, with a sentence that says silence; then mended."""
    demo.wait(all_well)
    said = demo.say("break", "tts", "--silent")
    assert said.returncode == 0, said.stderr
    assert "tts_client" in said.stdout
    found = demo.wait(
        lambda components: components["tts_client"]["status"] == "unhealthy" and is_well(components["stt_client"])
    )
    assert "silence" in found["tts_client"]["message"]
    status = demo.say("status").stdout
    assert "silent" in status
    assert "unhealthy" in status
    assert demo.say("mend").returncode == 0
    demo.wait(lambda components: is_well(components["tts_client"]))


@pytest.mark.parametrize(
    ("component", "fault", "status", "says"),
    [
        ("stt", "--unauthorized", "unhealthy", "API key"),
        ("llm", "--slow", "degraded", "response time"),
        ("redis", "--down", "unhealthy", ""),
        ("database", "--down", "unhealthy", ""),
        ("livekit", "--lying", "unhealthy", ""),
        ("orchestrator", "--lying", "degraded", "/worker"),
    ],
)
def test_every_component_can_be_broken_and_mended(demo, component, fault, status, says):
    """Each kind of fault is found where it is, and gone once it is mended."""
    name = f"{component}_client" if component in ("stt", "llm") else component
    demo.wait(all_well)
    assert demo.say("break", component, fault).returncode == 0
    found = demo.wait(lambda components: components[name]["status"] == status)
    assert says in found[name]["message"]
    assert demo.say("mend", component).returncode == 0
    demo.wait(lambda components: is_well(components[name]))


def test_wrong_wishes_get_a_sentence(demo):
    """No fault, an unknown component, a fault that it has not, a second demo."""
    demo.wait(all_well)
    assert "--silent" in demo.say("break", "tts").stderr
    assert "there are stt, llm, tts" in demo.say("break", "voice", "--down").stderr
    assert "it has silent, down" in demo.say("break", "database", "--throttled").stderr
    assert "runs already" in demo.say().stderr


def test_sigterm_leaves_nothing_behind(demo):
    """Exit code 0; the stand-ins, the recogniser and redis-server are gone; steering says that no demo runs."""
    demo.wait(all_well)
    family = psutil.Process(demo.process.pid).children(recursive=True)
    assert any("redis-server" in process.name() for process in family)
    demo.process.send_signal(signal.SIGTERM)
    assert demo.process.wait(PATIENCE) == 0
    assert psutil.wait_procs(family, timeout=PATIENCE)[1] == []
    assert "No demo runs" in demo.say("status").stderr
    assert not (demo.directory / "demo" / "demo.json").exists()
