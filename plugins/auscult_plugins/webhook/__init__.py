"""The `webhook` channel: a signed POST to any address, in auscult's own form, Alertmanager's, or the user's."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from functools import cached_property, partial
from typing import Literal
from urllib.parse import quote

from auscult import (
    Channel,
    ChannelContext,
    DeliveryError,
    Duration,
    EgressRefused,
    Ended,
    Notification,
    SecretStr,
    Unsent,
    __version__,
    deliver,
    hookimpl,
    raise_for_reply,
    request_secrets,
)
from auscult_plugins.webhook import kept
from auscult_plugins.webhook.bodies import alertmanager_document, document, encode
from auscult_plugins.webhook.signing import keys_of, signature
from auscult_plugins.webhook.target import Target, check_header, find_target
from auscult_plugins.webhook.template import Template, TemplateProblem

__all__ = ["WebhookChannel", "auscult_channels"]

_PLAIN_KEY = re.compile(r"[A-Za-z0-9/:@\-._~+=]*")
"""A key that can stand in a header as it is; ours all do."""


class WebhookChannel(Channel, dict=True):
    """Sends each notification to an HTTP address; any 2xx answer is a receipt.

    Every request carries `webhook-id`, the same over all attempts and restarts, so that a receiver can tell a repeat;
    with a `secret` it is signed as standardwebhooks.com describes.
    """

    kind = "webhook"
    may_require = {"minijinja": "templates"}

    webhook_url: SecretStr
    """Address to send to, for example ``https://example.com/alerts``; redirects are not followed."""
    timeout: Duration = Duration(10)
    """How long one attempt may take."""
    headers: dict[str, SecretStr] = {}
    """Headers to send; values are treated as secrets."""
    secret: SecretStr = ""
    """Key to sign with: ``whsec_`` and then 24 to 64 random bytes in Base64; several, separated by spaces, while one
    replaces another."""
    format: Literal["auscult", "alertmanager", "template"] = "auscult"
    """Body: auscult's own, that of Alertmanager's webhooks (version 4), or what `template` makes."""
    template: str = ""
    """Body for ``format = "template"``, in the syntax of Jinja; needs the extra `templates`."""
    content_type: str = "application/json"
    """Type of the body; what a template makes must be JSON where this says so."""
    method: Literal["POST", "PUT", "PATCH"] = "POST"
    """Method to send with."""

    def __post_init__(self) -> None:
        if self.format not in ("auscult", "alertmanager", "template"):
            raise ValueError(f"`format` = {self.format!r}: expected auscult, alertmanager or template")
        if bool(self.template) != (self.format == "template"):
            raise ValueError('`template` and `format = "template"` go together')
        if self.method not in ("POST", "PUT", "PATCH"):
            raise ValueError(f"`method` = {self.method!r}: expected POST, PUT or PATCH")
        if not self.timeout > 0:
            raise ValueError("`timeout` must be longer than nothing")
        for name, value in {**self.headers, "content-type": self.content_type}.items():
            check_header(name, value)
        keys_of(self.secret)
        self._target  # noqa: B018 - raises where it is no address
        self._template  # noqa: B018 - raises where it is no template

    def delivery_timeout(self) -> float:
        """See `Channel.delivery_timeout`."""
        return float(self.timeout)

    async def send(self, notification: Notification, ctx: ChannelContext) -> None:
        """Send once."""
        try:
            body = self._body(notification)
        except TemplateProblem as error:
            raise DeliveryError(str(error), retry=False) from None
        lines = self._own_lines(notification, body, ctx.clock.now_ms() // 1000)
        if kept.is_possible():
            try:
                answer = await self._kept().exchange(self._request(lines, body), ctx)
            except EgressRefused as error:
                raise DeliveryError(str(error), retry=False) from None
            except OSError as error:
                raise self._failure(error) from None
            self._judge(answer, lines, ctx)
        else:
            sent = self._fixed | _named(lines)
            await deliver(self, ctx, self.webhook_url, content=body, headers=sent, method=self.method)

    def begin(self, notification: Notification, ctx: ChannelContext, ended: Ended) -> Callable[[], None] | None:
        """Send over a connection that is open and unused, if there is one; see `Channel.begin`."""
        connections = self._connections
        if connections is None or not connections.idle or connections.loop is not asyncio.get_running_loop():
            return None
        body = self._body(notification)
        lines = self._own_lines(notification, body, ctx.clock.now_ms() // 1000)
        return connections.begin(self._request(lines, body), partial(self._answered, lines, ctx, ended))

    def _answered(self, lines: str, ctx: ChannelContext, ended: Ended, found: kept.Found) -> None:
        """What `begin` began is over."""
        error: Exception | None = None
        if isinstance(found, kept.Gone):
            error = Unsent()
        elif isinstance(found, OSError):
            error = self._failure(found)
        elif not 200 <= found.status < 300:
            try:
                self._judge(found, lines, ctx)
            except DeliveryError as refusal:
                error = refusal
        ended(error)

    def close(self) -> None:
        """See `Channel.close`."""
        if self._connections is not None:
            self._connections.close()

    def _body(self, notification: Notification) -> bytes:
        if self._template is not None:
            return self._template.render(notification)
        return encode((document if self.format == "auscult" else alertmanager_document)(notification))

    def _own_lines(self, notification: Notification, body: bytes, now: int) -> str:
        """The headers that differ from request to request, as lines."""
        id_ = notification.key
        if not _PLAIN_KEY.fullmatch(id_):
            id_ = quote(id_, safe="/:@-._~+=", errors="surrogatepass")
        signed = f"webhook-signature: {signature(self._keys, id_, now, body)}\r\n" if self._keys else ""
        return f"webhook-id: {id_}\r\nwebhook-timestamp: {now}\r\nauscult-attempt: {notification.attempt}\r\n{signed}"

    def _request(self, lines: str, body: bytes) -> bytes:
        return b"".join((self._start, f"{lines}content-length: {len(body)}\r\n\r\n".encode("ascii"), body))

    def _failure(self, error: OSError) -> DeliveryError:
        return DeliveryError(f"{self._target.host}: {error}")

    def _judge(self, answer: kept.Answer, lines: str, ctx: ChannelContext) -> None:
        """Raises DeliveryError unless it is a receipt."""
        if 200 <= answer.status < 300:
            return
        import httpx

        said = [pair for pair in answer.headers if pair[0] in ("retry-after", "date", "content-type")]
        raise_for_reply(
            httpx.Response(answer.status, headers=said, content=answer.body),
            who=self._target.host,
            secrets=request_secrets(self, self.webhook_url, self._fixed | _named(lines)),
            now=ctx.clock.now_ms(),
        )

    def _kept(self) -> kept.KeptConnections:
        """The connections of the loop that runs now; a channel made in code may live longer than one."""
        connections = self._connections
        if connections is None or connections.loop is not asyncio.get_running_loop():
            target = self._target
            connections = kept.KeptConnections(target.host, target.port, secure=target.secure)
            vars(self)["connections"] = connections
        return connections

    @property
    def _connections(self) -> kept.KeptConnections | None:
        return vars(self).get("connections")

    @cached_property
    def _keys(self) -> tuple[bytes, ...]:
        return keys_of(self.secret)

    @cached_property
    def _template(self) -> Template | None:
        return Template(self.template, json="json" in self.content_type.lower()) if self.template else None

    @cached_property
    def _fixed(self) -> dict[str, str]:
        """Headers that are the same for every request, those of the user before ours."""
        named = {name.lower(): value for name, value in self.headers.items()}
        login = {"authorization": self._target.login} if self._target.login else {}
        return {"user-agent": f"auscult/{__version__}", "content-type": self.content_type} | login | named

    @cached_property
    def _start(self) -> bytes:
        """How every request begins."""
        lines = "".join(f"{name}: {value}\r\n" for name, value in self._fixed.items())
        return f"{self._target.start}{lines}".encode("latin-1")

    @cached_property
    def _target(self) -> Target:
        return find_target(self.webhook_url, self.method)


def _named(lines: str) -> dict[str, str]:
    """Headers from their lines."""
    return dict(line.split(": ", 1) for line in lines.splitlines())


@hookimpl
def auscult_channels() -> list[type[Channel]]:
    """Offer the channel."""
    return [WebhookChannel]
