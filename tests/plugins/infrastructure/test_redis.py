"""The check `redis` against real Redis servers, and against things that are none."""

import re
import time
from collections.abc import Iterator

import anyio
import pytest
from tests.servers.certificates import Certificates
from tests.servers.process import free_port
from tests.servers.redis import Redis, redis

from auscult import Status
from auscult.runtime.egress import EgressPolicy
from auscult_plugins.redis import RedisCheck

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("redis")]

PASSWORD = "r3dis-s3cret"
ALWAYS = {
    "memory_bytes",
    "memory_fragmentation_ratio",
    "evicted_keys",
    "expired_keys",
    "connected_clients",
    "blocked_clients",
    "operations_per_second",
    "connected_replicas",
    "hit_ratio_percent",
}


async def probed(watch, check):
    """Once."""
    async with watch(check) as look:
        return await look()


@pytest.fixture(scope="session")
def running() -> Iterator[Redis]:
    """One server for the module, with a password."""
    with redis(password=PASSWORD) as server:
        yield server


@pytest.fixture
def server(running: Redis) -> Redis:
    """The server, up and empty whatever the test before did to it."""
    running.server.start()
    running.ask("FLUSHALL")
    return running


async def test_a_server_in_order_tells_all_of_itself(server, watch):
    """Every declared measurement but those of limits and replicas, with values that can be."""
    async with watch(RedisCheck(url=server.url()), never=PASSWORD) as look:
        await look()
        result = await look()
    assert result.status is Status.HEALTHY, result.message
    assert result.message.startswith(("Redis ", "Valkey "))
    assert result.message.endswith(", master")
    numbers = result.measurements
    assert set(numbers) == ALWAYS
    assert 100_000 < numbers["memory_bytes"] < 100_000_000
    assert numbers["connected_clients"] >= 1
    assert numbers["connected_replicas"] == numbers["blocked_clients"] == 0
    assert numbers["hit_ratio_percent"] > 0
    assert list(result.stages) == ["ping", "round_trip"]
    assert result.response_time_ms == pytest.approx(sum(result.stages.values()) * 1000)


async def test_the_first_probe_tells_the_time_to_connect(server, watch):
    """And only that one: it is no part of the PING."""
    async with watch(RedisCheck(url=server.url())) as look:
        assert list((await look()).stages) == ["connect", "login", "ping", "round_trip"]
        assert list((await look()).stages) == ["ping", "round_trip"]


async def test_a_key_is_written_read_and_forgotten_in_time(server, look):
    """The key bears the component's name, and expires by itself."""
    await look(RedisCheck(url=server.url(), key="mine"))
    assert server.ask("KEYS", "*") == "*1"
    assert 0 < int(server.ask("TTL", "mine:tried")[1:]) <= 60
    server.ask("FLUSHALL")
    await look(RedisCheck(url=server.url(), write=False))
    assert server.ask("DBSIZE") == ":0"


async def test_the_database_of_the_url_is_used(server, look):
    """Number 3 here."""
    await look(RedisCheck(url=server.url(database=3)))
    assert "db3:keys=1" in server.ask("INFO", "keyspace")


