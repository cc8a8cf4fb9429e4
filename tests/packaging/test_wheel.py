"""What is built and installed is what was tested: the wheels, in an environment of their own, work from anywhere."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tarfile
import threading
import time
import urllib.error
import urllib.request
import zipfile
from email.parser import Parser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urljoin

import pytest
from tests.packaging.conftest import CONTRIB, ROOT, Installed, pip, run
from tests.servers.process import free_port

from tests import need

pytestmark = [pytest.mark.xdist_group("packaging"), pytest.mark.timeout(900), pytest.mark.slow]

UI = ROOT / "core" / "auscult" / "web" / "ui"
"""Sources of the page: what they are built into is in the wheel, and they are not."""
BUILT = "auscult/web/static/ui/"
PACKAGES = {"auscult": [ROOT / "core" / "auscult", ROOT / "plugins" / "auscult_plugins"]}
PACKAGES |= {folder.name: [folder / folder.name.replace("-", "_")] for folder in CONTRIB}
BROUGHT = {
    "auscult": {
        "auscult/py.typed",
        "auscult_plugins/py.typed",
        "auscult/web/static/style.css",
        "auscult/web/static/live.js",
        "auscult_plugins/_voice/hello.wav",
    },
    "auscult-example": {"auscult_example/py.typed"},
    "auscult-rehearsal": {"auscult_rehearsal/clips/hello-how-can-i-help-you-today.wav"},
}
"""Files that are no sources and without which something does not work."""


# What is in the wheels


@pytest.mark.parametrize("name", PACKAGES)
def test_every_file_of_the_packages_is_in_the_wheel(names, name):
    """Sources and data, and nothing else: no tests, no byte code, nothing at the top level."""
    wanted = {
        f"{package.name}/{file.relative_to(package)}"
        for package in PACKAGES[name]
        for file in package.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts and UI not in file.parents and file.name != ".building"
    }
    brought = {file for file in names[name] if ".dist-info/" not in file}
    assert brought == wanted
    assert BROUGHT.get(name, set()) <= brought


@pytest.mark.parametrize("name", PACKAGES)
def test_metadata(wheels, name):
    """A description, a licence, the Python it needs, and the line that makes it a plugin."""
    with zipfile.ZipFile(wheels[name]) as wheel:
        folder = next(file for file in wheel.namelist() if file.endswith(".dist-info/METADATA")).rpartition("/")[0]
        metadata = Parser().parsestr(wheel.read(f"{folder}/METADATA").decode())
        entry_points = wheel.read(f"{folder}/entry_points.txt").decode()
    assert metadata["Summary"]
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Requires-Python"] == ">=3.11"
    assert len(metadata.get_payload()) > 200, "the README is the description"
    assert "[auscult]" in entry_points
    if name == "auscult":
        assert "auscult = auscult.cli:main" in entry_points
        assert {"postgres", "mysql", "redis", "dns", "trio", "all"} <= set(metadata.get_all("Provides-Extra"))
        assert any(line.startswith("litestar<3,>=2.") for line in metadata.get_all("Requires-Dist"))
    else:
        assert any(re.match(r"auscult\b(?!-)", line) for line in metadata.get_all("Requires-Dist"))


def test_the_built_page_is_in_the_wheel_and_its_sources_are_not(wheels, names):
    """What the manifest lists is there, with its compressed forms, and the two pages refer to nothing else."""
    with zipfile.ZipFile(wheels["auscult"]) as wheel:
        manifest = json.loads(wheel.read(f"{BUILT}manifest.json"))
        pages = [wheel.read(f"{BUILT}{page}").decode() for page in ("index.html", "status.html")]
    brought = {name.removeprefix(BUILT) for name in names["auscult"] if name.startswith(BUILT)}
    assert {f"{name}{suffix}" for name in manifest["files"] for suffix in ("", ".gz", ".br")} <= brought
    for page in pages:
        linked = re.findall(r'(?:href|src)="{{root}}/static/ui/([^"]+)"', page)
        assert len(linked) >= 4
        assert set(linked) <= set(manifest["files"])
    first = sum(manifest["sizes"][name]["gzip"] for name in manifest["first"]["index.html"])
    assert first <= 100_000, f"the first view weighs {first} bytes, compressed"
    assert not [name for name in names["auscult"] if name.endswith((".ts", ".tsx")) or "/node_modules/" in name]


@pytest.fixture(scope="session")
def sdist(installed: Installed, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source distribution of auscult, built from this checkout."""
    folder = tmp_path_factory.mktemp("sdist")
    pip(installed.python, "install", "build", "hatchling", cwd=folder)
    done = run(installed.python, "-m", "build", "--sdist", "--outdir", folder, ROOT, cwd=folder)
    assert done.returncode == 0, done.stderr[-2000:]
    (archive,) = folder.glob("*.tar.gz")
    return archive


