"""The check `database` against a real PostgreSQL server, and against things that are none.

asyncio only: psycopg's asynchronous connection knows no other loop. What the check says on trio is tested at the end.
"""

import re
import struct
import threading
from collections.abc import Iterator

import anyio
import pytest
from tests.servers.postgres import PASSWORD, Postgres, postgres, standby

from auscult import Component, Monitor, Status
from auscult.runtime.egress import EgressPolicy
from auscult_plugins.database import DatabaseCheck

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("postgres")]

EVERYTHING = {
    "size_bytes",
    "connections",
    "max_connections",
    "connections_percent",
    "commits",
    "rollbacks",
    "cache_hit_percent",
    "deadlocks",
    "slow_queries",
    "rows",
}


@pytest.fixture
def anyio_backend() -> str:
    """See the module's docstring."""
    return "asyncio"


@pytest.fixture(scope="session")
def running() -> Iterator[Postgres]:
    """One server for the module."""
    with postgres() as server:
        yield server


@pytest.fixture
def server(running: Postgres) -> Postgres:
    """The server, up whatever the test before did to it."""
    running.server.start()
    return running


async def test_a_server_in_order_tells_all_of_itself(server, look):
    """Every declared measurement but the replica's lag, with values that can be."""
    table = "CREATE TABLE IF NOT EXISTS filler AS SELECT generate_series(1, 20000) AS n"
    server.sql(table, "SELECT sum(n) FROM filler")
    result = await look(DatabaseCheck(url=server.url()))
    assert result.status is Status.HEALTHY, result.message
    assert result.message.startswith("PostgreSQL 1")
    numbers = result.measurements
    assert set(numbers) == EVERYTHING
    assert 1_000_000 < numbers["size_bytes"] < 1_000_000_000
    assert 1 <= numbers["connections"] < numbers["max_connections"] == 30
    assert numbers["connections_percent"] == pytest.approx(numbers["connections"] / 30 * 100)
    assert numbers["commits"] > 0
    assert numbers["cache_hit_percent"] > 10
    assert numbers["deadlocks"] == numbers["slow_queries"] == 0
    assert list(result.stages) == ["connect", "query"]
    assert result.response_time_ms == pytest.approx(sum(result.stages.values()) * 1000)


async def test_connections_count_clients_alone(server, watch):
    """The server's own processes (checkpointer, writers, launcher) take nobody's place: one client is one."""
    async with watch(DatabaseCheck(url=server.url())) as look:
        with anyio.fail_after(60):  # clients of the test before may still be leaving
            while (await look()).measurements["connections"] != 1:
                await anyio.sleep(0.05)


async def test_counters_follow_what_happens(server, watch):
    """A roll-back between two probes is one more roll-back; commits only grow."""
    import psycopg

    async with watch(DatabaseCheck(url=server.url())) as look:
        before = (await look()).measurements
        connection = psycopg.connect(server.url())
        connection.execute("SELECT 1")
        connection.rollback()
        connection.close()
        with anyio.fail_after(60):  # the server writes its statistics with a delay
            while (after := (await look()).measurements)["rollbacks"] == before["rollbacks"]:
                await anyio.sleep(0.1)
    assert after["rollbacks"] == before["rollbacks"] + 1
    assert after["commits"] >= before["commits"]


async def test_a_slow_query_is_seen_while_it_runs(server, watch):
    """Counted once it runs longer than `slow_query`, and not before."""
    import psycopg

    async with watch(DatabaseCheck(url=server.url(), slow_query=0.2)) as look:
        assert (await look()).measurements["slow_queries"] == 0
        with psycopg.connect(server.url()) as sleeper:
            thread = threading.Thread(target=_sleep_until_cancelled, args=(sleeper,))
            thread.start()
            with anyio.fail_after(60):
                while (await look()).measurements["slow_queries"] != 1:
                    await anyio.sleep(0.05)
            sleeper.cancel_safe()
            thread.join(10)


def _sleep_until_cancelled(connection) -> None:
    import psycopg

    with pytest.raises(psycopg.errors.QueryCanceled):
        connection.execute("SELECT pg_sleep(60)")


