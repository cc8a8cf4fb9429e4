"""The check `database` against a real MariaDB server, and against things that are none.

asyncio only: aiomysql knows no other loop. What the check says on trio is tested at the end.
"""

import threading
from collections.abc import Iterator

import anyio
import pymysql
import pytest
from tests.servers.mariadb import PASSWORD, MariaDb, mariadb

from auscult import Component, Monitor, Status
from auscult.runtime.egress import EgressPolicy
from auscult_plugins.database import DatabaseCheck

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("mariadb")]

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
def running() -> Iterator[MariaDb]:
    """One server for the module."""
    with mariadb() as server:
        yield server


@pytest.fixture
def server(running: MariaDb) -> MariaDb:
    """The server, up whatever the test before did to it."""
    running.server.start()
    return running


@pytest.mark.parametrize("scheme", ["mysql", "mariadb", "mysql+aiomysql"])
async def test_a_server_in_order_tells_all_of_itself(server, look, scheme):
    """Every declared measurement but the replica's lag, with values that can be."""
    server.sql("CREATE TABLE IF NOT EXISTS shop.filler (n INT)", "INSERT INTO shop.filler VALUES (1), (2), (3)")
    result = await look(DatabaseCheck(url=server.url(scheme=scheme)))
    assert result.status is Status.HEALTHY, result.message
    assert result.message.startswith("MariaDB 1")
    numbers = result.measurements
    assert set(numbers) == EVERYTHING
    assert 16_384 <= numbers["size_bytes"] < 100_000_000
    assert 1 <= numbers["connections"] < numbers["max_connections"] == 40
    assert numbers["connections_percent"] == pytest.approx(numbers["connections"] / 40 * 100)
    assert numbers["cache_hit_percent"] > 10
    assert numbers["deadlocks"] == numbers["slow_queries"] == 0
    assert list(result.stages) == ["connect", "query"]
    assert result.response_time_ms == pytest.approx(sum(result.stages.values()) * 1000)


async def test_counters_follow_what_happens(server, watch):
    """A commit and a roll-back between two probes are one more of each."""
    async with watch(DatabaseCheck(url=server.url())) as look:
        before = (await look()).measurements
        server.sql("BEGIN", "ROLLBACK", "BEGIN", "COMMIT")
        after = (await look()).measurements
    assert after["rollbacks"] == before["rollbacks"] + 1
    assert after["commits"] == before["commits"] + 1


async def test_a_slow_query_is_seen_while_it_runs(server, watch):
    """Counted once it runs longer than `slow_query`, and not before."""
    async with watch(DatabaseCheck(url=server.url(), slow_query=1)) as look:
        assert (await look()).measurements["slow_queries"] == 0
        with server.connect() as sleeper, sleeper.cursor() as cursor:
            thread = threading.Thread(target=_sleep_until_killed, args=(cursor,))
            thread.start()
            with anyio.fail_after(60):
                while (await look()).measurements["slow_queries"] != 1:
                    await anyio.sleep(0.1)
            server.sql(f"KILL QUERY {sleeper.thread_id()}")
            thread.join(10)


def _sleep_until_killed(cursor) -> None:
    with pytest.raises(pymysql.err.OperationalError, match="interrupted"):
        cursor.execute("SELECT SLEEP(60)")


@pytest.mark.parametrize(
    ("query", "expect"), [("SELECT 42", 42), ("SELECT 42", "42"), ("SELECT 'ready'", "ready"), ("SELECT 2.5", 2.5)]
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
        ({"query": "SELEC 1"}, "the query failed: You have an error in your SQL syntax"),
        ({"query": "SELECT * FROM no_such"}, "the query failed: Table 'shop.no_such' doesn't exist"),
    ],
)
async def test_a_wrong_answer_is_one_sentence(server, look, options, says):
    """The sentence says what was found and what was expected."""
    result = await look(DatabaseCheck(url=server.url(), **options))
    assert result.status is Status.UNHEALTHY
    assert result.message.startswith(says)


async def test_a_failing_query_costs_no_connection(server, watch):
    """The next probe runs over the same connection: the fault is in the query."""
    server.sql("DROP TABLE IF EXISTS shop.flips")
    async with watch(DatabaseCheck(url=server.url(), query="SELECT * FROM flips", statistics=False)) as look:
        assert (await look()).message == "the query failed: Table 'shop.flips' doesn't exist"
        server.sql("CREATE TABLE shop.flips (n INT)")
        result = await look()
    assert result.status is Status.HEALTHY
    assert "connect" not in result.stages


