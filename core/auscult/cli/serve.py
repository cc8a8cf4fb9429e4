"""``auscult serve``: the production command."""

from __future__ import annotations

import faulthandler
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from auscult.cli.options import config_option, load_settings, log_options
from auscult.errors import ConfigurationError, Finding

if TYPE_CHECKING:
    from auscult.catalogue import Catalogue
    from auscult.config import Settings

__all__ = ["SWITCH", "command", "run"]

SWITCH = 0.0005
"""Seconds after which one thread lets another one run: those that write to disk need only moments at a time, and
deliveries wait for them."""


@click.command("serve")
@config_option
@click.option("--host", help="Address to listen on; default 127.0.0.1. Others need a token in the configuration.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on; default 8420.")
@click.option("--state-dir", type=click.Path(path_type=Path), help="Where history and state are kept.")
@click.option("--strict", is_flag=True, help="Refuse to start while any plugin has a problem.")
@log_options
def command(
    config: Path | None,
    host: str | None,
    port: int | None,
    state_dir: Path | None,
    strict: bool,
    log_level: str | None,
    log_format: str | None,
) -> None:
    """Run the monitor with its HTTP server.

    Without a configuration file it monitors what the environment names (DATABASE_URL, REDIS_URL, LIVEKIT_URL,
    OPENAI_API_KEY, ...), this machine, and itself. SIGHUP reads the configuration again; SIGTERM ends it.
    """
    from auscult.cli.logs import set_up_logging

    server = {"host": host, "port": port, "log_level": log_level, "log_format": log_format}
    overrides: dict[str, Any] = {"server": {key: value for key, value in server.items() if value is not None}}
    if state_dir is not None:
        overrides["store"] = {"state_dir": str(state_dir)}
    settings, catalogue = load_settings(config, overrides)
    if strict and catalogue.problems:
        raise ConfigurationError(
            [Finding(key=f"plugin `{p.plugin}`", message=f"{p.message}; {p.remedy}") for p in catalogue.problems]
        )
    confidential = set_up_logging(settings.server.log_level, settings.server.log_format)
    confidential.add(settings)

    def again() -> tuple[Settings, Catalogue]:
        loaded = load_settings(config, overrides, quiet=True)  # whoever takes it in says its warnings
        confidential.add(loaded[0])
        return loaded

    # Another command that serves, like a demo, has something to tidy up afterwards.
    own_process = click.get_current_context().find_root().invoked_subcommand == "serve"
    run(settings, catalogue, again, own_process=own_process)


def run(
    settings: Settings,
    catalogue: Catalogue,
    again: Callable[[], tuple[Settings, Catalogue]],
    *,
    own_process: bool = True,
) -> None:
    """Serve until SIGTERM or SIGINT; SIGHUP and ``POST /-/reload`` take in what `again` loads.

    `own_process`: end the whole process in time, whatever a probe does.
    """
    import anyio

    from auscult.monitor import Monitor
    from auscult.web.reloading import reloading
    from auscult.web.server import serve

    sys.setswitchinterval(SWITCH)
    with suppress(OSError, RuntimeError):  # there may be nowhere to write to
        faulthandler.enable()  # compiled code of a plugin may end the process: somebody will ask where
    monitor = Monitor.from_settings(settings, catalogue, interrupt=True)
    serving = partial(serve, monitor, settings, reload=reloading(monitor, again), own_process=own_process)
    anyio.run(serving, backend_options={"use_uvloop": _has_uvloop()})


def _has_uvloop() -> bool:
    return find_spec("uvloop") is not None