def without_node(folder: Path) -> str:
    """A PATH on which there is a shell, and no Node."""
    folder.mkdir()
    for program in ("sh", "env", "uname"):
        (folder / program).symlink_to(shutil.which(program) or f"/bin/{program}")
    assert shutil.which("node", path=str(folder)) is None
    return str(folder)


def test_a_wheel_from_the_sdist_is_the_same_and_needs_neither_node_nor_the_network(
    installed: Installed, sdist: Path, names, tmp_path
):
    """Distributors who build from sources ship the same files; the page comes along as it was built."""
    with tarfile.open(sdist) as archive:
        inside = archive.getnames()
    assert any(name.endswith("/static/ui/manifest.json") for name in inside)
    assert any(name.endswith("/web/ui/src/main.tsx") for name in inside)
    assert not any("/node_modules/" in name for name in inside)
    offline = ("--no-build-isolation", "--no-index", "--no-deps", "--wheel-dir", tmp_path / "again")
    path = without_node(tmp_path / "bin")
    done = run(installed.python, "-m", "pip", "wheel", *offline, sdist, cwd=tmp_path, PATH=path)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    (wheel,) = (tmp_path / "again").glob("*.whl")
    assert sorted(zipfile.ZipFile(wheel).namelist()) == sorted(names["auscult"])


def test_a_checkout_builds_its_page_on_a_machine_without_node(wheels, tmp_path):
    """`pip install .` fetches what it needs, as a wheel; the files are those that Node of this machine makes."""
    copy = tmp_path / "checkout"
    kept = shutil.ignore_patterns("node_modules", "__pycache__", ".*", "ui.new")
    for part in ("core", "plugins"):
        shutil.copytree(ROOT / part, copy / part, ignore=kept)
    shutil.rmtree(copy / "core" / "auscult" / "web" / "static" / "ui")
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, copy)
    path = without_node(tmp_path / "bin")
    done = run(sys.executable, "-m", "pip", "wheel", "--no-deps", "-w", tmp_path / "out", copy, cwd=tmp_path, PATH=path)
    if done.returncode != 0 and any(word in done.stderr for word in ("NewConnectionError", "No matching distribution")):
        need.missing(f"the package index cannot be reached: {done.stderr[-500:]}")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    (wheel,) = (tmp_path / "out").glob("*.whl")
    with zipfile.ZipFile(wheel) as made, zipfile.ZipFile(wheels["auscult"]) as known:
        assert made.read(f"{BUILT}index.html") == known.read(f"{BUILT}index.html")


def test_an_unchanged_page_is_not_built_again(wheels):
    """Installing again, `make run` and `make test` find the files made, and say nothing."""
    done = run(sys.executable, UI / "hatch_build.py", cwd=ROOT)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


# What works once they are installed


def test_nothing_comes_from_the_checkout(installed: Installed):
    """All of it lies in the environment, and its requirements fit together."""
    script = (
        "import auscult, auscult_plugins, auscult_example, auscult_rehearsal as r; print(auscult.__file__, r.__file__)"
    )
    done = run(installed.python, "-c", script, cwd=installed.cwd)
    assert done.returncode == 0, done.stderr
    assert all(path.startswith(str(installed.folder)) for path in done.stdout.split())
    pip(installed.python, "check", cwd=installed.cwd)


def test_all_plugins_are_in_order(installed: Installed):
    """Although no driver is installed; every distribution is there."""
    listed = installed.json("plugins")
    assert listed["problems"] == []
    assert all(info["ok"] for info in listed["plugins"])
    assert {info["distribution"] for info in listed["plugins"]} == set(PACKAGES)
    kinds = {kind for info in listed["plugins"] for kind in info["kinds"].get("checks", ())}
    assert {"http", "host", "database", "redis", "stt", "llm", "tts", "livekit", "queue-depth"} <= kinds
    text = installed.auscult("plugins").stdout
    assert "✗" not in text