async def test_a_statement_without_rows_is_no_failure(server, look):
    """For example one that sets something."""
    result = await look(DatabaseCheck(url=server.url(), query="SET @x = 1"))
    assert result.status is Status.HEALTHY, result.message


async def test_a_percent_sign_in_the_query_is_its_own(server, look):
    """No parameters are put in."""
    result = await look(DatabaseCheck(url=server.url(), query="SELECT 'a%b' LIKE 'a\\%b'", expect=1))
    assert result.status is Status.HEALTHY, result.message


async def test_a_restart_between_probes_goes_unnoticed(server, watch):
    """The kept connection is dead, and the server is well: the probe connects anew and says so."""
    async with watch(DatabaseCheck(url=server.url())) as look:
        assert list((await look()).stages) == ["connect", "query"]
        assert list((await look()).stages) == ["query"]
        await anyio.to_thread.run_sync(server.server.restart)
        result = await look()
    assert result.status is Status.HEALTHY, result.message
    assert list(result.stages) == ["connect", "query"]


async def test_a_killed_connection_goes_unnoticed(server, watch):
    """As after the server's `wait_timeout`."""
    async with watch(DatabaseCheck(url=server.url())) as look:
        await look()
        ((number,),) = server.sql("SELECT id FROM information_schema.processlist WHERE user = 'auscult'")
        server.sql(f"KILL CONNECTION {number}")
        result = await look()
    assert result.status is Status.HEALTHY, result.message


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
        ({"password": "wr0ng-passw0rd"}, "Access denied for user 'auscult'@'127.0.0.1' (using password: YES)"),
        ({"user": "nobody"}, "Access denied for user 'nobody'@'127.0.0.1' (using password: YES)"),
        ({"password": ""}, "Access denied for user 'auscult'@'127.0.0.1' (using password: NO)"),
        ({"database": "missing"}, "Unknown database 'missing'"),
    ],
)
async def test_refusals_are_told_in_the_servers_words(server, watch, address, says):
    """One sentence: no trace of the driver and its numbers, or of the password."""
    async with watch(DatabaseCheck(url=server.url(**address)), never=address.get("password") or PASSWORD) as look:
        result = await look()
    assert result.status is Status.UNHEALTHY
    assert result.message == f"cannot connect to 127.0.0.1:{server.port}: {says}"


async def test_too_many_clients(server, look):
    """Over the limit, the server's own word for it."""
    server.sql(
        "CREATE OR REPLACE USER limited@'127.0.0.1' IDENTIFIED BY 'limited' WITH MAX_USER_CONNECTIONS 1",
        "GRANT SELECT ON shop.* TO limited@'127.0.0.1'",
    )
    with pymysql.connect(host="127.0.0.1", port=server.port, user="limited", password="limited"):
        result = await look(DatabaseCheck(url=server.url("limited", "limited")))
    assert "max_user_connections" in result.message


async def test_a_user_without_rights_still_probes(server, look):
    """Who may not see others' queries gets no number of slow ones, which would be his own alone."""
    server.sql(
        "CREATE OR REPLACE USER plain@'127.0.0.1' IDENTIFIED BY 'plain'", "GRANT SELECT ON shop.* TO plain@'127.0.0.1'"
    )
    server.sql("CREATE TABLE IF NOT EXISTS shop.filler (n INT)")
    result = await look(DatabaseCheck(url=server.url("plain", "plain")))
    assert result.status is Status.HEALTHY, result.message
    assert set(result.measurements) == EVERYTHING - {"slow_queries"}


async def test_one_that_hangs_is_cut(deaf, watch):
    """Accepts and says nothing: the probe ends at its timeout, and the next one too."""
    async with watch(DatabaseCheck(url=f"mysql://auscult:secret-word@127.0.0.1:{deaf}/x"), 0.5, "secret-word") as look:
        for _ in range(2):
            result = await look()
            assert result.status is Status.UNHEALTHY
            assert "no answer within 0.5 s" in result.message
            assert result.duration < 20


async def test_a_query_that_hangs_is_cut_and_the_next_probe_is_sound(server, watch):
    """A lock held by somebody else: cut at the timeout, healthy once it is free."""
    server.sql("CREATE OR REPLACE TABLE shop.locked (n INT)")
    async with watch(DatabaseCheck(url=server.url(), query="SELECT COUNT(*) FROM locked"), 1.0) as look:
        assert (await look()).status is Status.HEALTHY
        with server.connect(database="shop") as holder, holder.cursor() as cursor:
            cursor.execute("LOCK TABLES locked WRITE")
            assert (await look()).message == "no answer within 1 s"
        assert (await look()).status is Status.HEALTHY


