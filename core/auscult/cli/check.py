"""``auscult check``: one look at everything, for a person, a script or a Nagios server."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import anyio
import click
from msgspec.structs import replace

from auscult.cli.options import config_option, json_option, load_settings, print_json
from auscult.errors import ComponentNotFound, ConfigurationError, did_you_mean
from auscult.model import ComponentHealth, Status, SystemHealth

if TYPE_CHECKING:
    from auscult.component import Component

__all__ = ["command"]

_EXIT = {Status.HEALTHY: 0, Status.MAINTENANCE: 0, Status.DEGRADED: 0, Status.UNHEALTHY: 1, Status.UNKNOWN: 3}
_NAGIOS = {
    Status.HEALTHY: (0, "OK"),
    Status.MAINTENANCE: (0, "OK"),
    Status.DEGRADED: (1, "WARNING"),
    Status.UNHEALTHY: (2, "CRITICAL"),
    Status.UNKNOWN: (3, "UNKNOWN"),
}
_ORDER = (Status.UNHEALTHY, Status.UNKNOWN, Status.DEGRADED, Status.HEALTHY, Status.MAINTENANCE)
_LOOK = {
    Status.HEALTHY: ("✓", "green"),
    Status.DEGRADED: ("!", "yellow"),
    Status.UNHEALTHY: ("✗", "red"),
    Status.UNKNOWN: ("?", "cyan"),
    Status.MAINTENANCE: ("·", "blue"),
}


class _Command(click.Command):
    """Leaves in Nagios' own way when it is called wrongly: exit code 2 would be CRITICAL."""

    def make_context(self, info_name: str | None, args: list[str], *rest: Any, **extra: Any) -> click.Context:
        """As click does, but a usage error is UNKNOWN with ``--nagios``."""
        if "--nagios" not in args:
            return super().make_context(info_name, args, *rest, **extra)
        try:
            return super().make_context(info_name, args, *rest, **extra)
        except click.UsageError as error:
            _leave_unknown(error.format_message())


@click.command("check", cls=_Command)
@click.argument("names", nargs=-1)
@config_option
@json_option
@click.option("--nagios", is_flag=True, help="Print and exit as a Nagios plugin does.")
@click.option("--kind", help="Probe something that is in no configuration: a check of this kind, options by --set.")
@click.option("--set", "options", multiple=True, metavar="KEY=VALUE", help="An option for --kind; repeatable.")
def command(
    names: tuple[str, ...], config: Path | None, as_json: bool, nagios: bool, kind: str | None, options: tuple[str, ...]
) -> None:
    """Probe components once and print what they say.

    NAMES are components of the configuration; all of them by default. Exits 0 when nothing is unhealthy, 1 when
    something is, 3 when nothing is but something is unknown; with --nagios as a Nagios plugin.

    Without a configuration: auscult check --kind http --set url=https://example.com
    """
    if nagios:
        raise SystemExit(_as_nagios_plugin(names, config, kind, options))
    system = anyio.run(_look, _ad_hoc(kind, options) if kind else _configured(names, config))
    views = list(system.components.values())
    if not views:
        click.echo("auscult: there are no components to check", err=True)
    if as_json:
        print_json({"status": system.status, "components": system.components})
    else:
        _print(views)
    raise SystemExit(_EXIT[_worst(views)])


def _worst(views: list[ComponentHealth]) -> Status:
    """The status that decides how we leave: what fails comes first, then what cannot be told."""
    found = {view.status for view in views} or {Status.UNKNOWN}
    return next(status for status in _ORDER if status in found)


def _as_nagios_plugin(names: tuple[str, ...], config: Path | None, kind: str | None, options: tuple[str, ...]) -> int:
    """Look and print; whatever keeps us from looking is UNKNOWN, never CRITICAL."""
    try:
        system = anyio.run(_look, _ad_hoc(kind, options) if kind else _configured(names, config))
    except ConfigurationError as error:
        _leave_unknown(str(error.findings[0]))
    except click.ClickException as error:
        _leave_unknown(error.format_message())
    except Exception as error:
        _leave_unknown(str(error) or type(error).__name__)
    return _print_nagios(list(system.components.values()))


