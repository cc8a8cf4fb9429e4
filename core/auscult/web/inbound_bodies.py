"""What ``/api/v2`` says and takes, in the words of Alertmanager's API v2."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

__all__ = [
    "BODY",
    "ClusterBody",
    "ConfigBody",
    "GettableAlert",
    "GettableStatus",
    "ReceiverBody",
    "StateBody",
    "VersionBody",
]

BODY: dict[str, Any] = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["labels"],
        "properties": {
            "labels": {
                "type": "object",
                "minProperties": 1,
                "maxProperties": 100,
                "propertyNames": {"minLength": 1, "maxLength": 200},
                "additionalProperties": {"type": "string", "maxLength": 10_000},
                "description": "`alertname` becomes the rule, `component` the component, `severity` the severity. "
                "At least one has a value.",
            },
            "annotations": {
                "type": ["object", "null"],
                "additionalProperties": {"type": "string"},
                "description": "`summary` or `description` becomes the message, `runbook_url` the runbook.",
            },
            "startsAt": {"description": "Not looked at: an alert begins when it comes here."},
            "endsAt": {
                "type": "string",
                "description": "A time: over from then on. Without one: when it was not posted for five minutes.",
            },
            "generatorURL": {"type": "string", "description": "Where it comes from."},
        },
    },
}
"""The JSON Schema of what is posted."""


class ReceiverBody(Struct, frozen=True):
    """A channel that is told."""

    name: str


class StateBody(Struct, frozen=True, kw_only=True, rename={"inhibited_by": "inhibitedBy", "silenced_by": "silencedBy"}):
    """Whether people are told, and why not."""

    inhibited_by: list[str]
    silenced_by: list[str]
    state: Literal["active", "suppressed"]


class GettableAlert(
    Struct,
    frozen=True,
    kw_only=True,
    rename={
        "ends_at": "endsAt",
        "starts_at": "startsAt",
        "updated_at": "updatedAt",
        "generator": "generatorURL",
    },
):
    """An open alert, our own ones included."""

    annotations: dict[str, str]
    ends_at: str
    fingerprint: str
    receivers: list[ReceiverBody]
    starts_at: str
    status: StateBody
    updated_at: str
    generator: str
    labels: dict[str, str]


class ClusterBody(Struct, frozen=True, kw_only=True):
    """There is no cluster."""

    status: Literal["disabled"] = "disabled"


class ConfigBody(Struct, frozen=True, kw_only=True):
    """Not shown here; see ``/api/v1/config``."""

    original: str = ""


class VersionBody(Struct, frozen=True, kw_only=True, rename="camel"):
    """Which version this is."""

    version: str
    branch: str = ""
    build_date: str = ""
    build_user: str = ""
    go_version: str = ""
    revision: str = ""


class GettableStatus(Struct, frozen=True, kw_only=True, rename={"version": "versionInfo"}):
    """What an Alertmanager says of itself."""

    cluster: ClusterBody
    config: ConfigBody
    uptime: str
    version: VersionBody
