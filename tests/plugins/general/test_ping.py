"""The check `ping` against the kernel's own answers: by socket, by the `ping` program, and where nobody answers."""

import os
import shutil
import socket
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.need import missing, program

from auscult import Status
from auscult.runtime.egress import EgressPolicy
from auscult_plugins.ping import PingCheck, _packet

pytestmark = pytest.mark.anyio


def _may_send_icmp() -> bool:
    try:
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP).close()
    except PermissionError:
        return os.geteuid() == 0
    return True


@pytest.fixture(params=["socket", "program"])
def way(request, monkeypatch):
    """Both ways to send: a socket of our own, and the `ping` program where that is not allowed."""
    if request.param == "program":
        program("ping", "iputils-ping")
        real = socket.socket

        def refusing(family=-1, kind=-1, protocol=-1, fileno=None):
            if protocol in (socket.IPPROTO_ICMP, socket.IPPROTO_ICMPV6):
                raise PermissionError(1, "Operation not permitted")
            return real(family, kind, protocol, fileno)

        monkeypatch.setattr(socket, "socket", refusing)
    elif not _may_send_icmp():
        missing("ICMP sockets are not allowed: sysctl -w net.ipv4.ping_group_range='0 2147483647'")
    return request.param


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_host_that_answers(look, way, host):
    """All requests are answered, and the times are in order."""
    result = await look(PingCheck(host=host))
    assert (result.status, result.message) == (Status.HEALTHY, "3 of 3 requests answered")
    measured = result.measurements
    assert set(measured) == {measurement.name for measurement in PingCheck.measurements}
    assert measured["packet_loss_percent"] == 0
    assert 0 <= measured["rtt_min_ms"] <= measured["rtt_avg_ms"] <= measured["rtt_max_ms"] < 10_000
    assert result.response_time_ms == measured["rtt_avg_ms"]


async def test_over_ipv6(look, way):
    """The same with addresses of the other kind."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        missing("this machine has no IPv6 loopback: sysctl -w net.ipv6.conf.lo.disable_ipv6=0")
    result = await look(PingCheck(host="::1", count=2))
    assert (result.status, result.message) == (Status.HEALTHY, "2 of 2 requests answered")


LOST = """
import anyio, pathlib, subprocess
from auscult.testing import probe_once
from auscult_plugins.ping import PingCheck

echo = pathlib.Path("/proc/sys/net/ipv4/icmp_echo_ignore_all")
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)

async def main():
    async def mute():
        await anyio.sleep(1.2)
        echo.write_text("1")

    async with anyio.create_task_group() as group:
        group.start_soon(mute)
        some = await probe_once(PingCheck(host="127.0.0.1", count=20, max_loss_percent=limit), timeout=12)
    none = await probe_once(PingCheck(host="127.0.0.1", count=2), timeout=3)
    print(some.status, some.message, sep="|")
    print(none.status, none.message, none.measurements["packet_loss_percent"], sep="|")

limit = LIMIT
import auscult_plugins.ping as ping
ping._PAUSE = 0.2
anyio.run(main)
"""


@pytest.mark.parametrize(("limit", "status"), [(0, "degraded"), (99, "healthy")])
def test_requests_that_are_lost(limit, status):
    """In a network of its own, whose kernel falls silent halfway: degraded beyond the limit; later nothing at all."""
    for name, package in (("unshare", "util-linux"), ("ip", "iproute2")):
        program(name, package)
    script = LOST.replace("LIMIT", str(limit))
    done = subprocess.run(
        [shutil.which("unshare") or "unshare", "-rn", sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    if "unshare failed" in done.stderr:
        missing("this user may not make networks: sysctl -w kernel.unprivileged_userns_clone=1")
    assert done.returncode == 0, done.stderr
    some, none = (line.split("|") for line in done.stdout.splitlines())
    assert some[0] == status, some
    answered = int(some[1].partition(" ")[0])
    assert 0 < answered < 20
    assert none == ["unhealthy", "127.0.0.1 answered none of 2 requests", "100.0"]


async def test_without_permission_and_without_the_program(look, monkeypatch, tmp_path):
    """One sentence that says both ways out."""
    monkeypatch.setattr(socket, "socket", _refuse_icmp(socket.socket))
    monkeypatch.setenv("PATH", str(tmp_path))
    result = await look(PingCheck(host="127.0.0.1"))
    assert result.status is Status.UNHEALTHY
    assert "net.ipv4.ping_group_range" in result.message
    assert "iputils-ping" in result.message


def _refuse_icmp(real):
    def refusing(family=-1, kind=-1, protocol=-1, fileno=None):
        if protocol == socket.IPPROTO_ICMP:
            raise PermissionError(1, "Operation not permitted")
        return real(family, kind, protocol, fileno)

    return refusing


async def test_a_name_that_does_not_exist(look):
    """Said of the name, not of the host."""
    result = await look(PingCheck(host="no-such-host.invalid"))
    assert result.status is Status.UNHEALTHY
    assert result.message.startswith("cannot resolve no-such-host.invalid: ")


async def test_the_egress_policy_holds(look):
    """Not asked, whatever is there."""
    result = await look(PingCheck(host="127.0.0.1"), policy=EgressPolicy(deny=["127.0.0.0/8"]))
    assert result.message.startswith("127.0.0.1 may not be connected to")


@given(st.integers(0, 65535), st.integers(0, 65535), st.binary(min_size=16, max_size=16))
def test_packets_add_up(identifier, sequence, payload):
    """The Internet checksum of the whole packet is zero (RFC 1071)."""
    packet = _packet(8, identifier, sequence, payload)
    total = sum(int.from_bytes(packet[i : i + 2]) for i in range(0, len(packet), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    assert total == 0xFFFF
    assert packet[8:] == payload
