"""One assertion for everything that a channel class promises."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import anyio

from auscult.alert import ChangeKind, Notification
from auscult.catalogue.refusal import ROLES, refusal
from auscult.errors import DeliveryError
from auscult.kinds import Channel
from auscult.options import secret_values
from auscult.runtime.readings import clean_text
from auscult.testing.delivering import deliver_once, make_notification
from auscult.testing.promises import documented, in_thread, make, secrets_typed, shown_secrets

if TYPE_CHECKING:
    import httpx

__all__ = ["assert_channel_contract"]

_HOSTILE = (
    "",
    'a "quoted" \\ text\r\nBcc: x@example.com\r\n\r\n.\r\n',
    "</b><a href='https://evil.example'>x</a><script>alert(1)</script> &lt;",
    "*bold* _it_ `code` [x](https://evil.example) <@U024BE7LH> @everyone",
    "a\0b\x07c\x1b[31mred \u2028 \u202egnp.exe \ud800",
    "é" * 5000,
    "<" * 5000,
)
"""What somebody who wants to be noticed would put into an alert."""
_SHORTEST_SECRET = 8
"""Characters; a shorter one may stand in a message by chance."""


def assert_channel_contract(channel: type[Channel], /, **options: Any) -> None:
    """Assert that `channel` keeps the contract, with `options` for one object of it. Says every breach, in a sentence.

    The catalogue takes the class; class and options are documented; options can come from a file; what is named like
    a secret is typed `SecretStr`, and stands in no ``repr``, no message and no log; a beginning, an end, a group, a
    storm, a test and hostile texts are delivered, or refused with a `DeliveryError`; of what goes over ``ctx.http``, a
    503 is to be tried again, a 429 not before its ``Retry-After``, a 400 never, and the channel itself asks once.

    Delivers in a thread of its own, so what `options` point at has to be served by another thread or process. Where
    it is not there at all, each delivery is a `DeliveryError`, which is fine as well.
    """
    if (refused := refusal(channel, ROLES[1])) is not None:
        raise AssertionError(f"The catalogue refuses the class: {refused.message}; {refused.remedy}")
    breaches = [*documented(channel, "where it delivers"), *secrets_typed(channel)]
    made = make(channel, options)
    if isinstance(made, str):
        breaches.append(made)
    else:
        breaches += [*shown_secrets(made), *_time_limit(made), *_deliveries(made), *_answers(made), *_closing(made)]
    if breaches:
        raise AssertionError("\n".join(dict.fromkeys(breaches)))


def _time_limit(made: Channel) -> Iterator[str]:
    limit = made.delivery_timeout()
    if limit is not None and not (math.isfinite(limit) and limit > 0):
        yield f"`delivery_timeout` gives {limit!r}: give seconds, or None for the default"
    renewal = made.renewal()
    if renewal is not None and not (math.isfinite(renewal) and renewal > 0):
        yield f"`renewal` gives {renewal!r}: give seconds, or None for never"


def _closing(made: Channel) -> Iterator[str]:
    for _ in range(2):
        try:
            made.close()
        except Exception as error:
            yield f"`close` raises {type(error).__name__}: {clean_text(str(error))}; it may be called at any time"


# What is delivered


def _samples() -> Iterator[tuple[str, Notification]]:
    kinds = ChangeKind.FIRED, ChangeKind.RESOLVED
    for kind in ChangeKind:
        yield f"an alert that was {kind.value}", make_notification(kind)
    yield "a group", make_notification(*kinds)
    yield "a storm", make_notification(*kinds * 100)
    yield "a test", make_notification(test=True)
    for text in _HOSTILE:
        fields: dict[str, Any] = {
            "message": text,
            "rule": text,
            "component": text,
            "labels": {text: text},
            "runbook": text,
        }
        label = repr(text) if len(text) < 40 else f"{text[:20]!r}…"
        yield f"an alert full of {label}", make_notification(*kinds, **fields)


def _deliveries(made: Channel) -> Iterator[str]:
    """Where an ordinary one is taken, all have to be."""
    taken = False
    for what, notification in _samples():
        error, logged = _delivered(made, notification)
        yield from _told_secrets(made, error, logged)
        if error is None:
            taken = True
        elif not isinstance(error, DeliveryError):
            yield f"delivering {what} raises {_named(error)}; say with DeliveryError whether trying again can help"
        elif taken:
            yield f"the receiver takes an ordinary alert, and not {what}: {clean_text(str(error))}"


def _delivered(made: Channel, notification: Notification, answer: Any = None) -> tuple[BaseException | None, str]:
    """What one delivery raised, and what was logged meanwhile."""

    async def once() -> None:
        await deliver_once(made, notification, answer=answer)

    with _logged() as lines:
        error = in_thread(lambda: anyio.run(once))
    return error, "\n".join(lines)


@contextmanager
def _logged() -> Iterator[list[str]]:
    """Everything that is logged, at any level."""
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield lines
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


def _told_secrets(made: Channel, error: BaseException | None, logged: str) -> Iterator[str]:
    for secret in secret_values(made):
        if len(secret) < _SHORTEST_SECRET:
            continue
        if error is not None and secret in str(error):
            yield "the message of an error tells a secret: send with `auscult.deliver`, or clean it with `auscult.mask`"
        if secret in logged:
            yield "a log tells a secret: httpx logs whole addresses, `auscult.deliver` keeps them out of it"


def _named(error: BaseException) -> str:
    return f"{type(error).__name__}: {clean_text(str(error))}"


# What is made of answers


def _answers(made: Channel) -> Iterator[str]:
    """For those who send by ``ctx.http``."""
    expected = ((503, True, None), (429, True, 7.0), (400, False, None))
    for status, retry, wait in expected:
        error, logged, asked = _answered(made, status)
        if not asked:
            return
        yield from _told_secrets(made, error, logged)
        if asked > 1:
            yield f"after an answer of {status} it asks {asked} times: ask once, trying again is the core's work"
        if not isinstance(error, DeliveryError):
            raised = "nothing" if error is None else _named(error)
            yield f"an answer of {status} raises {raised}; expected a DeliveryError, as `auscult.deliver` raises it"
        elif (error.retry, error.retry_after) != (retry, wait):
            said = f"retry={error.retry}, retry_after={error.retry_after}"
            yield f"an answer of {status} raises DeliveryError({said}); expected retry={retry}, retry_after={wait}"


def _answered(made: Channel, status: int) -> tuple[BaseException | None, str, int]:
    """What comes of a receiver that answers so, and repeats all that it was sent."""
    import httpx

    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        target = request.extensions.get("target", b"").decode("latin-1")
        echo = f"{request.url}{target} {dict(request.headers)} {request.content.decode('utf-8', 'replace')}"
        return httpx.Response(status, headers={"Retry-After": "7"} if status == 429 else {}, text=echo)

    error, logged = _delivered(made, make_notification(), answer)
    return error, logged, len(asked)