@pytest.mark.parametrize(
    ("query", "expect"),
    [("SELECT 42", 42), ("SELECT 42", "42"), ("SELECT 'ready'", "ready"), ("SELECT 2.5::float8", 2.5)],
)
async def test_what_the_query_has_to_return(server, look, query, expect):
    """Numbers and texts are compared as the user would."""
    result = await look(DatabaseCheck(url=server.url(), query=query, expect=expect, statistics=False))
    assert result.status is Status.HEALTHY, result.message
    assert set(result.measurements) == {"rows"}


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"query": "SELECT 41", "expect": 42}, "the query returned 41, expected 42"),
        ({"query": "SELECT 1 WHERE false", "expect": 42}, "the query returned nothing, expected 42"),
        ({"query": "SELECT 1 WHERE false", "min_rows": 1}, "the query returned 0 rows, expected at least 1"),
        ({"query": "SELEC 1"}, 'the query failed: syntax error at or near "SELEC"'),
        ({"query": "SELECT * FROM no_such"}, 'the query failed: relation "no_such" does not exist'),
    ],
)
async def test_a_wrong_answer_is_one_sentence(server, look, options, says):
    """The sentence says what was found and what was expected."""
    result = await look(DatabaseCheck(url=server.url(), **options))
    assert result.status is Status.UNHEALTHY
    assert result.message == says


async def test_a_failing_query_costs_no_connection(server, watch):
    """The next probe runs over the same connection: the fault is in the query."""
    check = DatabaseCheck(url=server.url(), query="SELECT 1/(count(*) - 1) FROM flips", statistics=False)
    server.sql("DROP TABLE IF EXISTS flips", "CREATE TABLE flips (n int)", "INSERT INTO flips VALUES (1)")
    async with watch(check) as look:
        assert (await look()).message == "the query failed: division by zero"
        server.sql("INSERT INTO flips VALUES (2)")
        result = await look()
    assert result.status is Status.HEALTHY
    assert "connect" not in result.stages


async def test_a_statement_without_rows_is_no_failure(server, look):
    """For example a function called for its effect."""
    assert (await look(DatabaseCheck(url=server.url(), query="SET statement_timeout = 0"))).status is Status.HEALTHY


async def test_a_kept_connection_is_kept(server, watch):
    """Connected once: the second probe has no such stage, and the server sees the same client."""
    check = DatabaseCheck(url=server.url(), query="SELECT pg_backend_pid()", expect=0)
    async with watch(check) as look:
        first, second = await look(), await look()
    assert first.message == second.message
    assert list(first.stages) == ["connect", "query"]
    assert list(second.stages) == ["query"]


async def test_a_restart_between_probes_goes_unnoticed(server, watch):
    """The kept connection is dead, and the server is well: the probe connects anew and says so."""
    async with watch(DatabaseCheck(url=server.url())) as look:
        assert (await look()).status is Status.HEALTHY
        await anyio.to_thread.run_sync(server.server.restart)
        result = await look()
    assert result.status is Status.HEALTHY, result.message
    assert list(result.stages) == ["connect", "query"]


async def test_stopped_and_started_again(server, watch):
    """Down is told as such, in words; up again is seen at the next probe."""
    async with watch(DatabaseCheck(url=server.url()), never=PASSWORD) as look:
        assert (await look()).status is Status.HEALTHY
        await anyio.to_thread.run_sync(server.server.stop)
        for _ in range(2):
            down = await look()
            assert down.status is Status.UNHEALTHY
            assert down.message == f"cannot connect to 127.0.0.1:{server.port}: Connection refused"
        await anyio.to_thread.run_sync(server.server.start)
        assert (await look()).status is Status.HEALTHY


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ({"password": "wr0ng-passw0rd"}, 'password authentication failed for user "auscult"'),
        ({"user": "nobody"}, 'password authentication failed for user "nobody"'),
        ({"database": "missing"}, 'database "missing" does not exist'),
        ({"password": ""}, "fe_sendauth: no password supplied"),
    ],
)
async def test_refusals_are_told_in_the_servers_words(server, watch, address, says):
    """One sentence: no trace of the driver, of addresses tried in between, or of the password."""
    secret = address.get("password") or "pg-s3cret"
    async with watch(DatabaseCheck(url=server.url(**address)), never=secret) as look:
        result = await look()
    assert result.status is Status.UNHEALTHY
    assert result.message == f"cannot connect to 127.0.0.1:{server.port}: {says}"


