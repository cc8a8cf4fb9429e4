"""The seed document's names for alerting: ``from auscult.alerting import AlertRule, AlertManager, WebhookChannel``.

The bundled channels are plugins like any other; their names here are looked up among the installed ones.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from auscult.alert import Alert as Alert
    from auscult.alert import AlertStatus as AlertStatus
    from auscult.alert_manager import AlertManager as AlertManager
    from auscult.model import AlertSeverity as AlertSeverity
    from auscult.rules.rule import AlertRule as AlertRule

_HOMES = {
    "Alert": "auscult.alert",
    "AlertManager": "auscult.alert_manager",
    "AlertRule": "auscult.rules.rule",
    "AlertSeverity": "auscult.model",
    "AlertStatus": "auscult.alert",
}
_KINDS = {"EmailChannel": "email", "LogChannel": "log", "WebhookChannel": "webhook"}

__all__ = [*_HOMES, *_KINDS]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    """A name from its home, or a channel's class from the plugin that offers its kind."""
    if home := _HOMES.get(name):
        return getattr(import_module(home), name)
    if kind := _KINDS.get(name):
        from auscult.catalogue import Catalogue

        return Catalogue.discover().channel(kind)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
