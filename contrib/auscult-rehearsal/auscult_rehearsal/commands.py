"""``auscult demo``: a voice agent's components, rehearsed, and the real server watching them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from auscult_rehearsal.faults import FAULTS

__all__ = ["demo", "usual_directory"]


def usual_directory() -> Path:
    """Where a demo keeps its files when nothing is said of that."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return (Path(state) / "auscult-demo").absolute()


@click.group("demo", invoke_without_command=True)
@click.option("--port", type=click.IntRange(0, 65535), default=8420, show_default=True, help="Port of the server.")
@click.option("--directory", type=click.Path(path_type=Path), help="Where the demo keeps its files and its history.")
@click.option("--clips", is_flag=True, help="Play recorded clips even where real speech could be had.")
@click.pass_context
def demo(ctx: click.Context, port: int, directory: Path | None, clips: bool) -> None:
    """Watch seven rehearsed components of a voice agent, and break them.

    Starts stand-ins for speech to text, a language model, text to speech, LiveKit and an agent worker, a SQLite
    database and a Redis (where redis-server is installed), and the real server to watch them. Nothing leaves this
    machine.
    """
    ctx.obj = (directory or Path(os.environ.get("AUSCULT_DEMO_DIR") or usual_directory())).absolute()
    if ctx.invoked_subcommand is None:
        from auscult_rehearsal.demo import run

        run(ctx, ctx.obj, port, clips_only=clips)


def _fault_flags(command: Any) -> Any:
    for fault, meaning in reversed(FAULTS.items()):
        command = click.option(f"--{fault}", "chosen", flag_value=fault, help=f"It {meaning}.")(command)
    return command


@demo.command("break")
@click.argument("component")
@_fault_flags
@click.option("--fault", help="Any other fault by name; `auscult demo status` lists them.")
@click.option("--seconds", type=float, default=3.0, show_default=True, help="How late, with --slow.")
@click.pass_obj
def break_(directory: Path, component: str, chosen: str | None, fault: str | None, seconds: float) -> None:
    """Switch a fault of COMPONENT on: stt, llm, tts, database, redis, livekit or orchestrator."""
    from auscult_rehearsal.demo import break_component

    wanted = fault or chosen
    if not wanted:
        flags = ", ".join(f"--{name}" for name in FAULTS)
        raise click.UsageError(f"Say how to break it: one of {flags}, or --fault NAME")
    click.echo(break_component(directory, component, wanted, seconds))


@demo.command("mend")
@click.argument("component", required=False)
@click.pass_obj
def mend(directory: Path, component: str | None) -> None:
    """Switch the fault of COMPONENT off, or all faults."""
    from auscult_rehearsal.demo import mend_component

    click.echo(mend_component(directory, component))


@demo.command("status")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def status(directory: Path, as_json: bool) -> None:
    """Show what is broken, and what the server says about it."""
    from auscult_rehearsal.demo import describe

    click.echo(describe(directory, as_json=as_json))
