"""Alerts in words, for every channel: headlines, facts, links, and a whole message that fits a limit.

Texts of alerts come from probes, from labels and from whoever posts to us. Everything given out here is free of
control characters, of marks that turn the direction of writing, and of lone surrogates; it is not escaped for any
markup, which only the channel knows. Pure: no I/O and no clock.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

from msgspec import Struct

from auscult.alert import ChangeKind, Notice, Notification
from auscult.model import AlertSeverity
from auscult.options import Duration

__all__ = [
    "PLAIN",
    "Markup",
    "about",
    "clean",
    "compose",
    "facts",
    "headline",
    "links",
    "message",
    "ordered",
    "truncate",
    "utf8_length",
    "utf16_length",
    "web_link",
    "word",
]

_DIRECTIONS = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
"""Marks that make a program show text in another order than it was written in."""
_UNFIT = re.compile(f"[\x00-\x1f\x7f-\x9f\u2028\u2029{_DIRECTIONS}]+")
_UNFIT_IN_LINES = re.compile(f"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029{_DIRECTIONS}]+")
_LONE = re.compile("[\ud800-\udfff]")
_LINK = re.compile(
    r"https?://[A-Za-z0-9][A-Za-z0-9._-]*(?::\d{1,5})?"
    r"(?:[/?#](?:[A-Za-z0-9._~:/?#@!$&+,;=-]|%[0-9A-Fa-f]{2})*)?",
    re.IGNORECASE,
)
_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 .-]{0,60}")
_ADDRESS = 2000
"""Characters of an address; a longer one works nowhere for certain."""
_NAME = 100
"""Characters of a rule's or component's name that are shown."""
_LIST = 300
"""Characters of a list of labels, values, components."""

_WORDS = {
    ChangeKind.FIRED: "FIRING",
    ChangeKind.REOPENED: "FIRING AGAIN",
    ChangeKind.UPDATED: "UPDATED",
    ChangeKind.SUPPRESSED: "SUPPRESSED",
    ChangeKind.UNSUPPRESSED: "STILL FIRING",
    ChangeKind.ACKNOWLEDGED: "ACKNOWLEDGED",
    ChangeKind.UNACKNOWLEDGED: "UNACKNOWLEDGED",
    ChangeKind.NOTED: "NOTED",
    ChangeKind.ESCALATED: "ESCALATED",
    ChangeKind.REMINDED: "STILL FIRING",
    ChangeKind.RESOLVED: "RESOLVED",
}


def utf8_length(text: str) -> int:
    """Bytes in UTF-8."""
    return len(text.encode("utf-8", "replace"))


def utf16_length(text: str) -> int:
    """UTF-16 code units, in which Telegram and JavaScript count."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def truncate(text: str, limit: int, measure: Callable[[str], int] = len) -> str:
    """`text` if it measures at most `limit`, else its longest beginning that does with an ellipsis; "" at the worst.

    `measure` must not shrink when text is added. To truncate what will be escaped, measure the escaped text and
    escape afterwards: ``escape(truncate(text, 100, lambda t: len(escape(t))))`` cuts no entity in two.
    """
    if measure(text) <= limit:
        return text
    low, high = -1, len(text)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if measure(text[:middle] + "…") <= limit else (low, middle)
    return text[:low].rstrip() + "…" if low >= 0 else ""


def clean(text: str, limit: int = 500, *, lines: bool = False) -> str:
    """`text` in one line, or with `lines` in several, without what no text should hold; at most `limit` characters."""
    fit = _LONE.sub("\ufffd", text[: limit * 4].replace("\r\n", "\n"))
    if not lines:
        return truncate(" ".join(_UNFIT.sub(" ", fit).split()), limit)
    kept = (" ".join(line.split(" ")).rstrip() for line in _UNFIT_IN_LINES.sub(" ", fit).split("\n"))
    return truncate("\n".join(kept).strip(), limit)


