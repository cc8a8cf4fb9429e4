"""One mail to one server over SMTP, on asyncio, with every way it can go wrong told apart."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct

from auscult import DeliveryError
from auscult_plugins._network import place, reason, tls_failure

if TYPE_CHECKING:
    import aiosmtplib

__all__ = ["Refusal", "Security", "Server", "converse"]

Security = Literal["starttls", "tls", "none"]
_FAREWELL = 2.0
"""Seconds that the server has to say goodbye once it has the mail."""


class Server(Struct, frozen=True):
    """Where a mail goes, and how."""

    host: str
    addresses: Sequence[tuple[str, int]]
    """What to connect to: literal addresses that the egress policy allows."""
    security: Security
    tls: ssl.SSLContext | None
    username: str
    password: str
    local: str
    """What we call ourselves."""
    timeout: float


class Refusal(Struct, frozen=True):
    """A recipient that the server would not take."""

    recipient: str
    code: int
    said: str


async def converse(server: Server, sender: str, recipients: Sequence[str], content: bytes) -> list[Refusal]:
    """Have the server take the mail for at least one recipient; gives those it refused. Raises DeliveryError."""
    import aiosmtplib

    client = None
    try:
        async with asyncio.timeout(server.timeout):
            client = await _connected(server)
            try:
                refused, _ = await client.sendmail(sender, recipients, content)
            except aiosmtplib.SMTPRecipientsRefused as error:
                return [_refusal(each.recipient, each.code, each.message) for each in error.recipients]
            with suppress(aiosmtplib.SMTPException, OSError):  # it has the mail, whatever comes now
                await client.quit(timeout=_FAREWELL)
            return [_refusal(name, response.code, response.message) for name, response in refused.items()]
    except TimeoutError:
        raise DeliveryError(f"{server.host}: no answer within {server.timeout:g} s") from None
    except aiosmtplib.SMTPResponseException as error:
        raise _answered(server.host, error) from None
    except aiosmtplib.SMTPNotSupported as error:
        raise DeliveryError(f"{server.host}: {error.message}", retry=False) from None
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        raise DeliveryError(_in_words(server, error)) from None
    finally:
        if client is not None:
            client.close()


async def _connected(server: Server) -> aiosmtplib.SMTP:
    """A client that has shaken hands and logged in."""
    import aiosmtplib

    client = aiosmtplib.SMTP(
        hostname=server.host,
        sock=await _socket(server),
        use_tls=server.security == "tls",
        start_tls=False,
        tls_context=server.tls,
        local_hostname=server.local,
        timeout=server.timeout,
    )
    try:
        await client.connect()
        await client.ehlo()
        if server.security == "starttls":
            if not client.supports_extension("starttls"):
                raise DeliveryError(
                    f"{server.host} offers no STARTTLS; `security` is tls or none, or the port another one", retry=False
                )
            await client.starttls()
            await client.ehlo()
        if server.username:
            await _log_in(client, server)
    except BaseException:
        client.close()
        raise
    return client


async def _log_in(client: aiosmtplib.SMTP, server: Server) -> None:
    if not client.supports_extension("auth"):
        raise DeliveryError(f"{server.host} offers no login; leave `username` out or change `security`", retry=False)
    if not client.supported_auth_methods:
        raise DeliveryError(f"{server.host} offers no way to log in that we know (PLAIN, LOGIN, CRAM-MD5)", retry=False)
    await client.login(server.username, server.password)


async def _socket(server: Server) -> socket.socket:
    """Connected to the first address that takes connections."""
    loop = asyncio.get_running_loop()
    for at, (address, port) in enumerate(server.addresses):
        connection = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
        connection.setblocking(False)
        try:
            await loop.sock_connect(connection, (address, port))
        except OSError as error:
            connection.close()
            if at + 1 == len(server.addresses):
                raise ConnectionError(f"cannot connect to {place(server.host, port)}: {reason(error)}") from error
        except BaseException:
            connection.close()
            raise
        else:
            return connection
    raise ConnectionError(f"{server.host} has no address")


def _refusal(recipient: str, code: int, said: Any) -> Refusal:
    return Refusal(recipient, code, str(said))


def is_final(code: int) -> bool:
    """Whether that answer stays the same however often one asks: 5xx, by RFC 5321."""
    return 500 <= code < 600


def _answered(host: str, error: aiosmtplib.SMTPResponseException) -> DeliveryError:
    import aiosmtplib

    about = {
        aiosmtplib.SMTPAuthenticationError: " to the login",
        aiosmtplib.SMTPSenderRefused: " to the sender's address",
        aiosmtplib.SMTPDataError: " to the mail",
    }.get(type(error), "")
    if error.code < 0:
        return DeliveryError(f"{host}: what it says is not SMTP; is it a mail server, and `security` right?")
    return DeliveryError(f"{host} answered {error.code}{about}: {error.message}", retry=not is_final(error.code))


def _in_words(server: Server, error: BaseException) -> str:
    """A failure to be tried again, as a sentence."""
    for each in _chain(error):
        if isinstance(each, ssl.SSLCertVerificationError):
            return f"the certificate of {server.host} does not verify: {each.verify_message}"
        if isinstance(each, ssl.SSLError):
            return tls_failure(each, server.host)
    if isinstance(error, ConnectionError) and str(error).startswith("cannot connect"):
        return str(error)
    root = _chain(error)[-1]
    return f"{server.host}: {reason(root) if isinstance(root, OSError) else root}"


def _chain(error: BaseException) -> list[BaseException]:
    found = [error]
    while (cause := found[-1].__cause__) is not None and len(found) < 10:
        found.append(cause)
    return found


def sentences(host: str, refused: Iterable[Refusal]) -> str:
    """Who was refused, and why."""
    return "; ".join(f"{host} refused {each.recipient}: {each.code} {each.said}" for each in refused)
