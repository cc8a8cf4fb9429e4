"""dnsmasq as a name server with records of its own, that asks nobody else."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from tests.need import program
from tests.servers.process import Server, directory, free_port

__all__ = ["Dnsmasq", "dnsmasq"]

_RECORDS = """
host-record=web.test,192.0.2.1,2001:db8::1,300
address=/many.test/192.0.2.10
host-record=many.test,192.0.2.11
cname=www.test,web.test,60
mx-host=test,mail.test,10
txt-record=test,"v=spf1 -all","second part"
srv-host=_sip._tcp.test,web.test,5060,10,20
ptr-record=1.2.0.192.in-addr.arpa,web.test
host-record=a1.test,192.0.2.21
host-record=a1.test,192.0.2.22
local=/test/
"""


class Dnsmasq:
    """Where it is, as the check's `server` option wants it."""

    def __init__(self, server: Server) -> None:
        self.server, self.port = server, server.port
        self.address = f"127.0.0.1:{server.port}"


def _answers(port: int) -> bool:
    """Whether a query for the root gets any answer."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(0.2)
        try:
            asking.connect(("127.0.0.1", port))
            asking.send(b"\x12\x34\x01\x00\x00\x01\0\0\0\0\0\0\x03web\x04test\0\x00\x01\x00\x01")
            return asking.recv(512)[:2] == b"\x12\x34"
        except OSError:
            return False


@contextmanager
def dnsmasq() -> Iterator[Dnsmasq]:
    """Names end in ``.test``; every other name is refused."""
    binary = program("dnsmasq", "dnsmasq-base")
    with directory() as path:
        port = free_port()
        (path / "records").write_text(_RECORDS)
        command = [binary, "--keep-in-foreground", f"--conf-file={path}/records", f"--port={port}", "--no-resolv"]
        command += ["--no-hosts", "--listen-address=127.0.0.1", "--bind-interfaces", f"--pid-file={path}/pid"]
        command += ["--user=root", "--local-ttl=120", "--log-facility=-"]
        server = Server(command, port=port, log=path / "log", ready=lambda: _answers(port))
        server.start()
        try:
            yield Dnsmasq(server)
        finally:
            server.stop()