async def test_a_limit_of_memory_is_measured_and_evictions_counted(watch):
    """Memory in percent of the limit; keys thrown out. A cache that evicts may be full: no percentage is judged."""
    with redis("--maxmemory", "4mb") as server:
        async with watch(RedisCheck(url=server.url())) as look:
            numbers = (await look()).measurements
            assert numbers["memory_limit_bytes"] == 4 * 1024 * 1024
            assert numbers["memory_usage_percent"] == pytest.approx(numbers["memory_bytes"] / (4 << 20) * 100)
            assert numbers["evicted_keys"] == 0
            server.ask("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
            for index in range(60):
                server.ask("SET", f"big{index}", "x" * 100_000)
            numbers = (await look()).measurements
            assert numbers["evicted_keys"] > 0
            assert "memory_usage_percent" not in numbers


async def test_a_server_out_of_memory_takes_no_writes(look):
    """PING answers, and the round trip tells."""
    with redis() as server:
        server.ask("CONFIG", "SET", "maxmemory", "1")
        result = await look(RedisCheck(url=server.url()))
    assert result.status is Status.UNHEALTHY
    says = "the key auscult:probe:tried cannot be written and read: command not allowed when used memory > 'maxmemory'."
    assert result.message == says


@pytest.mark.parametrize(
    ("user", "password", "says"),
    [
        ("", "wr0ng-w0rd", "invalid username-password pair or user is disabled."),
        ("nobody", "wr0ng-w0rd", "invalid username-password pair or user is disabled."),
        ("", "", "Authentication required."),
    ],
)
async def test_a_wrong_password_is_told(server, watch, user, password, says):
    """In the server's words, without the password."""
    async with watch(RedisCheck(url=server.url(user, password)), never=password or PASSWORD) as look:
        for _ in range(2):
            result = await look()
            assert result.status is Status.UNHEALTHY
            assert result.message == f"the login is refused: {says}"


async def test_a_user_who_may_do_little(server, watch):
    """No INFO: the round trip is proven all the same. No SET: the sentence says so, and how to go on without."""
    rules = ("on", ">few-word", "resetkeys", "~auscult:*", "nocommands", "+ping", "+get", "+set")
    server.ask("ACL", "SETUSER", "few", *rules)
    async with watch(RedisCheck(url=server.url("few", "few-word")), never="few-word") as look:
        result = await look()
        assert result.status is Status.HEALTHY, result.message
        assert result.message == "PONG"
        assert result.measurements == {}
        assert "round_trip" in result.stages
    server.ask("ACL", "SETUSER", "few", "-set")
    result = await probed(watch, RedisCheck(url=server.url("few", "few-word")))
    assert result.status is Status.UNHEALTHY
    assert result.message.startswith("the key auscult:probe:tried cannot be written and read: ")
    assert "no permissions to run the 'set' command" in result.message
    result = await probed(watch, RedisCheck(url=server.url("few", "few-word"), write=False))
    assert result.status is Status.HEALTHY


async def test_a_database_that_is_not_there(server, look):
    """The server's own word."""
    result = await look(RedisCheck(url=server.url(database=99)))
    assert result.status is Status.UNHEALTHY
    assert "DB index is out of range" in result.message


async def test_a_restart_between_probes_goes_unnoticed(server, watch):
    """The kept connection is dead, and the server is well: the probe connects anew and says so."""
    async with watch(RedisCheck(url=server.url())) as look:
        await look()
        await anyio.to_thread.run_sync(server.server.restart)
        result = await look()
    assert result.status is Status.HEALTHY, result.message
    assert "connect" in result.stages


async def test_a_killed_connection_goes_unnoticed(server, watch):
    """As after the server's `timeout`."""
    async with watch(RedisCheck(url=server.url())) as look:
        await look()
        server.ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        assert (await look()).status is Status.HEALTHY


async def test_stopped_and_started_again(server, watch):
    """Down is told as such, in words; up again is seen at the next probe."""
    async with watch(RedisCheck(url=server.url()), never=PASSWORD) as look:
        assert (await look()).status is Status.HEALTHY
        await anyio.to_thread.run_sync(server.server.stop)
        for _ in range(2):
            down = await look()
            assert down.status is Status.UNHEALTHY
            assert down.message == f"cannot connect to 127.0.0.1:{server.port}: Connection refused"
        await anyio.to_thread.run_sync(server.server.start)
        assert (await look()).status is Status.HEALTHY


async def test_one_that_hangs_is_cut(deaf, watch):
    """Accepts and says nothing: the probe ends at its timeout, and the next one too."""
    async with watch(RedisCheck(url=f"redis://:secret-word@127.0.0.1:{deaf}/0"), 0.5, "secret-word") as look:
        for _ in range(2):
            result = await look()
            assert result.status is Status.UNHEALTHY
            assert result.message == "no answer within 0.5 s"
            assert result.duration < 20


async def test_a_server_that_pauses_is_cut_and_the_next_probe_is_sound(server, watch):
    """As a long script would: no late answer is taken for the next question's."""
    async with watch(RedisCheck(url=server.url()), 0.5) as look:
        assert (await look()).status is Status.HEALTHY
        server.ask("CLIENT", "PAUSE", "1500")
        begin = time.monotonic()
        assert (await look()).message == "no answer within 0.5 s"
        with anyio.fail_after(60):
            while (result := await look()).status is not Status.HEALTHY:
                assert result.message == "no answer within 0.5 s"
    assert time.monotonic() - begin > 0.9


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "what answers there is not Redis: it says b'HTTP/1.1 400 Bad Request' "),
        (b"SSH-2.0-OpenSSH_9.2", "what answers there is not Redis: it says b'SSH-2.0-OpenSSH_9.2' "),
        (b"\x00" * 200, "what answers there is not Redis: it says "),
        (b"$-7\r\n", "what answers there is not Redis: it says "),
        (b"$99999999999999999999\r\n", "what answers there is not Redis: it says "),
        (b"", "127.0.0.1:{port}: the server closed the connection"),
        (b"$100\r\nhalf", "127.0.0.1:{port}: the server closed the connection"),
        (b"-ERR max number of clients reached\r\n", "PING is refused: max number of clients reached"),
        (b"-LOADING Redis is loading the dataset in memory\r\n", "PING is refused: Redis is loading the dataset"),
    ],
)
async def test_what_is_no_redis(says, look, words, told):
    """Another protocol, silence, zeros, half an answer, errors only: each ends in one sentence."""
    port = says(words)
    result = await look(RedisCheck(url=f"redis://127.0.0.1:{port}/0"))
    assert result.status is Status.UNHEALTHY
    assert result.message.startswith(told.replace("{port}", str(port)))


