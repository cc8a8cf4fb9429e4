"""A notification as a mail: headers, a text part and an HTML part. Plain data, no I/O, no state.

A mail depends on the notification alone and never on the attempt or the time, so that a repeat under the same key is
the same bytes. Headers are written here and not by `EmailMessage`, which reads what it is given as a header first:
of a text such as ``=?utf-8?q?x=0D=0ABcc=3A_…?=`` it makes a line of its own (Python 3.11.7, CVE-2024-6923).
"""

from __future__ import annotations

import hashlib
import html
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr
from typing import Annotated, Literal
from urllib.parse import quote

from msgspec import Meta, Struct, to_builtins

from auscult import AlertSeverity, AlertStatus, Notice, Notification, wording

__all__ = ["Headers", "Mail", "mail", "message_id", "read"]

_Ident = Annotated[str, Meta(pattern=r"^<[^<>@\s]+@[^<>@\s]+>$")]

_TEXT, _HTML, _SUBJECT = 100_000, 90_000, 250
"""Characters of the parts and of the subject; Gmail shows the first 102 kB of HTML."""
_LINE, _FOLD = 76, "\r\n "
_KEY = 300
"""Characters of a key in a header; ours are a third of that."""
_REFERENCES = 20
"""Incidents that a mail about several names; each takes a line."""
_LONGEST_DOMAIN = 36
"""Characters; an id stays on one line."""
_LAST = 253_402_300_799_000
_COLOURS = {
    AlertSeverity.CRITICAL: "#a30200",
    AlertSeverity.HIGH: "#e01e1e",
    AlertSeverity.MEDIUM: "#e8912d",
    AlertSeverity.LOW: "#ecd12e",
    AlertSeverity.INFO: "#8d8d8d",
}
_RESOLVED, _ACKNOWLEDGED = "#2eb67d", "#36a2eb"
_GRAVE = frozenset({AlertSeverity.CRITICAL, AlertSeverity.HIGH})


def message_id(key: str, domain: str) -> str:
    """The Message-ID of the mail with that delivery key: the same over all attempts and restarts."""
    digest = hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
    return f"<{digest}@{domain if len(domain) <= _LONGEST_DOMAIN else 'auscult.invalid'}>"


class Headers(
    Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    rename={
        "from_": "From",
        "to": "To",
        "subject": "Subject",
        "date": "Date",
        "message_id": "Message-ID",
        "in_reply_to": "In-Reply-To",
        "references": "References",
        "importance": "Importance",
        "auto_submitted": "Auto-Submitted",
        "no_answers": "X-Auto-Response-Suppress",
        "key": "X-Auscult-Key",
        "status": "X-Auscult-Status",
        "severity": "X-Auscult-Severity",
    },
):
    """The headers that say what a mail is about, as they read once they are decoded."""

    from_: str
    """Whom it comes from: the option `sender`."""
    to: str
    """Whom it goes to: the option `to`."""
    subject: str
    """The headline: what happened, how bad it is, the rule, the component."""
    date: str
    """When the change happened."""
    message_id: _Ident
    """The same whenever this mail is sent again; another for every other mail."""
    in_reply_to: _Ident | None = None
    """The first mail of the incident; not in that mail itself."""
    references: str | None = None
    """The first mails of all incidents it is about, separated by spaces; not in the first mail."""
    importance: Literal["high"] | None = None
    """Only where something critical or high fires."""
    auto_submitted: Literal["auto-generated"]
    """So that nobody's holiday answers."""
    no_answers: Literal["All"]
    """The same for Exchange."""
    key: str
    """The delivery key of the notification: the same over retries and restarts."""
    status: Literal["firing", "resolved"]
    """`firing` as long as one of the alerts goes on."""
    severity: AlertSeverity
    """Of the loudest alert."""


class Mail(Struct, frozen=True, kw_only=True):
    """A mail as its reader gets it."""

    headers: Headers
    """The headers, decoded."""
    text: str
    """The part `text/plain`."""
    html: str
    """The part `text/html`."""


