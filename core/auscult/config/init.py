"""`init_text`: what `auscult serve` finds in the environment, as a commented file to start from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from auscult.config.discovery import discover
from auscult.config.fielddocs import field_docs, summary
from auscult.config.settings import DefaultSettings, RetentionSettings, ServerSettings, StoreSettings
from auscult.config.toml_text import comment, table, value_text
from auscult.kinds import Discovered
from auscult.model import HealthThreshold

if TYPE_CHECKING:
    from auscult.catalogue import Catalogue

__all__ = ["init_text"]

_HEAD = """\
# What auscult monitors, and how. Made by `auscult init` from this environment.
#
# Look it over with `auscult config check`, start with `auscult serve`; after a change, send SIGHUP or
# POST to /-/reload. Values may be ${NAME}, ${NAME:-default} or { file = "…" }; write $$ for a dollar sign.
"""
_COMMON = """\
# Every component may also have, beside its check's own options:
#   interval = "30s"  timeout = "10s"  failures = 2  successes = 2  depends_on = ["host"]
#   critical = true  weight = 1.0  group = "…"  labels = { team = "…" }  runbook = "https://…"
#   threshold = { response_time_ms = 250, recover = { response_time_ms = 200 } }
"""
_AUTH = """\
# Tokens: without any, the server answers this machine only. `auscult token NAME` makes one.
# [auth.tokens.admin]
# role = "admin"
# token = "${AUSCULT_ADMIN_TOKEN}"
"""
_MORE = """\
# Who is told of alerts, where metrics go to and come from, what people look at: take the comment signs away.
#
# [channels.ops]
# channel = "webhook"
# webhook_url = "${ALERT_WEBHOOK_URL:-http://127.0.0.1:9000/alerts}"
#
# [exporters.gateway]
# exporter = "prometheus"
# pushgateway_url = "${PROMETHEUS_PUSHGATEWAY_URL:-http://127.0.0.1:9091}"
#
# [sources.agent]
# source = "prometheus-scrape"
# url = "http://127.0.0.1:8000/metrics"
#
# [dashboards.voice]
# title = "Voice"
# panels = [{ panel = "response-times", width = 12, height = 5 }]
"""


def init_text(catalogue: Catalogue, environ: Mapping[str, str]) -> str:
    """A complete commented ``auscult.toml``; secrets stand in it as references, never in clear."""
    proposals, warnings = discover(catalogue, environ)
    lines = [_HEAD, *_settings("server", ServerSettings), *_settings("store", StoreSettings), _AUTH]
    lines += [*_settings("defaults", DefaultSettings), _COMMON]
    for finding in warnings:
        lines += [*comment(f"{finding.key}: {finding.message}"), ""]
    for name, proposal in proposals.items():
        lines += [*_component(name, proposal, _kind(catalogue, proposal)), ""]
    if not proposals:
        lines += ["[components]", ""]
    lines.append(_MORE)
    return "\n".join(lines)


def _settings(name: str, kind: Any) -> Iterator[str]:
    """A table with every key as a comment: its meaning, and its default to be changed."""
    yield from comment(f"{summary(kind)}")
    yield f"# [{name}]"
    docs, values = field_docs(kind), kind()
    for key in kind.__struct_fields__:
        value = getattr(values, key)
        if isinstance(value, bool | int | float | str) and value != "":
            yield from comment(docs[key])
            yield f"# {key} = {value_text(value)}"
        elif isinstance(value, HealthThreshold | RetentionSettings):
            yield from comment(docs[key])
            levels = {name: getattr(value, name) for name in value.__struct_fields__}
            yield f"# {key} = {value_text({name: level for name, level in levels.items() if level})}"
    yield ""


def _kind(catalogue: Catalogue, proposal: Discovered) -> str:
    """What the catalogue calls the check: a kind that another plugin has too stands under a longer name."""
    names = (name for name, cls in catalogue.checks.items() if cls is type(proposal.check))
    return next(names, proposal.check.kind)


def _component(name: str, proposal: Discovered, kind: str) -> Iterator[str]:
    yield from comment(proposal.because[:1].upper() + proposal.because[1:] + ".")
    if about := summary(type(proposal.check)):
        yield from comment(about)
    yield from table(("components", name), {"check": kind, **proposal.settings})
