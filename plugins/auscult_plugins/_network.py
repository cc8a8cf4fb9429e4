"""Connecting, in clear and over TLS, with errors that are sentences: what several checks need."""

from __future__ import annotations

import os
import ssl
from collections.abc import Sequence
from pathlib import Path

import anyio
from anyio.abc import ByteStream
from anyio.streams.tls import TLSStream

__all__ = ["authorities", "connect_tcp", "place", "reason", "secured", "tls_failure"]


def place(host: str, port: int) -> str:
    """Host and port for people."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def reason(error: BaseException) -> str:
    """The system's own words for what went wrong, without what a library wraps around them."""
    while isinstance(error.__cause__, OSError):
        error = error.__cause__
    if isinstance(error, ExceptionGroup):
        return reason(error.exceptions[-1])
    number = getattr(error, "errno", None)
    return os.strerror(number) if number and number > 0 else str(error) or type(error).__name__


async def connect_tcp(addresses: Sequence[tuple[str, int]]) -> ByteStream:
    """To the first address that takes connections. Raises ConnectionError for the last."""
    for index, (address, port) in enumerate(addresses):
        try:
            return await anyio.connect_tcp(address, port)
        except OSError as error:
            if index + 1 == len(addresses):
                raise ConnectionError(f"cannot connect to {place(address, port)}: {reason(error)}") from error
    raise ConnectionError("the name has no address")


def authorities(ca_file: str, *, verify: bool = True) -> ssl.SSLContext:
    """A context for a client that believes the system's authorities, or those in `ca_file`.

    Raises FileNotFoundError and ValueError that name the option.
    """
    if ca_file and not Path(ca_file).is_file():
        raise FileNotFoundError(f"`ca_file`: there is no file {ca_file}")
    try:
        context = ssl.create_default_context(cafile=ca_file or None)
    except ssl.SSLError as error:
        raise ValueError(f"`ca_file`: {ca_file} holds no certificate in PEM form") from error
    if not verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def tls_failure(error: BaseException, where: str) -> str:
    """A handshake that failed for another reason than the certificate, as a sentence."""
    why = (getattr(error, "reason", None) or "the connection was closed").replace("_", " ").lower()
    doubt = "; is TLS spoken there?" if "version number" in why or "record" in why else ""
    return f"TLS with {where} failed: {why}{doubt}"


async def secured(stream: ByteStream, host: str, port: int, context: ssl.SSLContext, name: str = "") -> TLSStream:
    """Shake hands over `stream`, verifying `name` or else `host`.

    Raises ssl.SSLCertVerificationError as it is, ConnectionError for everything else.
    """
    try:
        return await TLSStream.wrap(stream, hostname=name or host, ssl_context=context, standard_compatible=False)
    except ssl.SSLCertVerificationError:
        raise
    except (ssl.SSLError, anyio.BrokenResourceError, anyio.EndOfStream) as error:
        raise ConnectionError(tls_failure(error, place(host, port))) from error
