"""A text that changes exactly when the configuration of a component changes, and gives no secret away."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from auscult.component import Component
from auscult.options import secret_fields

if TYPE_CHECKING:
    from auscult.config.settings import Settings

__all__ = ["fingerprint", "settings_fingerprint"]


def fingerprint(component: Component) -> str:
    """SHA-256 over everything that was configured, in one order; secrets enter as hashes salted with their place."""
    check = type(component.check)
    own = {
        name: getattr(component, name) for name in component.__struct_fields__ if name not in ("check", "fingerprint")
    }
    plain = {
        "class": f"{check.__module__}.{check.__qualname__}",
        "options": _canonical(component.check, component.name),
        "keys": _canonical(own, component.name),
    }
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


def settings_fingerprint(settings: Settings) -> str:
    """A text that changes exactly when something changes that alerts depend on; channels do not count."""
    alerting = settings.alerting
    plain = {
        "components": {name: component.fingerprint for name, component in settings.components.items()},
        "itself": settings.itself.fingerprint if settings.itself is not None else "",
        "alerting": [_canonical(part, "") for part in (alerting.rules, alerting.routes, alerting.windows)],
        "channels": sorted(alerting.channels),
    }
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:16]


def _canonical(value: Any, place: str) -> Any:
    if isinstance(value, Struct):
        secret = secret_fields(type(value))
        return {
            name: _hashed(getattr(value, name), f"{place}.{name}")
            if name in secret
            else _canonical(getattr(value, name), f"{place}.{name}")
            for name in value.__struct_fields__
        }
    if isinstance(value, dict):
        return {str(key): _canonical(item, f"{place}.{key}") for key, item in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(repr(item) for item in value)
    if isinstance(value, list | tuple):
        return [_canonical(item, place) for item in value]
    if isinstance(value, str) and "://" in value and "@" in value:
        return _hashed(value, place)
    if isinstance(value, float):
        return float(value)
    if callable(value):
        return f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', type(value).__qualname__)}"
    return value if isinstance(value, str | int | None) else repr(value)


def _hashed(value: Any, place: str) -> str:
    plain = value if isinstance(value, str) else json.dumps(_canonical(value, place), sort_keys=True)
    return hashlib.sha256(f"auscult secret\0{place}\0{plain}".encode(errors="surrogatepass")).hexdigest()