async def test_one_that_answers_ping_and_lies(says, look):
    """What was written does not come back."""
    answers = b"+PONG\r\n" + b"$0\r\n\r\n" + b"+OK\r\n" + b"$3\r\nold\r\n"
    result = await look(RedisCheck(url=f"redis://127.0.0.1:{says(answers)}/0"))
    assert result.status is Status.UNHEALTHY
    assert re.fullmatch(r"wrote \d+ to the key auscult:probe:tried and read back old", result.message)


async def test_a_replica_that_follows_and_one_that_has_lost_its_master(server, watch):
    """No write is tried on it; the lag is measured; a lost master is degraded, by name."""
    options = ("--replicaof", f"127.0.0.1 {server.port}", "--repl-timeout", "2", "--repl-ping-replica-period", "1")
    with redis(*options, password=PASSWORD) as replica:
        async with watch(RedisCheck(url=replica.url())) as look, watch(RedisCheck(url=server.url())) as look_master:
            with anyio.fail_after(60):
                while "replication_lag_seconds" not in (result := await look()).measurements:
                    await anyio.sleep(0.1)
            assert result.status is Status.HEALTHY, result.message
            assert result.message.endswith(", slave")
            assert "round_trip" not in result.stages
            assert (await look_master()).measurements["connected_replicas"] == 1
            await anyio.to_thread.run_sync(server.server.stop)
            with anyio.fail_after(60):
                while (result := await look()).status is Status.HEALTHY:
                    await anyio.sleep(0.1)
    assert result.status is Status.DEGRADED
    assert result.message == f"the replica has lost its master 127.0.0.1:{server.port}"


