"""Notifications made by hand and by hypothesis, and the context that a channel is given, with everything real in it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import httpx
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from auscult import (
    Alert,
    AlertChange,
    AlertSeverity,
    AlertStatus,
    ChangeKind,
    ChannelContext,
    Notice,
    Notification,
    SystemClock,
)
from auscult.alert import Acknowledgement, alert_id, delivery_key, fingerprint
from auscult.runtime.client import make_client
from auscult.runtime.egress import EgressPolicy
from auscult.runtime.resolver import Resolver

__all__ = [
    "NASTY",
    "RUNBOOK",
    "START",
    "RealContext",
    "given_hostile",
    "hostile_notifications",
    "hostile_texts",
    "make_notice",
    "notify",
]

START = 1_705_314_300_000
"""2024-01-15T10:25:00Z, as in the seed document."""
RUNBOOK = "https://wiki.example.com/runbooks/stt?v=2&x=1"


def make_notice(
    kind: ChangeKind = ChangeKind.FIRED, channel: str = "ops", first: bool = True, **changes: Any
) -> Notice:
    """A notice of such a change of the seed document's alert; `by`, `note` and `covers` go where they belong."""
    rule, component = changes.get("rule", "component_unhealthy"), changes.get("component", "stt_client")
    labels = changes.get("labels", {"team": "voice"})
    over = kind is ChangeKind.RESOLVED
    said = {name: changes.pop(name) for name in ("by", "note") if name in changes}
    covers = changes.pop("covers", ())
    fields: dict[str, Any] = {
        "id": changes.get("id") or alert_id(fingerprint(rule, component, labels), START),
        "rule": rule,
        "severity": AlertSeverity.HIGH,
        "status": AlertStatus.RESOLVED if over else AlertStatus.ACTIVE,
        "message": "Component stt_client is unhealthy: Connection timeout",
        "component": component,
        "component_type": component,
        "labels": labels,
        "created_at": START,
        "updated_at": START + (90_000 if over else 0),
        "resolved_at": START + 90_000 if over else None,
        "resolution": "recovered" if over else "",
        "number": 2 if over else 1,
        "values": {"response_time_ms": 5012.5, "status": "unhealthy"},
        "runbook": RUNBOOK,
    }
    alert = Alert(**(fields | changes))
    change = AlertChange(kind=kind, alert=alert, at=alert.updated_at, **said)
    return Notice(key=delivery_key(alert.id, alert.number, channel), change=change, covers=covers, first=first)


def notify(*notices: Notice, channel: str = "ops", **fields: Any) -> Notification:
    """An envelope of these, or of the seed document's firing alert."""
    notices = notices or (make_notice(),)
    defaults = {"key": notices[0].key, "created_at": notices[0].change.at, "url": "https://auscult.example.com"}
    return Notification(channel=channel, notices=notices, **(defaults | fields))


class RealContext(ChannelContext):
    """What a channel is given: the real client under the real policy. Close it with ``async with``."""

    __slots__ = ("_http", "_resolver", "channel", "clock", "log", "timeout")

    def __init__(self, policy: EgressPolicy | None = None) -> None:
        self.channel, self.timeout, self.clock = "ops", 10.0, SystemClock()
        self.log = logging.getLogger("auscult.plugins.tried")
        self._resolver = Resolver(policy or EgressPolicy())
        self._http = make_client(policy or EgressPolicy(), self._resolver)

    @property
    def http(self) -> httpx.AsyncClient:
        """See `ChannelContext.http`."""
        return self._http

    async def resolve(self, host: str, port: int) -> list[tuple[str, int]]:
        """See `ChannelContext.resolve`."""
        return await self._resolver.resolve(host, port)

    async def __aenter__(self) -> RealContext:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()