def read(notification: Notification, sender: Address, to: Sequence[Address]) -> Mail:
    """The mail in readable form."""
    own = message_id(notification.key, sender.domain)
    thread = [ident for ident in _thread(notification, sender.domain) if ident != own]
    loud = notification.firing and notification.loudest.alert.severity in _GRAVE and not notification.test
    headers = Headers(
        from_=str(sender),
        to=", ".join(map(str, to)),
        subject=wording.truncate(wording.about(notification), _SUBJECT),
        date=_date(notification.created_at),
        message_id=own,
        in_reply_to=thread[0] if thread else None,
        references=" ".join(thread) or None,
        importance="high" if loud else None,
        auto_submitted="auto-generated",  # RFC 3834
        no_answers="All",
        key=quote(notification.key, safe="/:@-._~+=", errors="surrogatepass")[:_KEY],
        status="firing" if notification.firing else "resolved",
        severity=notification.loudest.alert.severity,
    )
    return Mail(headers=headers, text=_text(notification), html=_html(notification))


def mail(notification: Notification, sender: Address, to: Sequence[Address]) -> bytes:
    """The whole mail as it goes on the wire."""
    readable = read(notification, sender, to)
    headers = to_builtins(readable.headers) | {
        "From": _mailbox(sender),
        "To": _FOLD.join(f"{_mailbox(each)}," for each in to).rstrip(","),
        "Subject": _unstructured("Subject", readable.headers.subject),
    }
    if readable.headers.references:
        headers["References"] = readable.headers.references.replace(" ", _FOLD)
    return _block(headers) + _body(readable, f"=_{readable.headers.message_id[1:25]}")


def _body(readable: Mail, boundary: str) -> bytes:
    """Both parts, with the headers that describe them."""
    made = EmailMessage(policy=SMTP)
    made.set_content(readable.text, cte="quoted-printable")
    made.add_alternative(readable.html, subtype="html", cte="quoted-printable")
    made.set_boundary(boundary)
    return made.as_bytes()


def _block(headers: Mapping[str, str]) -> bytes:
    """The lines. Raises ValueError for one that would be two: no text reaches this as it came, so none is."""
    for name, value in headers.items():
        if not value.replace(_FOLD, " ").isprintable():
            raise ValueError(f"the header {name} holds a character that no header may have")
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode("ascii")


def _unstructured(name: str, text: str) -> str:
    """A header of free text: as it is where that is short and plain, else in encoded words (RFC 2047)."""
    if text.isascii() and text.isprintable() and "=?" not in text and len(name) + 2 + len(text) <= _LINE:
        return text
    return Header(text, "utf-8", maxlinelen=_LINE, header_name=name).encode(linesep="\r\n")


def _mailbox(address: Address) -> str:
    if address.display_name.isascii():
        return formataddr((address.display_name, address.addr_spec))
    return f"{_unstructured('', address.display_name)} <{address.addr_spec}>"


def _thread(notification: Notification, domain: str) -> list[str]:
    """What the mail goes on with: the first mail of each incident it is about, the loudest incident's first.

    The first change of an incident has the number 1. A channel that was told of a later one first still names that
    mail, as all its others do: mail programs put mails together that refer to the same one, had they it or not.
    """
    loudest = notification.loudest
    notices = [loudest, *(notice for notice in notification.notices if notice is not loudest)][:_REFERENCES]
    firsts = (f"{notice.alert.id}/1/{notification.channel}" for notice in notices)
    return list(dict.fromkeys(message_id(key, domain) for key in firsts))


def _date(at: int) -> str:
    return format_datetime(datetime.fromtimestamp(min(max(at, 0), _LAST) // 1000, UTC))


def _text(notification: Notification) -> str:
    return wording.compose(notification, _TEXT) + "\n"


def _link(text: str, url: str) -> str:
    return f'<a href="{html.escape(url)}">{text}</a>'


_MARKUP = wording.Markup(escape=html.escape, bold="<b>{}</b>".format, link=_link)


def _html(notification: Notification) -> str:
    body = wording.compose(notification, _HTML, _MARKUP).replace("\n", "<br>\n")
    colour = _colour(wording.ordered(notification)[0])
    return (
        '<!doctype html>\n<html><head><meta charset="utf-8"></head>\n'
        f'<body><div style="border-left: 5px solid {colour}; padding: 2px 14px; '
        f'font-family: sans-serif; font-size: 14px; line-height: 1.5">\n{body}\n</div></body></html>\n'
    )


def _colour(notice: Notice) -> str:
    if not notice.alert.status.is_open:
        return _RESOLVED
    return _ACKNOWLEDGED if notice.alert.status is AlertStatus.ACKNOWLEDGED else _COLOURS[notice.alert.severity]
