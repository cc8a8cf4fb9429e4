"""Alerts and their changes, made in one line."""

from __future__ import annotations

import msgspec

from auscult.alert import Alert, AlertChange, AlertStatus, ChangeKind
from auscult.model import AlertSeverity

AT = 1_700_000_000_000


def alert(ident: str = "a", *, number: int = 1, status: AlertStatus = AlertStatus.ACTIVE, **fields) -> Alert:
    """An alert, open unless told otherwise."""
    fields = {"severity": AlertSeverity.HIGH, "message": f"{ident} is down", "component": ident} | fields
    return Alert(id=ident, rule="down", status=status, number=number, created_at=AT, updated_at=AT, **fields)


def change(ident: str = "a", kind: ChangeKind = ChangeKind.FIRED, *, number: int = 1, at: int = AT) -> AlertChange:
    """A change of the alert of that id."""
    status = AlertStatus.RESOLVED if kind is ChangeKind.RESOLVED else AlertStatus.ACTIVE
    return AlertChange(kind=kind, alert=alert(ident, number=number, status=status), at=at)


def resolved(ident: str = "a", *, number: int = 2, at: int = AT) -> AlertChange:
    """The end of the alert of that id."""
    return change(ident, ChangeKind.RESOLVED, number=number, at=at)


def labelled(made: AlertChange, **labels: str) -> AlertChange:
    """The same with labels."""
    return msgspec.structs.replace(made, alert=msgspec.structs.replace(made.alert, labels=labels))
