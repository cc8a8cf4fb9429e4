"""The documentation: every generated part is current, every sample runs, every kind has a page."""

from __future__ import annotations

import importlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import click
import httpx
import pytest

from auscult import Catalogue
from auscult.config import load

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
SCRIPTS = {
    "agent_asyncio.py": "healthy",
    "agent_trio.py": "healthy",
    "dashboard_in_code.py": "documents 120.0 documents",
    "record_calls.py": "one utterance: 0.0063 USD",
    "own_metrics.py": "answered: 4.0",
    "report_from_thread.py": "rows",
    "seed_threshold.py": "3000",
}


def test_generated_parts_are_current():
    """`python docs/build.py` would change nothing."""
    done = subprocess.run([sys.executable, DOCS / "build.py", "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"run `python docs/build.py`: {done.stdout}{done.stderr}"


@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_run(script):
    """Each script of the documentation ends well and prints what it promises."""
    done = subprocess.run(
        [sys.executable, DOCS / "examples" / script], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert SCRIPTS[script] in done.stdout


@pytest.mark.parametrize("page", sorted((DOCS / "examples" / "kinds").glob("*.toml")), ids=lambda page: page.stem)
def test_samples_of_kinds_are_valid(page):
    """Each kind's sample is a configuration without a mistake, and of that kind."""
    settings, _ = load(page, environ={"PATH": os.environ["PATH"]})
    assert [component.check.kind for component in settings.components.values()] == [page.stem]


@pytest.mark.parametrize("name", ["first.toml", "own_check.toml", "configured.toml", "dashboards.toml"])
def test_configurations_are_valid(name):
    """Samples of whole configurations load."""
    settings, catalogue = load(DOCS / "examples" / name, environ={"GRAFANA_TOKEN": "a-token-for-tests-only"})
    assert settings.components
    assert not catalogue.problems


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_requests_of_the_sample_are_counted(monkeypatch):
    """The application answers, and shows its own numbers."""
    monkeypatch.syspath_prepend(str(DOCS / "examples"))
    app = importlib.import_module("record_requests").app
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://here", follow_redirects=True) as client:
        assert (await client.get("/rooms/1")).json() == {"room": "1"}
        text = (await client.get("/metrics/")).text
    assert 'http_server_requests_total{method="GET",route="/rooms/{name}",status="200"} 1.0' in text


def test_every_kind_has_a_page_and_a_sample():
    """No installed kind is undocumented."""
    bundled = {
        kind for kind, check in Catalogue.discover().checks.items() if check.__module__.startswith("auscult_plugins")
    }
    assert bundled == {page.stem for page in (DOCS / "kinds").glob("*.md")} - {"index"}
    assert bundled == {page.stem for page in (DOCS / "examples" / "kinds").glob("*.toml")}


def test_every_command_is_in_the_reference():
    """Built-in commands and their subcommands, each where it is looked up."""
    from auscult.cli import group

    page = (DOCS / "reference" / "commands.md").read_text(encoding="utf-8")
    context = click.Context(group)
    names = set(group.list_commands(context)) - {"demo"}
    assert names > {"serve", "check", "alerts"}
    missing = []
    for name in sorted(names):
        command = group.get_command(context, name)
        lines = "\n".join(line for line in page.splitlines() if f"`auscult {name}" in line)
        inside = command.list_commands(context) if isinstance(command, click.Group) else []
        missing += [name] * (not lines) + [f"{name} {sub}" for sub in inside if not re.search(rf"\b{sub}\b", lines)]
    assert not missing


def test_the_sample_checks_tests_pass(tmp_path):
    """As its author runs them: in a directory of their own."""
    for name in ("my_checks.py", "test_my_checks.py"):
        shutil.copy(DOCS / "examples" / name, tmp_path)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed" in done.stdout
    assert "skipped" not in done.stdout


def test_links_lead_somewhere():
    """Relative links between pages name files that exist."""
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in [*DOCS.rglob("*.md"), ROOT / "README.md"]
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert not broken


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("name", ["mount_starlette", "mount_fastapi", "litestar_app"])
async def test_embedded_applications_answer(name, monkeypatch):
    """The mounted application and the Litestar plugin serve health below their path, beside the host's own page."""
    import importlib.util

    import httpx

    spec = importlib.util.spec_from_file_location(name, DOCS / "examples" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, module)
    spec.loader.exec_module(module)
    transport = httpx.ASGITransport(module.app, client=("127.0.0.1", 1234))
    async with _lifespan(module.app), httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        assert (await client.get("/")).text == "the application"
        detailed = await client.get("/monitoring/health/detailed")
        assert "cache" in detailed.json()["components"]
        assert (await client.get("/monitoring/health")).status_code in (200, 503)
        assert "auscult" in (await client.get("/monitoring/")).text


class _lifespan:
    """Starts and stops an ASGI application as a server would."""

    def __init__(self, app):
        self.app = app

    async def __aenter__(self):
        import asyncio

        self.inbox, self.outbox = asyncio.Queue(), asyncio.Queue()
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": {}, "app": self.app}
        self.task = asyncio.create_task(self.app(scope, self.inbox.get, self.outbox.put))
        await self.inbox.put({"type": "lifespan.startup"})
        assert (await self.outbox.get())["type"] == "lifespan.startup.complete"

    async def __aexit__(self, *_):
        await self.inbox.put({"type": "lifespan.shutdown"})
        assert (await self.outbox.get())["type"] == "lifespan.shutdown.complete"
        await self.task