def _leave_unknown(reason: str) -> NoReturn:
    click.echo(f"UNKNOWN - {_nagios_text(reason)}")
    raise SystemExit(3)


def _nagios_text(text: str) -> str:
    """One line; ``|`` separates performance data, so it cannot stand in it."""
    return " ".join(text.split()).replace("|", "/")


def _configured(names: tuple[str, ...], config: Path | None) -> list[Component]:
    settings, _ = load_settings(config)
    for name in names:
        if name not in settings.components:
            raise click.UsageError(str(ComponentNotFound(name, settings.components)))
    return [settings.components[name] for name in names or settings.components]


def _ad_hoc(kind: str, options: tuple[str, ...]) -> list[Component]:
    """One component of `kind`, with options given as text."""
    import msgspec

    from auscult.catalogue import Catalogue
    from auscult.component import Component
    from auscult.options import convert_options

    given: dict[str, Any] = {}
    for option in options:
        key, equals, value = option.partition("=")
        if not equals:
            raise click.UsageError(f"--set takes KEY=VALUE, not {option!r}")
        given[key] = value
    cls = Catalogue.discover().check(kind)
    fields = {field.encode_name: field for field in msgspec.structs.fields(cls)}
    for key in given:
        if key not in fields:
            raise click.UsageError(f"the check `{kind}` has no option `{key}`{did_you_mean(key, fields)}")
    for key, field in fields.items():
        if field.required and key not in given:
            raise click.UsageError(f"the check `{kind}` needs the option `{key}`: --set {key}=…")
    try:
        check = convert_options(given, cls, strict=False)
    except msgspec.ValidationError as error:
        raise click.UsageError(f"{kind}: {error}") from error
    return [Component(name=kind, check=check)]


async def _look(components: list[Component]) -> SystemHealth:
    """Probe each once. One look decides: nothing is confirmed by a second one."""
    from auscult.monitor import SELF, Monitor

    once = [replace(c, failures=1, successes=1, depends_on=(), enabled=True) for c in components]
    monitor = Monitor(once)
    await monitor.run()
    try:
        async with anyio.create_task_group() as group:
            for component in once:
                group.start_soon(monitor.check_now, component.name)
        system = monitor.system_health()
    finally:
        await monitor.stop()
    return replace(system, components={n: v for n, v in system.components.items() if n != SELF})


def _print(views: list[ComponentHealth]) -> None:
    width = max((len(view.component_name) for view in views), default=0)
    for view in views:
        sign, color = _LOOK[view.status]
        time = f"{view.response_time_ms:8.1f} ms" if view.response_time_ms is not None else f"{'–':>11}"
        click.secho(f"{sign} {view.component_name:<{width}}  {view.status:<9}", fg=color, nl=False)
        click.echo(f" {time}  {view.message}".rstrip())


def _print_nagios(views: list[ComponentHealth]) -> int:
    """One line with performance data, then a line for each component that is not well; returns the exit code."""
    code, word = _NAGIOS[_worst(views)]
    bad = [view for view in views if view.status != Status.HEALTHY]
    told = bad or views
    text = "; ".join(f"{view.component_name}: {view.message or view.status}" for view in told[:3])
    more = f"; and {len(told) - 3} more" if len(told) > 3 else ""
    first = _nagios_text(f"{word} - {len(views) - len(bad)} of {len(views)} components are healthy: {text}{more}")
    numbers = " ".join(
        f"'{view.component_name}'={view.response_time_ms:.1f}ms" for view in views if view.response_time_ms is not None
    )
    click.echo(f"{first} | {numbers}" if numbers else first)
    for view in bad:
        click.echo(_nagios_text(f"{view.component_name} is {view.status}: {view.message}"))
    return code
