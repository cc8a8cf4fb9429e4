"""The `email` channel: one mail per notification over SMTP, threads by incident."""

from __future__ import annotations

import asyncio
import base64
import socket
import ssl
from email.headerregistry import Address
from functools import cached_property, partial
from typing import Annotated

from msgspec import Meta

from auscult import (
    Channel,
    ChannelContext,
    DeliveryError,
    Duration,
    EgressRefused,
    Notification,
    SecretStr,
    hookimpl,
    mask,
    wording,
)
from auscult_plugins._network import authorities, reason
from auscult_plugins.email.addresses import HOST, mailbox
from auscult_plugins.email.conversation import Refusal, Security, Server, converse, is_final, sentences
from auscult_plugins.email.mail import mail

__all__ = ["EmailChannel", "auscult_channels"]

_PORTS: dict[str, int] = {"starttls": 587, "tls": 465, "none": 25}
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_SAID = 400
"""Characters of what a server says that are repeated."""
_AT_ONCE = 20
"""Alerts of which a mail is written without a thread."""
_REMEMBERED = 100
"""Notifications of which we know who has them already."""


class _Progress:
    """Who has a notification, who is to be asked again, who was refused for good."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.has: set[str] = set()
        self.later: list[Refusal] = []
        self.never: list[Refusal] = []

    @property
    def settled(self) -> set[str]:
        """Who is not to be asked again."""
        return self.has | {each.recipient for each in self.never}

    def take(self, asked: list[str], refused: list[Refusal]) -> None:
        """Note what became of one attempt."""
        self.has.update(set(asked) - {each.recipient for each in refused})
        self.later = [each for each in refused if not is_final(each.code)]
        self.never += [each for each in refused if is_final(each.code)]


class EmailChannel(Channel, dict=True):
    """Sends each notification as one mail, in text and HTML, through an SMTP server.

    The mails of an incident stand together: each after the first answers the first. A mail that has to be sent again
    has the same Message-ID.
    """

    kind = "email"

    host: Annotated[str, Meta(min_length=1)]
    """The SMTP server: ``smtp.example.com``."""
    sender: str
    """Address that the mails come from: ``alerts@example.com`` or ``auscult <alerts@example.com>``."""
    to: Annotated[tuple[str, ...], Meta(min_length=1, max_length=100)]
    """Addresses that the mails go to."""
    security: Security = "starttls"
    """``starttls``, ``tls`` from the first byte, or ``none``, for a server that is near."""
    port: Annotated[int, Meta(ge=0, le=65535)] = 0
    """Port; 0 stands for that of the security: 587, 465, 25."""
    username: str = ""
    """Name to log in with; empty for no login."""
    password: SecretStr = ""
    """Password of the login."""
    ca_file: str = ""
    """PEM file of authorities to believe instead of the system's."""
    local_name: str = ""
    """What we call ourselves when we greet the server; empty for the name of the machine."""
    timeout: Duration = Duration(30)
    """How long one attempt may take."""

    def __post_init__(self) -> None:
        if self.security not in _PORTS:
            raise ValueError(f"`security` = {self.security!r}: expected starttls, tls or none")
        if not HOST.fullmatch(self.host) and not _is_ipv6(self.host):
            raise ValueError(f"`host` = {self.host!r} is no name of a host; expected something like smtp.example.com")
        if self.local_name and not HOST.fullmatch(self.local_name):
            raise ValueError(f"`local_name` = {self.local_name!r} is no name of a host")
        if not isinstance(self.to, tuple | list) or not self.to:
            raise ValueError("`to` is a list of mail addresses, at least one")
        if bool(self.username) != bool(self.password):
            raise ValueError("`username` and `password` go together")
        if self.username and self.security == "none" and self.host not in _LOOPBACK:
            raise ValueError('with `security = "none"` anybody could read the password; expected starttls or tls')
        if not self.timeout > 0:
            raise ValueError("`timeout` must be longer than nothing")
        self._sender  # noqa: B018 - raises where it is no address
        self._to  # noqa: B018 - raises where one is no address

    def delivery_timeout(self) -> float:
        """See `Channel.delivery_timeout`; a little longer than `timeout`, whose end is told in words."""
        return float(self.timeout) + 1.0

    async def send(self, notification: Notification, ctx: ChannelContext) -> None:
        """Send once, to those who have not been asked or are to be asked again."""
        progress = self._progress(notification)
        waiting = [each.addr_spec for each in self._to if each.addr_spec not in progress.settled]
        if waiting:
            make = partial(mail, notification, self._sender, self._to)
            # A storm's mail takes a while to write.
            content = make() if len(notification.notices) <= _AT_ONCE else await ctx.in_thread(make)
            progress.take(waiting, await self._refused(waiting, content, ctx))
        self._judge(progress, ctx)

    async def _refused(self, recipients: list[str], content: bytes, ctx: ChannelContext) -> list[Refusal]:
        """Who of them the server would not take; the others have it now."""
        talk = partial(converse, await self._server(ctx), self._sender.addr_spec, recipients, content)
        try:
            # The client knows asyncio only; elsewhere it gets a loop of its own, in a thread.
            return await (talk() if _on_asyncio() else ctx.in_thread(lambda: asyncio.run(talk())))
        except DeliveryError as error:
            raise DeliveryError(self._clean(str(error)), retry=error.retry) from None

    def _judge(self, progress: _Progress, ctx: ChannelContext) -> None:
        """DeliveryError where somebody is to be asked again, or nobody has it.

        Who was refused for good does not make it untold for the others, who shall hear of the end: that is logged.
        """
        if progress.later:
            raise DeliveryError(self._clean(sentences(self.host, [*progress.later, *progress.never])))
        if not progress.has:
            raise DeliveryError(self._clean(sentences(self.host, progress.never)), retry=False)
        if progress.never:
            ctx.log.warning("channel %s: %s", ctx.channel, self._clean(sentences(self.host, progress.never)))
        vars(self)["_progress_of"].pop(progress.key, None)

    def _progress(self, notification: Notification) -> _Progress:
        """How far the notification got in earlier attempts."""
        known: dict[str, _Progress] = vars(self).setdefault("_progress_of", {})
        if len(known) >= _REMEMBERED and notification.key not in known:
            del known[next(iter(known))]
        if notification.attempt == 1:
            known.pop(notification.key, None)
        return known.setdefault(notification.key, _Progress(notification.key))

    async def _server(self, ctx: ChannelContext) -> Server:
        try:
            addresses = await ctx.resolve(self.host, self.port or _PORTS[self.security])
        except EgressRefused as error:
            raise DeliveryError(str(error), retry=False) from None
        except OSError as error:
            raise DeliveryError(f"cannot resolve {self.host}: {reason(error)}") from None
        return Server(
            host=self.host,
            addresses=addresses,
            security=self.security,
            tls=None if self.security == "none" else await self._tls(ctx),
            username=self.username,
            password=self.password,
            local=self.local_name or _own_name(),
            timeout=min(float(self.timeout), ctx.timeout),
        )

    async def _tls(self, ctx: ChannelContext) -> ssl.SSLContext:
        """Read once: the system's authorities take a while."""
        context: ssl.SSLContext | None = vars(self).get("_context")
        if context is None:
            try:
                context = await ctx.in_thread(partial(authorities, self.ca_file))
            except (OSError, ValueError) as error:
                raise DeliveryError(str(error), retry=False) from None
            vars(self)["_context"] = context
        return context

    def _clean(self, said: str) -> str:
        """In one line, and without the password, also as it goes over the wire."""
        for text in (self.password, f"\0{self.username}\0{self.password}") if self.password else ():
            said = said.replace(base64.b64encode(text.encode("utf-8", "replace")).decode(), "***")
        return wording.clean(mask(self, said), _SAID)

    @cached_property
    def _sender(self) -> Address:
        return mailbox(self.sender, "sender")

    @cached_property
    def _to(self) -> tuple[Address, ...]:
        found: dict[str, Address] = {}
        for text in self.to:
            address = mailbox(text, "to")
            found.setdefault(address.addr_spec, address)
        return tuple(found.values())


def _on_asyncio() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _is_ipv6(text: str) -> bool:
    try:
        socket.inet_pton(socket.AF_INET6, text)
    except (OSError, ValueError):
        return False
    return True


def _own_name() -> str:
    """The machine's name if it can stand in a greeting; asking DNS for a longer one could take a while."""
    name = socket.gethostname()
    return name if HOST.fullmatch(name) else "localhost"


@hookimpl
def auscult_channels() -> list[type[Channel]]:
    """Offer the channel."""
    return [EmailChannel]