def test_kinds_without_their_driver_name_the_command(installed: Installed):
    """The list says it, and so does whoever is asked to use the kind."""
    listed = {info["name"]: info for info in installed.json("plugins")["plugins"]}
    assert listed["dns"]["missing"] == ["pip install 'auscult[dns]'"]
    assert "unavailable until: pip install 'auscult[dns]'" in installed.auscult("plugins").stdout
    done = installed.auscult("check", "--kind", "dns", "--set", "name=localhost")
    assert done.returncode == 2
    assert "run: pip install 'auscult[dns]'" in done.stderr
    for url, command in (
        ("postgresql://u@127.0.0.1:9/d", "pip install 'auscult[postgres]'"),
        ("mysql://u@127.0.0.1:9/d", "pip install 'auscult[mysql]'"),
    ):
        done = installed.auscult("check", "--kind", "database", "--set", f"url={url}")
        assert done.returncode in (1, 2), done.stdout + done.stderr
        assert command in done.stdout + done.stderr
        assert "Traceback" not in done.stderr


def test_the_command_brings_the_driver(installed: Installed, wheels):
    """What the remedy says is what helps: the extra of the wheel leads to the package."""
    pip(installed.python, "install", f"{wheels['auscult']}[dns]", cwd=installed.cwd)
    listed = {info["name"]: info for info in installed.json("plugins")["plugins"]}
    assert listed["dns"]["missing"] == []
    pip(installed.python, "uninstall", "--yes", "dnspython", cwd=installed.cwd)


def test_the_examples_check_runs(installed: Installed):
    """A stranger's distribution beside ours: found, configured, probed."""

    class Stats(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"waiting": 3}')

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Stats) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}/stats"
        answer = installed.json("check", "--kind", "queue-depth", "--set", f"url={url}")
        server.shutdown()
    (view,) = answer["components"].values()
    assert (view["status"], view["message"]) == ("healthy", "3 jobs wait")
    assert view["measurements"] == {"queue_depth": 3.0}


def test_the_examples_own_tests_pass(installed: Installed, tmp_path):
    """As its README says: install the test extra, call pytest."""
    folder = tmp_path / "auscult-example"
    shutil.copytree(ROOT / "contrib" / "auscult-example" / "tests", folder / "tests")
    pip(installed.python, "install", "pytest>=8", cwd=tmp_path)
    done = run(installed.python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests", cwd=folder)
    assert done.returncode == 0, done.stdout[-3000:]
    assert " passed" in done.stdout


def test_commands_of_other_distributions_are_there(installed: Installed):
    """The demo comes with the rehearsal."""
    assert "demo " in installed.auscult("--help").stdout
    assert installed.auscult("demo", "--help").returncode == 0


def test_the_server_serves_from_the_wheel(installed: Installed):
    """The page with its static files, the health endpoint, the API; and it leaves when it is told to."""
    port = free_port()
    environ = {"PATH": "/usr/bin:/bin", "HOME": str(installed.cwd)}
    log = (installed.cwd / "serve.log").open("w")
    server = subprocess.Popen(
        [installed.folder / "bin" / "auscult", "serve", "--port", str(port)],
        cwd=installed.cwd,
        env=environ,
        stdout=log,
        stderr=log,
    )
    try:
        base = f"http://127.0.0.1:{port}"
        assert json.loads(fetch(f"{base}/health", within=60))["total_components"] == 1
        page = fetch(f"{base}/")
        linked = re.findall(r'(?:href|src)="([^"]*static/[^"]*)"', page)
        assert linked
        for path in linked:
            assert fetch(urljoin(f"{base}/", path))
        assert "openapi" in json.loads(fetch(f"{base}/api/openapi.json"))
    finally:
        server.terminate()
        code = server.wait(30)
        log.close()
    assert code == 0, Path(log.name).read_text()[-2000:]


def fetch(url: str, *, within: float = 0) -> str:
    """The body of an answer, waited for while nobody listens or nothing is known yet."""
    deadline = time.monotonic() + within
    while True:
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return str(answer.read().decode())
        except (urllib.error.URLError, OSError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
