"""The reference page of the configuration, written by the code that reads it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from auscult.alerts.routing import Escalation, Route
from auscult.config import words
from auscult.config.alerting import MaintenanceTable
from auscult.config.dashboards import DashboardTable, PanelKeys, VariableTable
from auscult.config.environment import LAYERED
from auscult.config.fielddocs import field_docs, summary
from auscult.config.settings import ComponentKeys, OidcTable, RetentionSettings, TokenTable, UserTable
from auscult.config.tables import KINDS, PACED
from auscult.kinds import Channel, Check, Panel
from auscult.model import HealthThreshold, Measurement
from auscult.options import Duration, secret_fields
from auscult.rules.rule import RuleTable

if TYPE_CHECKING:
    from auscult.catalogue import Catalogue

__all__ = ["kind_reference", "reference", "table_reference"]

_HEAD = """\
# Configuration reference

One file, `auscult.toml` (or `auscult.yaml`, same schema), or none: then the components come from the environment.
It is looked for at `--config`, `$AUSCULT_CONFIG`, the current directory, `$XDG_CONFIG_HOME/auscult`, `/etc/auscult`.
A file without a `components` table leaves the components to the environment too.

Durations are numbers of seconds or text such as `250ms`, `15s`, `1h30m`. A value may be `${NAME}`,
`${NAME:-default}` (the default also stands in for an empty variable) or `{ file = "…" }`, a file beside the
configuration or among systemd's credentials, whose last newline is dropped; `$$` is a dollar sign. Text that comes
from a reference may stand for a number, a boolean or (separated by commas) a list.

Variables set keys of the tables below, except `components`: `AUSCULT_SERVER__PORT=9000` is `port` of `[server]`.
Built-in values come first, then the file, then variables, then the command line.
"""


def reference(catalogue: Catalogue) -> str:
    """A Markdown page: every table and key with type, default and meaning, and every installed kind."""
    parts = [_HEAD, *_table("components.NAME", ComponentKeys), *_table("threshold (of a component)", HealthThreshold)]
    for name, kind in LAYERED.items():
        parts += _table(name, kind)
        if name == "auth":
            parts += _table("auth.tokens.NAME", TokenTable)
            parts += _table("auth.users.NAME", UserTable)
            parts += _table("auth.oidc", OidcTable)
        if name == "store":
            parts += _table("store.retention", RetentionSettings)
    for name in KINDS:
        parts += _common_keys(name)
    parts += _table("rules.NAME", RuleTable)
    parts += _table("routes (a list)", Route)
    parts += _table("routes.escalate (a list)", Escalation)
    parts += _table("maintenance.NAME", MaintenanceTable)
    parts += _table("dashboards.NAME", DashboardTable)
    parts += _table("dashboards.NAME.variables.NAME", VariableTable)
    parts += _table("dashboards.NAME.panels (a list)", PanelKeys)
    parts.append("## Kinds of check\n")
    parts += [kind_reference(cls) for _, cls in sorted(catalogue.checks.items())]
    parts.append("## Kinds of channel\n")
    parts += [kind_reference(cls) for _, cls in sorted(catalogue.channels.items())]
    parts.append("## Kinds of panel\n")
    parts += [panel_reference(cls) for _, cls in sorted(catalogue.panels.items())]
    return "\n".join(parts)


def _common_keys(table: str) -> list[str]:
    """What every channel, exporter or source may have beside the options of its kind."""
    key = KINDS[table]
    rows = [
        (f"`{key}`", "text", "required", "The kind: a name from `auscult plugins`."),
        ("`enabled`", "true or false", "`true`", "`false` keeps the table and does nothing."),
    ]
    if table in PACED:
        rows.append(
            ("`interval`", "duration", "", "Time from one to the next. Default: what the kind or `defaults` says.")
        )
    otherwise = " Without any, alerts are logged." if table == "channels" else ""
    head = f"A {key}, by the name that people see. Further keys are the options of its kind.{otherwise}\n"
    return [
        f"## `{table}.NAME`\n",
        head.replace("A exp", "An exp"),
        *_rows(("key", "type", "default", "meaning"), rows),
    ]


def panel_reference(cls: type[Panel]) -> str:
    """The part about one kind of panel: what it shows, its options."""
    head = [f"### `{cls.kind}` (panel)\n", summary(cls) + "\n"]
    return "\n".join([*head, *(_options(cls) or ["It has no options of its own.\n"])])


def kind_reference(cls: type[Check | Channel], *, level: int = 3) -> str:
    """The part about one kind of check or channel: what it does, its options, its measurements."""
    parts = [f"{'#' * level} `{cls.kind}`\n", summary(cls) + "\n"]
    if cls.requires:
        extras = ", ".join(f"`{extra}`" for extra in sorted(set(cls.requires.values())))
        parts.append(f"Needs the extra {extras}.\n")
    if getattr(cls, "best_effort", False):
        parts.append("Best effort: its answer does not say for certain that somebody was told.\n")
    parts += _options(cls) or ["It has no options of its own.\n"]
    parts += _measurements(getattr(cls, "measurements", ()))
    return "\n".join(parts)


def table_reference(kind: type[Struct]) -> str:
    """The keys of one table, with type, default and meaning."""
    return "\n".join(_options(kind)).strip()


def _table(name: str, kind: type[Struct]) -> list[str]:
    return [f"## `{name}`\n", summary(kind) + "\n", *_options(kind)]


def _options(kind: type[Struct]) -> list[str]:
    docs, secret = field_docs(kind), secret_fields(kind)
    rows = []
    for field in msgspec.structs.fields(kind):
        note = " Secret." if field.name in secret else ""
        rows.append(
            (
                f"`{field.encode_name}`",
                words.expected(field.type).replace(words.DURATION, "duration"),
                _default(field),
                docs.get(field.name, "") + note,
            )
        )
    return list(_rows(("key", "type", "default", "meaning"), rows))


def _measurements(measurements: Iterable[Measurement]) -> list[str]:
    rows = [(f"`{each.name}`", each.unit, each.kind, each.help) for each in measurements]
    return list(_rows(("measurement", "unit", "kind", "meaning"), rows))


def _rows(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    if not rows:
        return
    yield "| " + " | ".join(head) + " |"
    yield "| " + " | ".join("---" for _ in head) + " |"
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"
    yield ""


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "required"
    value = field.default_factory() if field.default is msgspec.NODEFAULT else field.default
    return f"`{_shown(value)}`" if _says_something(value) else ""


def _says_something(value: Any) -> bool:
    return value not in (None, "", ()) and not isinstance(value, Struct | Mapping | list | Path)


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and not isinstance(value, Duration):
        return f"{value:g}"
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