NASTY = [
    "<!channel> <@U024BE7LH> <https://evil.example|click>",
    "@everyone @here <@123456789> <@&42> <#7> @slack-ops",
    "</b><a href='https://evil.example'>x</a><script>alert(1)</script> &lt;b&gt; &amp",
    "*bold* _it_ ~~gone~~ `code` ```block``` ||spoiler|| > quote # head - list 1. list",
    "[click](https://evil.example) ![x](https://evil.example/x.png) \\[a\\](b)",
    "%%% \n**markdown** \n%%%",
    "a\0b\x07c\x1b[31mred \r\nBcc: x@example.com\u2028\u2029\x85",
    "\u202egnp.exe \u2066x\u2069 \u200fy",
    "\ud800 lone \udfff",
    "𝕏" * 3000,
    "é" * 5000,
    "&" * 5000,
    "<" * 4500,
    "_" * 5000,
    "\\" * 5000,
    '"' * 5000,
    "x" * 9000,
    "\n" * 3000 + "end",
    "",
    " ",
]
"""What somebody who wants to be noticed would put into an alert."""

hostile_texts = st.one_of(
    st.sampled_from(NASTY), st.text(st.characters(), max_size=60), st.text("<>&*_`[]()@#|~\\\n\"'%", max_size=60)
)
_names = st.one_of(st.sampled_from([text for text in NASTY if len(text) < 100]), st.text(st.characters(), max_size=30))
_urls = st.one_of(
    hostile_texts,
    st.sampled_from(
        [
            RUNBOOK,
            "javascript:alert(1)",
            "https://x/|>*a*",
            "https://x/)evil",
            "https://x/" + "y" * 1900,
            "https://x/" + "y" * 2500,
            "http://a_b_c/*d*",
            "https://x/\n",
        ]
    ),
)


@st.composite
def _notices(draw: st.DrawFn) -> Notice:
    kind = draw(st.sampled_from([k for k in ChangeKind if k is not ChangeKind.RESOLVED] + [ChangeKind.RESOLVED] * 3))
    texts = _names
    number = draw(st.integers(1, 10**6))
    return make_notice(
        kind,
        first=draw(st.booleans()),
        id=alert_id(fingerprint(str(number), "", {}), START),
        rule=draw(hostile_texts),
        component=draw(hostile_texts),
        component_type=draw(texts),
        message=draw(hostile_texts),
        labels=draw(st.dictionaries(texts, texts, max_size=4)),
        severity=draw(st.sampled_from(AlertSeverity)),
        values=draw(st.dictionaries(texts, st.one_of(st.floats(), texts), max_size=3)),
        cause=draw(texts),
        affected=tuple(draw(st.lists(texts, max_size=3))),
        runbook=draw(_urls),
        generator=draw(_urls),
        note=draw(hostile_texts),
        by=draw(texts),
        covers=tuple(draw(st.lists(st.integers(1, 9), max_size=2))),
        episodes=draw(st.integers(1, 3)),
        acknowledged=draw(
            st.one_of(st.none(), st.builds(Acknowledgement, author=texts, at=st.just(START), note=texts))
        ),
    )


@st.composite
def hostile_notifications(draw: st.DrawFn, most: int = 4) -> Notification:
    """One to `most` notices full of hostile text, sometimes forty times as many."""
    notices = draw(st.lists(_notices(), min_size=1, max_size=most))
    if draw(st.integers(0, 4)) == 0:
        notices *= 40
    return notify(*notices, url=draw(_urls), sender=draw(hostile_texts), test=draw(st.booleans()), group={"rule": "x"})


def given_hostile(most: int = 4) -> Callable[[Callable[[Notification], None]], Callable[[], None]]:
    """Decorates a test that takes such a notification: it makes large texts, so it may take its time."""
    # Such notifications take minutes to shrink; the receivers' sentences say enough.
    phases = (Phase.explicit, Phase.reuse, Phase.generate)
    asked = settings(deadline=None, max_examples=60, phases=phases)
    return lambda test: asked(given(hostile_notifications(most))(test))