async def test_a_failed_save_is_degraded(look, tmp_path):
    """The disk refuses: the server works, and would lose its data."""
    place = tmp_path / "gone"
    place.mkdir()
    with redis("--dir", str(place)) as server:
        server.ask("CONFIG", "SET", "stop-writes-on-bgsave-error", "no")
        place.rmdir()
        server.ask("SET", "a", "b")
        server.ask("BGSAVE")
        with anyio.fail_after(60):
            while "rdb_last_bgsave_status:err" not in server.ask("INFO", "persistence"):
                await anyio.sleep(0.05)
        result = await look(RedisCheck(url=server.url()))
    assert result.status is Status.DEGRADED
    assert result.message == "the last background save failed: see the server's log and its disk"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory) -> Certificates:
    """An authority of our own."""
    return Certificates(tmp_path_factory.mktemp("certificates"))


async def test_over_tls(watch, certificates):
    """Verified by an authority that the URL names, not verified where it says so, and else refused in words."""
    certificate, key = certificates.issue("localhost")
    options = ["--tls-cert-file", certificate, "--tls-key-file", key, "--tls-auth-clients", "no"]
    port = free_port()
    with redis("--tls-port", str(port), *options, "--tls-ca-cert-file", certificates.authority, password=PASSWORD):
        url = f"rediss://:{PASSWORD}@localhost:{port}/0"
        for query in (f"?ssl_ca_certs={certificates.authority}", "?ssl_cert_reqs=none", "?ssl_cert_reqs=CERT_NONE"):
            result = await probed(watch, RedisCheck(url=url + query))
            assert result.status is Status.HEALTHY, result.message
            assert list(result.stages) == ["connect", "tls", "login", "ping", "round_trip"]
        result = await probed(watch, RedisCheck(url=url))
        assert result.message.startswith("the certificate of localhost does not verify: ")
        wrong = url.replace("localhost", "127.0.0.1") + f"?ssl_ca_certs={certificates.authority}"
        result = await probed(watch, RedisCheck(url=wrong))
        assert result.message.startswith("the certificate of 127.0.0.1 does not verify: IP address mismatch")
        result = await probed(watch, RedisCheck(url=url + "?ssl_ca_certs=/no/such/file"))
        assert result.message == "a file that the `url` names for TLS does not exist"


async def test_tls_where_none_is_spoken(server, look):
    """The usual mistake, in words."""
    result = await look(RedisCheck(url=server.url().replace("redis://", "rediss://")), timeout=1)
    assert result.status is Status.UNHEALTHY
    assert result.message == f"TLS with 127.0.0.1:{server.port} failed: no answer within 0.8 s; is TLS spoken there?"


async def test_over_a_unix_socket(look, tmp_path):
    """`unix://` and a path."""
    with redis("--unixsocket", str(tmp_path / "s")) as server:
        result = await look(RedisCheck(url=f"unix://{tmp_path}/s"))
        assert result.status is Status.HEALTHY, result.message
        server.server.stop()
        result = await look(RedisCheck(url=f"unix://{tmp_path}/s"))
        assert result.message.startswith(f"cannot connect to {tmp_path}/s: ")


@pytest.mark.parametrize("name", ["REDIS_URL", "VALKEY_URL", "REDIS_TLS_URL"])
def test_found_in_the_environment(name):
    """By the variable's name; the address itself is written nowhere."""
    (found,) = RedisCheck.discover({name: "redis://:secret-word@cache:6379/0"})
    assert found.name == "redis"
    assert found.settings == {"url": f"${{{name}}}"}
    assert "secret-word" not in repr(found)
    assert not list(RedisCheck.discover({}))


@pytest.mark.parametrize("url", ["http://u:secret-word@h/0", "redis://u:secret-word@h:notaport/0", "h:6379"])
def test_an_address_that_is_not_understood(url):
    """Refused when the configuration is read; it is not repeated, as it may hold a password."""
    with pytest.raises(ValueError, match="`url`") as refusal:
        RedisCheck(url=url)
    assert "secret-word" not in str(refusal.value)


async def test_the_egress_policy_holds(look):
    """The driver connects where the policy allows, and nowhere else."""
    result = await look(RedisCheck(url="redis://127.0.0.1/0"), policy=EgressPolicy(deny=["127.0.0.0/8"]))
    assert result.message.startswith("127.0.0.1 may not be connected to")