async def test_too_many_clients(server, look):
    """Over the limit, the server's own word for it."""
    import psycopg

    with_limit = "CREATE ROLE limited LOGIN PASSWORD 'sesame' CONNECTION LIMIT 1"
    server.sql("DROP ROLE IF EXISTS limited", with_limit)
    url = server.url("limited", "sesame")
    with psycopg.connect(url):
        result = await look(DatabaseCheck(url=url))
    assert result.message.endswith('too many connections for role "limited"')


async def test_many_connections_are_degraded(server, look):
    """Before the server refuses anybody."""
    result = await look(DatabaseCheck(url=server.url(), max_connections_percent=0.1))
    assert result.status is Status.DEGRADED
    assert re.fullmatch(r"\d+ % of the connections are in use, more than 0.1 %", result.message)


async def test_a_user_without_rights_still_probes(server, look):
    """Who may not see the statistics gets those that all may see, and the query's answer."""
    server.sql("DROP ROLE IF EXISTS plain", "CREATE ROLE plain LOGIN PASSWORD 'plain'")
    result = await look(DatabaseCheck(url=server.url("plain", "plain")))
    assert result.status is Status.HEALTHY
    assert set(result.measurements) == EVERYTHING - {"slow_queries"}


async def test_one_that_hangs_is_cut(deaf, watch):
    """Accepts and says nothing: the probe ends at its timeout, and the next one too."""
    url = f"postgresql://auscult:secret-word@127.0.0.1:{deaf}/x"
    async with watch(DatabaseCheck(url=url), 0.5, "secret-word") as look:
        for _ in range(2):
            result = await look()
            assert result.status is Status.UNHEALTHY
            assert result.message == "no answer within 0.5 s"
            assert result.duration < 20


async def test_a_query_that_hangs_is_cut_and_the_next_probe_is_sound(server, watch):
    """A lock held by somebody else: cut at the timeout, healthy once it is free."""
    import psycopg

    server.sql("DROP TABLE IF EXISTS locked", "CREATE TABLE locked (n int)")
    async with watch(DatabaseCheck(url=server.url(), query="SELECT count(*) FROM locked"), 1.0) as look:
        assert (await look()).status is Status.HEALTHY
        with psycopg.connect(server.url()) as holder:
            holder.execute("LOCK TABLE locked IN ACCESS EXCLUSIVE MODE")
            assert (await look()).message == "no answer within 1 s"
        with anyio.fail_after(60):
            while (result := await look()).status is not Status.HEALTHY:
                assert "no answer" not in result.message
        active = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%FROM locked' AND state = 'active'"
        assert server.sql(active) == [(0,)]


def _greeting_error(message: str) -> bytes:
    parts = {b"S": "FATAL", b"C": "XX000", b"M": message}
    fields = b"".join(kind + text.encode() + b"\0" for kind, text in parts.items())
    return b"E" + struct.pack("!I", len(fields) + 5) + fields + b"\0"


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", ("cannot connect to 127.0.0.1:",)),
        (b"", ("cannot connect to 127.0.0.1:", "closed the connection unexpectedly")),
        (b"\x00" * 200, ("cannot connect to 127.0.0.1:",)),
        (_greeting_error("the disk is full\nand so on"), ("cannot connect to 127.0.0.1:", "the disk is full")),
    ],
)
async def test_what_is_no_postgres(says, watch, words, parts):
    """Another protocol, silence, zeros, an error of several lines: each ends in one sentence."""
    url = f"postgresql://auscult:secret-word@127.0.0.1:{says(words)}/x?sslmode=disable"
    async with watch(DatabaseCheck(url=url), 3.0, "secret-word") as look:
        result = await look()
    assert result.status is Status.UNHEALTHY
    for part in parts:
        assert part in result.message
    assert len(result.message) < 200


