"""A real mail server on the loopback (aiosmtpd), in a thread of its own, that can be told how to misbehave."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP as POLICY
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

__all__ = ["RESET", "Arrived", "MailServer", "mailing"]

RESET = "reset"
"""As an answer: the connection is reset instead."""


@dataclass(frozen=True)
class Arrived:
    """One mail that the server took, or would have taken when it broke off."""

    sender: str
    recipients: list[str]
    content: bytes
    login: str
    secure: bool

    @property
    def message(self) -> EmailMessage:
        """The mail, read."""
        made = message_from_bytes(self.content, policy=POLICY)
        assert isinstance(made, EmailMessage)
        return made

    @property
    def text(self) -> str:
        """The text part."""
        return self._part("plain")

    @property
    def html(self) -> str:
        """The HTML part."""
        return self._part("html")

    def _part(self, subtype: str) -> str:
        part = self.message.get_body((subtype,))
        assert part is not None
        content: str = part.get_content()
        return content.replace("\r\n", "\n")


class MailServer:
    """Takes mail into `taken`. `answers` stand in for its own, by command, each used once."""

    def __init__(self) -> None:
        self.port = 0
        self.taken: list[Arrived] = []
        self.broken: list[Arrived] = []
        """Mails whose content had come when the server broke off."""
        self.commands: list[str] = []
        self.answers: dict[str, deque[str]] = {}
        self.unknown: dict[str, str] = {}
        """Recipients with the answer that they always get."""
        self.logins: dict[str, str] = {}

    def answer(self, command: str, *answers: str) -> None:
        """Answer the next ones so: ``answer("RCPT", "451 4.7.1 greylisted")``."""
        self.answers.setdefault(command, deque()).extend(answers)

    def _next(self, command: str) -> str | None:
        waiting = self.answers.get(command)
        return waiting.popleft() if waiting else None

    # What aiosmtpd calls

    async def handle_EHLO(self, server: SMTP, session: Any, envelope: Any, name: str, said: list[str]) -> list[str]:
        """See aiosmtpd."""
        session.host_name = name
        self.commands.append(f"EHLO {name}")
        return said

    async def handle_MAIL(self, server: SMTP, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        """See aiosmtpd."""
        if answer := self._next("MAIL"):
            return _said(server, answer)
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, server: SMTP, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        """See aiosmtpd."""
        self.commands.append(f"RCPT {address}")
        if answer := self._next("RCPT") or self.unknown.get(address):
            return _said(server, answer)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:
        """See aiosmtpd."""
        login = session.auth_data.login.decode() if session.auth_data else ""
        arrived = Arrived(envelope.mail_from, list(envelope.rcpt_tos), envelope.content, login, _is_secure(server))
        if answer := self._next("DATA"):
            self.broken.append(arrived)
            return _said(server, answer)
        self.taken.append(arrived)
        return "250 2.0.0 taken"

    async def handle_QUIT(self, server: SMTP, session: Any, envelope: Any) -> str:
        """See aiosmtpd."""
        if self._next("QUIT"):
            await asyncio.sleep(30)
        return "221 Bye"

    def log_in(self, server: SMTP, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        """See aiosmtpd."""
        if answer := self._next("AUTH"):
            return AuthResult(success=False, handled=False, message=answer)
        assert isinstance(data, LoginPassword)
        known = self.logins.get(data.login.decode()) == data.password.decode()
        said = None if known else f"535 5.7.8 no: {data.password.decode()}"
        return AuthResult(success=known, handled=False, message=said, auth_data=data)


def _is_secure(server: SMTP) -> bool:
    return server.transport is not None and server.transport.get_extra_info("sslcontext") is not None


def _said(server: SMTP, answer: str) -> str:
    if answer == RESET:
        transport = server.transport
        assert transport is not None
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    return answer


@contextmanager
def mailing(
    *,
    tls: ssl.SSLContext | None = None,
    starttls: ssl.SSLContext | None = None,
    logins: Mapping[str, str] | None = None,
    port: int = 0,
) -> Iterator[MailServer]:
    """A mail server; with `tls` from the first byte, with `starttls` on request, with `logins` only for those."""
    server = MailServer()
    server.logins = dict(logins or {})

    def talk() -> SMTP:
        return SMTP(
            server,
            loop=loop,
            hostname="mail.test",
            tls_context=starttls,
            authenticator=server.log_in if logins else None,
            auth_required=bool(logins),
            auth_require_tls=not logins,
            enable_SMTPUTF8=False,
        )

    with _loop() as loop:
        listening = _call(loop, lambda: loop.create_server(talk, "127.0.0.1", port, ssl=tls))
        server.port = listening.sockets[0].getsockname()[1]
        try:
            yield server
        finally:
            loop.call_soon_threadsafe(listening.close)


def _call(loop: asyncio.AbstractEventLoop, work: Callable[[], Any]) -> Any:
    return asyncio.run_coroutine_threadsafe(work(), loop).result(10)


@contextmanager
def _loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda *_: None)  # resets that a test asked for
    thread = threading.Thread(target=loop.run_forever, daemon=True, name="mail-server")
    thread.start()
    try:
        yield loop
    finally:
        _call(loop, _end_tasks)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _end_tasks() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
