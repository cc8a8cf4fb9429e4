"""What ``auscult demo`` does: stand-ins in a child process, a configuration for them, and the server in this one."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import click

from auscult_rehearsal.client import Control, ControlError, running_stack
from auscult_rehearsal.commands import usual_directory
from auscult_rehearsal.configuration import component_of, demo_configuration
from auscult_rehearsal.faults import FAULTS
from auscult_rehearsal.stack import NAMES, component_name

__all__ = ["break_component", "describe", "mend_component", "run"]

_NOTICE = "demo.json"
_TRY = {
    "break tts --silent": "the voice answers with silence, and 200",
    "break llm --slow": "the first token comes late",
    "break stt --lying": "its health says fine, and no work is done",
    "mend": "everything works again",
    "status": "what is broken, and what the server says",
}


def run(ctx: click.Context, directory: Path, port: int, *, clips_only: bool) -> None:
    """Start the stand-ins, serve until SIGTERM or SIGINT, leave nothing running behind."""
    if running := _running(directory):
        raise click.ClickException(f"A demo runs already, at {running['url']} (process {running['pid']})")
    # The server has its own handler; this one is for the moments before and after it.
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    directory.mkdir(parents=True, exist_ok=True)
    notice = directory / _NOTICE
    try:
        with running_stack(directory / "rehearsal", clips_only=clips_only, talk=True) as control:
            _serve(ctx, directory, port, control, notice)
    except ControlError as error:
        raise click.ClickException(str(error)) from None
    finally:
        notice.unlink(missing_ok=True)
        signal.signal(signal.SIGTERM, before)


def _serve(ctx: click.Context, directory: Path, port: int, control: Control, notice: Path) -> None:
    state = control.status()
    components = state["components"]
    path = directory / "auscult.toml"
    path.write_text(demo_configuration(components, agent=state["agent"]))
    url = f"http://127.0.0.1:{port}/"
    notice.write_text(json.dumps({"pid": os.getpid(), "control": control.url, "url": url}))
    click.echo(_welcome(url, directory, path, components), err=True)
    root = ctx.find_root()
    assert isinstance(root.command, click.Group)
    serve = root.command.get_command(root, "serve")
    assert serve is not None, "serve is built in"
    ctx.invoke(serve, config=path, port=port, state_dir=directory / "state")


def _welcome(url: str, directory: Path, path: Path, components: dict[str, Any]) -> str:
    lines = [
        f"The demo runs at {url}",
        "",
        "Try, in another terminal:",
        *(f"  {_called(directory)} {what:<19}  {meaning}" for what, meaning in _TRY.items()),
        "",
        f"The configuration is {path}; Ctrl-C ends the demo.",
    ]
    if "redis" not in components:
        lines.append("Redis is left out: redis-server is not installed (apt-get install redis-server).")
    lines += [
        f"Speech is not real: {components[name]['note']}."
        for name in ("stt", "tts")
        if "not installed" in components[name]["note"]
    ]
    return "\n".join(lines)


def _program() -> str:
    """How to call auscult from where this was started, which may be a virtual environment that is not active."""
    called = Path(sys.argv[0])
    return str(called) if called.name == "auscult" and shutil.which("auscult") is None else "auscult"


def _called(directory: Path) -> str:
    """How to call the demo in that directory, from another terminal too."""
    where = "" if directory == usual_directory() else f" --directory {shlex.quote(str(directory))}"
    return f"{_program()} demo{where}"


def _running(directory: Path) -> dict[str, Any] | None:
    """The notice of a demo whose stand-ins answer."""
    try:
        notice: dict[str, Any] = json.loads((directory / _NOTICE).read_text())
        Control(notice["control"]).status()
    except (OSError, ValueError, KeyError, ControlError):
        return None
    return notice


def _notice(directory: Path) -> dict[str, Any]:
    if found := _running(directory):
        return found
    raise click.ClickException(
        f"No demo runs in {directory}. Start one with `{_called(directory)}`; if it runs in "
        f"another directory, name that: `{_program()} demo --directory … break …`"
    )


def _steered(ask: Any) -> dict[str, Any]:
    try:
        state: dict[str, Any] = ask()
    except ControlError as error:
        raise click.ClickException(str(error)) from None
    return state


def break_component(directory: Path, component: str, fault: str, seconds: float) -> str:
    """Switch a fault on; what to say about it."""
    notice = _notice(directory)
    control = Control(notice["control"])
    _steered(lambda: control.break_(component, fault, seconds))
    name = component_name(component)
    meaning = FAULTS.get(fault, "is broken that way")
    return (
        f"{name}: {meaning} ({fault}). Watch {component_of(name)} at {notice['url']}; "
        f"mend it with: {_called(directory)} mend {name}"
    )


def mend_component(directory: Path, component: str | None) -> str:
    """Switch faults off; what to say about it."""
    control = Control(_notice(directory)["control"])
    _steered(lambda: control.mend(component))
    return f"{component_name(component)}: works again" if component else "Everything works again"


def describe(directory: Path, *, as_json: bool) -> str:
    """Faults and verdicts, as a table or as JSON."""
    notice = _notice(directory)
    state = _steered(Control(notice["control"]).status)["components"]
    verdicts = _verdicts(notice["url"])
    rows = {
        name: {
            "component": component_of(name),
            "fault": state[name]["fault"],
            "faults": state[name]["faults"],
            "status": verdicts.get(component_of(name), {}).get("status", "unknown"),
            "message": verdicts.get(component_of(name), {}).get("message", ""),
        }
        for name in NAMES
        if name in state
    }
    if as_json:
        return json.dumps({"url": notice["url"], "stand_ins": rows}, indent=2)
    lines = [f"{name:13} {row['fault'] or '-':13} {row['status']:10} {row['message']}" for name, row in rows.items()]
    possible = [f"  {name}: {', '.join(row['faults'])}" for name, row in rows.items()]
    return "\n".join(
        [notice["url"], f"{'stand-in':13} {'fault':13} {'status':10} message", *lines, "faults:", *possible]
    )


def _verdicts(url: str) -> dict[str, Any]:
    """What the server says; nothing while it does not answer."""
    try:
        with urllib.request.urlopen(f"{url}health/detailed", timeout=5) as reply:  # noqa: S310 - our own address
            body = reply.read()
    except urllib.error.HTTPError as error:
        body = error.read()
    except OSError:
        return {}
    try:
        components = json.loads(body)["components"]
    except (ValueError, KeyError, TypeError):
        return {}
    return components if isinstance(components, dict) else {}