async def test_a_name_that_does_not_resolve(watch):
    """The sentence names the name."""
    url = "postgresql://u:secret-word@no-such-host.invalid/x"
    async with watch(DatabaseCheck(url=url), never="secret-word") as look:
        result = await look()
    assert result.status is Status.UNHEALTHY
    assert result.message.startswith("cannot resolve no-such-host.invalid: ")


async def test_a_driver_suffix_in_the_url(server, look):
    """As SQLAlchemy's users have it."""
    url = server.url().replace("postgresql://", "postgresql+asyncpg://")
    assert (await look(DatabaseCheck(url=url))).status is Status.HEALTHY


async def test_a_standby_tells_how_far_behind_it_is(server, watch):
    """A primary has no lag; a standby that keeps up has none to speak of; one whose replay is paused falls behind."""
    with standby(server) as replica:
        async with watch(DatabaseCheck(url=replica.url(), max_lag=0.2)) as look:
            with anyio.fail_after(60):
                while (result := await look()).measurements.get("replication_lag_seconds") != 0:
                    await anyio.sleep(0.1)
            assert result.status is Status.HEALTHY
            replica.sql("SELECT pg_wal_replay_pause()")
            server.sql("CREATE TABLE IF NOT EXISTS written AS SELECT 1", "DROP TABLE written")
            with anyio.fail_after(60):
                while (result := await look()).status is Status.HEALTHY:
                    await anyio.sleep(0.1)
    assert result.status is Status.DEGRADED
    assert result.message.startswith("the replica is ")
    assert result.measurements["replication_lag_seconds"] > 0.2


def test_found_in_the_environment():
    """One of the usual variables, by name; the address itself is written nowhere."""
    secret = "postgresql://u:secret-word@db/x"
    for name in ("DATABASE_URL", "POSTGRES_URL", "POSTGRESQL_URL"):
        (found,) = DatabaseCheck.discover({name: secret})
        assert found.name == "database"
        assert found.check.url == secret
        assert found.settings == {"url": f"${{{name}}}"}
        assert "secret-word" not in repr(found)
    assert list(DatabaseCheck.discover({"DATABASE_URL": "mongodb://x"})) == []
    assert list(DatabaseCheck.discover({})) == []


def test_a_scheme_that_is_none_of_ours():
    """Refused when the configuration is read; the address is not repeated."""
    with pytest.raises(ValueError, match=r"`url` begins with mongodb://; expected postgresql://") as refusal:
        DatabaseCheck(url="mongodb://u:secret-word@db/x")
    assert "secret-word" not in str(refusal.value)


def test_on_trio_the_reading_says_that_the_driver_cannot():
    """One sentence, and no traceback of the driver's."""

    async def probe():
        component = Component(name="tried", check=DatabaseCheck(url="postgresql://127.0.0.1/x"))
        async with Monitor([component]) as monitor:
            return await monitor.check_now("tried")

    result = anyio.run(probe, backend="trio")
    assert result.status is Status.UNHEALTHY
    assert result.message == "the driver psycopg works on asyncio only, and this monitor runs on trio"


@pytest.mark.parametrize("url", ["postgresql://h:notaport/x", "postgresql://u:a%zzb@h/x", "postgresql://h/x?no_such=1"])
async def test_an_address_that_the_driver_does_not_read(look, url):
    """One sentence; the address, which may hold a password, is not repeated."""
    result = await look(DatabaseCheck(url=url))
    assert result.status is Status.UNHEALTHY
    assert result.message == "`url` is not understood: are all special characters in it quoted?"


async def test_the_egress_policy_holds(look):
    """The driver connects where the policy allows, and nowhere else."""
    policy = EgressPolicy(deny=["127.0.0.0/8"])
    result = await look(DatabaseCheck(url="postgresql://127.0.0.1/x"), policy=policy)
    assert result.status is Status.UNHEALTHY
    assert result.message.startswith("127.0.0.1 may not be connected to")
