"""What channels send, as JSON Schemas and example documents: made from the code that sends them.

`build.py` writes and checks the files that `payloads` names.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from email.headerregistry import Address
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from auscult import Alert, AlertChange, AlertSeverity, AlertStatus, ChangeKind, Notice, Notification
from auscult.alert import alert_id, delivery_key, fingerprint
from auscult.cli.logs import Confidential, JsonLines
from auscult.config.fielddocs import field_docs, summary
from auscult_plugins.email.mail import Headers, Mail, mail, read
from auscult_plugins.json_exporter.document import MetricsDocument
from auscult_plugins.log_channel import LOGGER, Fields, log_fields, log_line
from auscult_plugins.webhook.bodies import AlertBody, Body, Taken, alertmanager_document, document

__all__ = ["notifications", "payloads", "schemas"]

_DOCS = Path(__file__).parent
_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_FIRED = 1_705_314_300_000
"""2024-01-15T10:25:00Z, as in the seed document."""
_SENDER, _TO = Address("auscult", "alerts", "example.com"), (Address("", "ops", "example.com"),)


class LogLine(Struct, frozen=True, kw_only=True):
    """One line of `auscult serve --log-format json` that the channel `log` wrote: its fields follow these."""

    time: str
    """When it was written, RFC 3339 in UTC with milliseconds."""
    level: str
    """The option `log_level`, or `resolved_log_level`, in lower case."""
    logger: str
    """Always `auscult.alerts`."""
    message: str
    """The headline, what the rule says, and the facts: the line as it stands in a log of text."""


_STRUCTS: tuple[type[Struct], ...] = (Body, AlertBody, Taken, LogLine, Fields, Mail, Headers)


def payloads() -> dict[Path, str]:
    """Every generated file with its content."""
    found = {_DOCS / "reference" / f"{name}.schema.json": _json(schema) for name, schema in schemas().items()}
    for name, text in _examples():
        found[_DOCS / "examples" / "payloads" / name] = text
    return found


def schemas() -> dict[str, dict[str, Any]]:
    """The schema of the webhook's body, the log line, and the mail as its reader gets it."""
    line, fields = _schema(LogLine), _schema(Fields)
    line["properties"] |= fields["properties"]
    line["required"] += fields["required"]
    if more := line.get("$defs", {}) | fields.get("$defs", {}):
        line["$defs"] = more
    line["properties"]["level"]["enum"] = ["debug", "info", "warning", "error", "critical"]
    line["properties"]["logger"]["const"] = LOGGER
    return {"webhook": _schema(Body), "log-line": line, "email": _schema(Mail), "metrics": _schema(MetricsDocument)}


def notifications() -> dict[str, Notification]:
    """A beginning and its end."""
    fired = _notice(ChangeKind.FIRED, 1, _FIRED, AlertStatus.ACTIVE)
    resolved = _notice(ChangeKind.RESOLVED, 2, _FIRED + 90_000, AlertStatus.RESOLVED)
    return {
        name: Notification(
            key=notice.key,
            channel="ops",
            notices=(notice,),
            created_at=notice.change.at,
            url="https://auscult.example.com",
        )
        for name, notice in (("firing", fired), ("resolved", resolved))
    }


def _notice(kind: ChangeKind, number: int, at: int, status: AlertStatus) -> Notice:
    labels = {"team": "voice"}
    over = status is AlertStatus.RESOLVED
    alert = Alert(
        id=alert_id(fingerprint("component_unhealthy", "stt_client", labels), _FIRED),
        rule="component_unhealthy",
        severity=AlertSeverity.HIGH,
        status=status,
        message="Component stt_client is unhealthy: Connection timeout",
        component="stt_client",
        component_type="stt_client",
        labels=labels,
        created_at=_FIRED,
        updated_at=at,
        resolved_at=at if over else None,
        resolution="recovered" if over else "",
        number=number,
        values={"response_time_ms": 5012.5, "status": "unhealthy"},
        runbook="https://wiki.example.com/stt",
    )
    change = AlertChange(kind=kind, alert=alert, at=at)
    return Notice(key=delivery_key(alert.id, number, "ops"), change=change, first=number == 1)


def _examples() -> Iterator[tuple[str, str]]:
    for name, notification in notifications().items():
        yield f"webhook-{name}.json", _json(msgspec.to_builtins(document(notification)))
        yield f"alertmanager-{name}.json", _json(alertmanager_document(notification))
        yield f"log-line-{name}.json", _json(_line(notification))
        yield f"email-{name}.json", _json(msgspec.to_builtins(read(notification, _SENDER, _TO)))
        yield f"email-{name}.eml", mail(notification, _SENDER, _TO).decode("ascii").replace("\r\n", "\n")


def _line(notification: Notification) -> Any:
    notice = notification.notices[0]
    record = logging.makeLogRecord(
        {
            "name": LOGGER,
            "levelname": "ERROR",
            "msg": log_line(notice, notification),
            "created": notice.change.at / 1000,
            **log_fields(notice, notification),
        }
    )
    return json.loads(JsonLines(Confidential()).format(record))


# Schemas


def _schema(kind: type[Struct]) -> dict[str, Any]:
    """As msgspec has it, with what stands below each field in the code."""
    (found,), definitions = msgspec.json.schema_components([kind], ref_template="#/$defs/{name}")
    for cls in _STRUCTS:
        if (described := definitions.get(cls.__name__)) is None:
            continue
        described["description"] = summary(cls)
        docs, names = field_docs(cls), dict(zip(cls.__struct_fields__, cls.__struct_encode_fields__, strict=True))
        for field, text in docs.items():
            inner = described["properties"][names[field]]
            described["properties"][names[field]] = {"description": text, **_without_default(inner)}
    root = definitions.pop(kind.__name__)
    assert found == {"$ref": f"#/$defs/{kind.__name__}"}
    return {"$schema": _DRAFT, **root, **({"$defs": definitions} if definitions else {})}


def _without_default(schema: dict[str, Any]) -> dict[str, Any]:
    """Fields that may be missing are missing rather than null."""
    if schema.pop("default", "") is not None:
        return schema
    kept = [each for each in schema.pop("anyOf", []) if each != {"type": "null"}]
    return {**schema, **(kept[0] if len(kept) == 1 else {"anyOf": kept} if kept else {})}


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