def word(notice: Notice) -> str:
    """What happened, in capitals: ``FIRING``, ``RESOLVED``."""
    return "FIRED AND RESOLVED" if notice.ended_untold else _WORDS[notice.change.kind]


def headline(notice: Notice) -> str:
    """``[FIRING high] component_unhealthy: stt_client``."""
    return f"[{word(notice)} {notice.alert.severity.value}] {_what(notice)}"


def _what(notice: Notice) -> str:
    rule, component = clean(notice.alert.rule, _NAME), clean(notice.alert.component, _NAME)
    return f"{rule}: {component}" if component else rule


def about(notification: Notification) -> str:
    """The subject of the whole envelope: the headline of its one notice, or the loudest one's and counts."""
    marked = "[TEST] " if notification.test else ""
    if len(notification.notices) == 1:
        return marked + headline(notification.notices[0])
    firing, resolved = len(notification.firing), len(notification.resolved)
    counts = [f"FIRING {firing}"] * bool(firing) + [f"RESOLVED {resolved}"] * bool(resolved)
    loudest, more = notification.loudest, len(notification.notices) - 1
    return f"{marked}[{', '.join(counts)}, {loudest.alert.severity.value}] {_what(loudest)} and {more} more"


def ordered(notification: Notification) -> list[Notice]:
    """The notices as people want to read them: open before resolved, then by severity, then the oldest first."""
    order = list(AlertSeverity)
    return sorted(
        notification.notices, key=lambda n: (not n.alert.status.is_open, order.index(n.alert.severity), n.change.at)
    )


def message(notice: Notice, limit: int = 1000) -> str:
    """What the rule says, in one or several lines."""
    return clean(notice.alert.message, limit, lines=True)


def facts(notice: Notice) -> list[tuple[str, str]]:
    """What else there is to say about it, as names and values of one line each; the most telling first."""
    alert = notice.alert
    said = [
        ("Severity", alert.severity.value),
        ("Component", clean(alert.component, _NAME)),
        *_times(notice),
        ("Cause", clean(alert.cause, _NAME)),
        ("Affected", clean(", ".join(alert.affected[:_LIST]), _LIST)),
        ("Values", clean(", ".join(f"{name} {_value(value)}" for name, value in alert.values.items()), _LIST)),
        ("Labels", clean(", ".join(f"{name}={value}" for name, value in sorted(alert.labels.items())), _LIST)),
        ("Acknowledged", _acknowledgement(notice)),
        ("By", clean(notice.change.by, _NAME)),
        ("Note", clean(notice.change.note)),
        ("Fired", f"{alert.episodes} times" if alert.episodes > 1 else ""),
        ("Untold until now", _covered(len(notice.covers))),
        ("Runbook", "" if web_link(alert.runbook) else clean(alert.runbook)),
    ]
    return [(name, value) for name, value in said if value]


def _covered(count: int) -> str:
    return f"{count} earlier change{'s' if count > 1 else ''}" if count else ""


def _times(notice: Notice) -> Iterator[tuple[str, str]]:
    alert = notice.alert
    yield "Since", _moment(alert.created_at)
    if alert.resolved_at is not None:
        seconds = max(0, alert.resolved_at - alert.created_at) // 1000
        why = f" ({clean(alert.resolution, _NAME)})" if alert.resolution else ""
        yield "Resolved", f"{_moment(alert.resolved_at)}, after {Duration(seconds)}{why}"


