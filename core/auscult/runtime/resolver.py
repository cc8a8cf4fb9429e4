"""Names to addresses, under the egress policy. A literal address costs nothing; a name costs a thread.

`getaddrinfo` cannot be cancelled, so its threads are few and of our own: a name server that hangs uses them up, and
further look-ups say so after a moment instead of taking every thread there is.
"""

from __future__ import annotations

import socket
from functools import partial

import anyio
from anyio import to_thread

from auscult.runtime.egress import EgressPolicy

__all__ = ["Resolver"]

THREADS = 16
WAIT = 5.0
"""Seconds to wait for a free thread."""
_REASONS = {
    socket.EAI_NONAME: "the name does not exist",
    socket.EAI_AGAIN: "no name server answered",
    socket.EAI_FAIL: "the name server failed",
}


class Resolver:
    """Resolves for one event loop."""

    def __init__(self, policy: EgressPolicy) -> None:
        self._policy = policy
        self._limiter: anyio.CapacityLimiter | None = None

    async def resolve(self, host: str, port: int) -> list[tuple[str, int]]:
        """Addresses of `host` to try in order, as ``(literal address, port)``; those the policy forbids are left out.

        Raises OSError when there is none, EgressRefused when none is allowed.
        """
        if is_literal(host):
            self._policy.check(host)
            return [(host, port)]
        addresses = await self._look_up(host, port)
        allowed = [address for address in addresses if self._policy.allows(address[0])]
        if not allowed:
            self._policy.check(addresses[0][0])
        return allowed

    async def _look_up(self, host: str, port: int) -> list[tuple[str, int]]:
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(THREADS)
        with anyio.move_on_after(WAIT):
            # The thread itself gives the place back when it ends, also one that was abandoned.
            async with self._limiter:
                pass
        if not self._limiter.available_tokens:
            raise OSError(f"cannot resolve {host}: {THREADS} look-ups hang already, the name server is stuck")
        try:
            look = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
            found = await to_thread.run_sync(look, abandon_on_cancel=True, limiter=self._limiter)
        except socket.gaierror as error:
            reason = _REASONS.get(error.errno or 0, error.strerror or str(error))
            raise OSError(f"cannot resolve {host}: {reason}") from error
        except UnicodeError as error:
            raise OSError(f"cannot resolve {host!r}: it is not a host name") from error
        return list(dict.fromkeys((str(item[4][0]), port) for item in found))


def is_literal(host: str) -> bool:
    """Whether `host` is an address and not a name."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host)
        except (OSError, ValueError):
            continue
        return True
    return False