@pytest.mark.parametrize(
    "words", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"", b"\x00" * 200, b"\xff" * 200, b"\x4a\0\0\0\x0a8"]
)
async def test_what_is_no_mysql(says, watch, words):
    """Another protocol, silence, zeros, half a greeting: each ends in one sentence."""
    url = f"mysql://auscult:secret-word@127.0.0.1:{says(words)}/x"
    async with watch(DatabaseCheck(url=url), 3.0, "secret-word") as look:
        result = await look()
    assert result.status is Status.UNHEALTHY
    assert result.message.startswith("cannot connect to 127.0.0.1:")
    assert len(result.message) < 200


async def test_a_refusal_before_the_greeting(says, look):
    """An error packet, as from a host that is blocked: its text is told."""
    text = b"\xff\x69\x04Host '10.0.0.1' is blocked because of many connection errors"
    result = await look(DatabaseCheck(url=f"mysql://127.0.0.1:{says(bytes([len(text), 0, 0, 0]) + text)}/x"))
    assert "is blocked because of many connection errors" in result.message


async def test_a_replica_tells_how_far_behind_it_is(server, watch):
    """A replica that keeps up has no lag; one that has stopped is degraded, with the reason."""
    with mariadb(2) as replica:
        server.sql("GRANT REPLICATION SLAVE ON *.* TO auscult@'127.0.0.1'")
        position = server.sql("SELECT @@gtid_binlog_pos")[0][0]
        replica.sql(
            f"SET GLOBAL gtid_slave_pos = '{position}'",
            f"CHANGE MASTER TO master_host='127.0.0.1', master_port={server.port}, master_user='auscult', "
            f"master_password='{PASSWORD}', master_use_gtid=slave_pos, master_connect_retry=1",
            "START SLAVE",
        )
        async with watch(DatabaseCheck(url=replica.url())) as look:
            with anyio.fail_after(60):
                while (result := await look()).measurements.get("replication_lag_seconds") != 0:
                    await anyio.sleep(0.1)
            assert result.status is Status.HEALTHY
            server.sql("CREATE OR REPLACE TABLE shop.clash (n INT PRIMARY KEY)")
            with anyio.fail_after(60):
                while not replica.sql("SELECT 1 FROM information_schema.tables WHERE table_name = 'clash'"):
                    await anyio.sleep(0.05)
            replica.sql("STOP SLAVE")
            result = await look()
            assert result.status is Status.DEGRADED
            assert result.message == "replication has stopped: see SHOW REPLICA STATUS"
            assert "replication_lag_seconds" not in result.measurements
            replica.sql("INSERT INTO shop.clash VALUES (1)", "START SLAVE")
            server.sql("INSERT INTO shop.clash VALUES (1)")
            with anyio.fail_after(60):
                while "Duplicate entry '1' for key" not in (result := await look()).message:
                    await anyio.sleep(0.1)
            assert result.status is Status.DEGRADED


def test_found_in_the_environment():
    """By the variable's name; the address itself is written nowhere."""
    (found,) = DatabaseCheck.discover({"MYSQL_URL": "mysql://u:secret-word@db/x"})
    assert found.name == "database"
    assert found.settings == {"url": "${MYSQL_URL}"}
    assert "secret-word" not in repr(found)


def test_on_trio_the_reading_says_that_the_driver_cannot():
    """One sentence, and no traceback of the driver's."""

    async def probe():
        component = Component(name="tried", check=DatabaseCheck(url="mysql://127.0.0.1/x"))
        async with Monitor([component]) as monitor:
            return await monitor.check_now("tried")

    result = anyio.run(probe, backend="trio")
    assert result.message == "the driver aiomysql works on asyncio only, and this monitor runs on trio"


async def test_an_address_that_is_not_understood(look):
    """One sentence; the address, which may hold a password, is not repeated."""
    result = await look(DatabaseCheck(url="mysql://h:notaport/x"))
    assert result.message == "`url` is not understood: are all special characters in it quoted?"


async def test_the_egress_policy_holds(look):
    """The driver connects where the policy allows, and nowhere else."""
    result = await look(DatabaseCheck(url="mysql://127.0.0.1/x"), policy=EgressPolicy(deny=["127.0.0.0/8"]))
    assert result.message.startswith("127.0.0.1 may not be connected to")
