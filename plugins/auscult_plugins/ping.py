"""The `ping` check: ICMP echo, without privileges where the system allows it, else through the `ping` program."""

from __future__ import annotations

import math
import os
import re
import socket
import struct
import time
from typing import Annotated

import anyio
from msgspec import Meta

from auscult import Check, CheckContext, Measurement, Reading, Status, hookimpl

__all__ = ["PingCheck", "auscult_checks"]

_PAUSE = 0.05
"""Seconds between requests."""


class PingCheck(Check):
    """A host answers to ICMP echo requests."""

    kind = "ping"
    measurements = (
        Measurement("packet_loss_percent", "percent", "Requests without an answer."),
        Measurement("rtt_min_ms", "ms", "Fastest answer."),
        Measurement("rtt_avg_ms", "ms", "Mean time to the answer."),
        Measurement("rtt_max_ms", "ms", "Slowest answer."),
    )

    host: Annotated[str, Meta(min_length=1)]
    """Name or address."""
    count: Annotated[int, Meta(ge=1, le=20)] = 3
    """Requests to send."""
    max_loss_percent: Annotated[float, Meta(ge=0, le=100)] = 0
    """Loss beyond which the component is degraded; without any answer it is unhealthy."""

    async def probe(self, ctx: CheckContext) -> Reading:
        """Send the requests, wait for the answers."""
        address = (await ctx.resolve(self.host, 0))[0][0]
        limit = max((ctx.timeout - 0.2) / self.count - _PAUSE, 0.05)
        try:
            times = await ctx.in_thread(lambda: _by_socket(address, self.count, limit))
        except PermissionError:
            times = await _by_program(address, self.count, limit)
        return self._judge(times)

    def _judge(self, times: list[float]) -> Reading:
        loss = (1 - len(times) / self.count) * 100
        if not times:
            return Reading.unhealthy(f"{self.host} answered none of {self.count} requests", packet_loss_percent=100.0)
        counted = {
            "packet_loss_percent": loss,
            "rtt_min_ms": min(times) * 1000,
            "rtt_avg_ms": math.fsum(times) / len(times) * 1000,
            "rtt_max_ms": max(times) * 1000,
        }
        status = Status.DEGRADED if loss > self.max_loss_percent else Status.HEALTHY
        message = f"{len(times)} of {self.count} requests answered"
        return Reading(status, message, counted, {}, counted["rtt_avg_ms"])


def _by_socket(address: str, count: int, limit: float) -> list[float]:
    """Round-trip times in seconds; raises PermissionError where such sockets are not allowed."""
    six = ":" in address
    family, protocol = (socket.AF_INET6, socket.IPPROTO_ICMPV6) if six else (socket.AF_INET, socket.IPPROTO_ICMP)
    try:
        echo = socket.socket(family, socket.SOCK_DGRAM, protocol)
        raw = False
    except PermissionError:
        echo = socket.socket(family, socket.SOCK_RAW, protocol)
        raw = True
    with echo:
        echo.connect((address, 0))
        times = []
        for sequence in range(count):
            if (seconds := _once(echo, sequence, limit, six=six, raw=raw)) is not None:
                times.append(seconds)
            time.sleep(_PAUSE if sequence + 1 < count else 0)
    return times


def _once(echo: socket.socket, sequence: int, limit: float, *, six: bool, raw: bool) -> float | None:
    identifier = os.getpid() & 0xFFFF
    payload = os.urandom(16)
    begin = time.perf_counter()
    try:
        echo.send(_packet(128 if six else 8, identifier, sequence, payload))
        while (left := limit - (time.perf_counter() - begin)) > 0:
            echo.settimeout(left)
            answer = echo.recv(2048)
            body = answer[20:] if raw and not six else answer
            if body[:1] == (b"\x81" if six else b"\x00") and body[8:24] == payload:
                return time.perf_counter() - begin
    except OSError:
        return None
    return None


def _packet(kind: int, identifier: int, sequence: int, payload: bytes) -> bytes:
    """An echo request (RFC 792, RFC 4443); the kernel sums ICMPv6 itself."""
    head = struct.pack("!BBHHH", kind, 0, 0, identifier, sequence)
    data = head + payload
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    checksum = ~(total + (total >> 16)) & 0xFFFF
    return struct.pack("!BBHHH", kind, 0, checksum, identifier, sequence) + payload


async def _by_program(address: str, count: int, limit: float) -> list[float]:
    try:
        done = await anyio.run_process(
            ["ping", "-n", "-c", str(count), "-i", "0.2", "-W", str(max(math.ceil(limit), 1)), address], check=False
        )
    except FileNotFoundError as error:
        raise PermissionError(
            "this user may not send ICMP and there is no `ping` program: "
            "allow it with net.ipv4.ping_group_range, or install iputils-ping"
        ) from error
    return [float(value) / 1000 for value in re.findall(r"time[=<]([\d.]+) ?ms", done.stdout.decode(errors="replace"))]


@hookimpl
def auscult_checks() -> list[type[Check]]:
    """Offer the check."""
    return [PingCheck]
