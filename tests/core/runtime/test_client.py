"""The HTTP client that plugins are given, against real servers on the loopback."""

import contextlib
import socket

import anyio
import httpx
import pytest

from auscult import __version__
from auscult.errors import EgressRefused
from auscult.runtime.client import make_client
from auscult.runtime.egress import EgressPolicy
from auscult.runtime.resolver import Resolver

pytestmark = pytest.mark.anyio


@contextlib.asynccontextmanager
async def serving(answer, host="127.0.0.1"):
    """A server that answers each request head with `answer(head)`; yields its port and the heads it saw."""
    heads = []

    async def handle(stream):
        async with stream:
            head = b""
            while b"\r\n\r\n" not in head:
                try:
                    head += await stream.receive()
                except (anyio.EndOfStream, anyio.BrokenResourceError):
                    return
            heads.append(head.decode())
            with contextlib.suppress(anyio.BrokenResourceError):
                await stream.send(answer(head.decode()))

    listener = await anyio.create_tcp_listener(local_host=host)
    async with anyio.create_task_group() as group:
        group.start_soon(listener.serve, handle)
        yield listener.extra(anyio.abc.SocketAttribute.local_port), heads
        group.cancel_scope.cancel()
    await listener.aclose()


def ok(head):
    return b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


async def test_it_gets_what_is_there():
    """A plain request over asyncio and trio, with a name of our own on it and nothing from the environment."""
    async with serving(ok) as (port, heads), make_client(EgressPolicy()) as http:
        reply = await http.get(f"http://127.0.0.1:{port}/x?y=1")
        assert (reply.status_code, reply.text) == (200, "hi")
    assert heads[0].startswith("GET /x?y=1 HTTP/1.1\r\n")
    assert f"User-Agent: auscult/{__version__}\r\n" in heads[0]


async def test_a_name_keeps_its_host_header():
    """It connects to the address and asks for the name."""
    policy = EgressPolicy()
    resolver = Resolver(policy, look_up=lambda host: ["127.0.0.1"])
    async with serving(ok) as (port, heads), make_client(policy, resolver) as http:
        assert (await http.get(f"http://kb.example:{port}/")).status_code == 200
    assert f"Host: kb.example:{port}\r\n" in heads[0]


async def test_the_next_address_is_tried():
    """A name whose first address refuses is reached at its second."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.2", 0))  # bound, not listening: refused
        policy = EgressPolicy()
        resolver = Resolver(policy, look_up=lambda host: ["127.0.0.2", "127.0.0.1"])
        async with serving(ok) as (port, _), make_client(policy, resolver) as http:
            assert (await http.get(f"http://two.example:{port}/")).status_code == 200


async def test_redirects_are_not_followed():
    """Whoever wants to follow has to do so knowingly."""

    def elsewhere(head):
        return b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"

    async with serving(elsewhere) as (port, _), make_client(EgressPolicy()) as http:
        assert (await http.get(f"http://127.0.0.1:{port}/")).status_code == 302


async def test_a_followed_redirect_passes_the_policy():
    """Each hop is judged; a redirect to the metadata service ends there."""

    def metadata(head):
        return b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/latest\r\nContent-Length: 0\r\n\r\n"

    async with serving(metadata) as (port, _), make_client(EgressPolicy()) as http:
        with pytest.raises(EgressRefused):
            await http.get(f"http://127.0.0.1:{port}/", follow_redirects=True)


async def test_proxies_of_the_environment_are_ignored(monkeypatch):
    """A proxy would undo the policy."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    async with serving(ok) as (port, _), make_client(EgressPolicy()) as http:
        assert (await http.get(f"http://127.0.0.1:{port}/")).status_code == 200


async def test_connections_are_not_kept():
    """Two requests, two connections."""
    connections = 0

    async def handle(stream):
        nonlocal connections
        connections += 1
        async with stream:
            await stream.receive()
            await stream.send(ok(""))

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    async with listener, anyio.create_task_group() as group, make_client(EgressPolicy()) as http:
        group.start_soon(listener.serve, handle)
        port = listener.extra(anyio.abc.SocketAttribute.local_port)
        for _ in range(2):
            await http.get(f"http://127.0.0.1:{port}/")
        group.cancel_scope.cancel()
    assert connections == 2


async def test_a_name_that_does_not_resolve_is_a_connect_error():
    """Plugins catch what httpx documents; the sentence is the resolver's."""

    def fails(host):
        raise socket.gaierror(socket.EAI_NONAME, "x")

    policy = EgressPolicy()
    async with make_client(policy, Resolver(policy, look_up=fails)) as http:
        with pytest.raises(httpx.ConnectError, match=r"cannot resolve nowhere\.example: there is no such name"):
            await http.get("http://nowhere.example/")


async def test_a_hanging_name_server_is_a_connect_timeout():
    """The connect timeout covers the look-up."""
    import time

    policy = EgressPolicy()
    resolver = Resolver(policy, look_up=lambda host: time.sleep(0.5) or ["127.0.0.1"])
    async with make_client(policy, resolver) as http:
        with pytest.raises(httpx.ConnectTimeout, match=r"cannot resolve slow\.example within 0\.05 s"):
            await http.get("http://slow.example/", timeout=0.05)


async def test_a_refused_connection_and_a_broken_body_are_httpx_errors():
    """Failures on the way and in the body are told apart as httpx does."""

    def short(head):
        return b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhi"

    async with serving(short) as (port, _), make_client(EgressPolicy()) as http:
        with pytest.raises(httpx.RemoteProtocolError):
            await http.get(f"http://127.0.0.1:{port}/")
    async with make_client(EgressPolicy()) as http:
        with pytest.raises(httpx.ConnectError):
            await http.get(f"http://127.0.0.1:{port}/")


async def test_a_server_that_says_nothing_is_a_read_timeout():
    """A half-open connection ends with the timeout."""

    async def silent(stream):
        async with stream:
            await anyio.sleep(5)

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    async with listener, anyio.create_task_group() as group, make_client(EgressPolicy()) as http:
        group.start_soon(listener.serve, silent)
        port = listener.extra(anyio.abc.SocketAttribute.local_port)
        with pytest.raises(httpx.ReadTimeout):
            await http.get(f"http://127.0.0.1:{port}/", timeout=0.1)
        group.cancel_scope.cancel()


def test_nothing_is_loaded_before_it_is_needed():
    """`import auscult` and a client that sends nothing read no certificate authorities."""
    import subprocess
    import sys

    program = "import sys, auscult; assert not {'httpx', 'httpcore'} & set(sys.modules), 'too early'"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=30)
    assert make_client(EgressPolicy())._transport._opened is None