def _moment(at: int) -> str:
    try:
        return datetime.fromtimestamp(at // 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (OverflowError, ValueError, OSError):
        return f"{at} ms"


def _value(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.6g}"


def _acknowledgement(notice: Notice) -> str:
    taken = notice.alert.acknowledged
    if taken is None:
        return ""
    until = f" until {_moment(taken.until)}" if taken.until is not None else ""
    return f"by {clean(taken.author, _NAME)}{until}" + (f": {clean(taken.note)}" if taken.note else "")


def web_link(text: str) -> str:
    """`text` if it is a web address that can stand in any markup as it is, else an empty text."""
    return text if len(text) <= _ADDRESS and _LINK.fullmatch(text) else ""


def links(notice: Notice, notification: Notification) -> list[tuple[str, str]]:
    """Where to go on: names and web addresses of the runbook, of where the alert comes from, and of auscult."""
    said = [
        ("Runbook", web_link(notice.alert.runbook)),
        ("Source", web_link(notice.alert.generator)),
        (notification.sender if _PLAIN_NAME.fullmatch(notification.sender) else "auscult", web_link(notification.url)),
    ]
    return [(name, url) for name, url in said if url]


class Markup(Struct, frozen=True, kw_only=True):
    """How a receiver writes text, for `compose`."""

    escape: Callable[[str], str] = str
    """Makes plain text harmless."""
    bold: Callable[[str], str] = str
    """Takes escaped text."""
    link: Callable[[str, str], str] = "{}: {}".format
    """Takes escaped text and a web address."""
    measure: Callable[[str], int] = len
    """The length as the receiver counts it."""


PLAIN = Markup()
"""No markup at all."""

_SHORTEST = 12
"""Characters that a headline has at least."""
_DETAILS = ((1000, True), (300, True), (300, False), (100, False), (0, False))
"""From the fullest to the barest: characters of each message, and whether facts and links are told."""


def compose(notification: Notification, limit: int, markup: Markup = PLAIN, *, titled: bool = True) -> str:
    """The whole notification as one text of at most `limit` (at least 500), in as much detail as fits.

    With `titled` the headlines stand in it; without, one notice leaves its headline to a title elsewhere. When not
    even the headlines fit, as many as do, and the number of those left out.
    """
    # Ten thousand notices are not rendered five times to find out that they do not fit.
    for length, detailed in _DETAILS if len(notification.notices) <= limit // _SHORTEST else ():
        text = _joined(_paragraphs(notification, markup, length, detailed, titled), limit)
        if text is not None and markup.measure(text) <= limit:
            return text
    shown = ordered(notification)[: limit // _SHORTEST]
    heads = [markup.escape(headline(notice)) for notice in shown]
    return _as_many_as_fit(heads, len(notification.notices), limit, markup.measure)


def _joined(paragraphs: Iterator[str], limit: int) -> str | None:
    """All of them; None as soon as there are more characters than that, for no receiver counts fewer."""
    kept, length = [], 0
    for paragraph in paragraphs:
        kept.append(paragraph)
        length += len(paragraph) + 2
        if length - 2 > limit:
            return None
    return "\n\n".join(kept)


def _paragraphs(notification: Notification, markup: Markup, length: int, detailed: bool, titled: bool) -> Iterator[str]:
    single = len(notification.notices) == 1
    if not single and titled:
        yield markup.bold(markup.escape(about(notification)))
    for notice in ordered(notification):
        lines = []
        if titled or not single:
            marked = "[TEST] " if single and notification.test else ""
            lines.append(markup.bold(markup.escape(marked + headline(notice))))
        if said := message(notice, length) if length else "":
            lines.append(markup.escape(said))
        if detailed:
            lines += [f"{markup.escape(name)}: {markup.escape(value)}" for name, value in facts(notice)]
            lines += [markup.link(markup.escape(name), url) for name, url in links(notice, notification)]
        yield "\n".join(lines) or markup.escape(headline(notice))


def _as_many_as_fit(lines: Sequence[str], count: int, limit: int, measure: Callable[[str], int]) -> str:
    low, high = 0, len(lines) + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if measure(_first(lines, middle, count)) <= limit else (low, middle)
    return _first(lines, low, count)


def _first(lines: Sequence[str], kept: int, count: int) -> str:
    return "\n".join([*lines[:kept], *([f"… and {count - kept} more"] if count > kept else [])])
