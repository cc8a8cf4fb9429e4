"""The check `database` on SQLite files: real ones, broken ones, locked ones."""

import os
import sqlite3
from contextlib import suppress
from pathlib import Path

import anyio
import pytest

from auscult import Status
from auscult_plugins.database import DatabaseCheck

pytestmark = pytest.mark.anyio


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A database with three orders."""
    path = tmp_path / "shop é%.db"
    _fill(path, 3)
    return path


def _fill(path: Path, rows: int) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE orders (n INTEGER)")
        connection.executemany("INSERT INTO orders VALUES (?)", [(n,) for n in range(rows)])
    connection.close()


def check(path: Path, **options) -> DatabaseCheck:
    return DatabaseCheck(url=f"sqlite:///{str(path).replace('%', '%25')}", **options)


async def test_a_file_in_order(file, look):
    """Size and rows; opened once, asked once."""
    result = await look(check(file, query="SELECT count(*) FROM orders", expect=3))
    assert result.status is Status.HEALTHY, result.message
    assert result.message.startswith("SQLite 3.")
    assert result.measurements == {"rows": 1.0, "size_bytes": float(file.stat().st_size)}
    assert list(result.stages) == ["connect", "query"]
    assert result.response_time_ms == pytest.approx(sum(result.stages.values()) * 1000)


async def test_addresses_as_sqlalchemy_writes_them(file, look, monkeypatch):
    """Three slashes and a relative path, four and an absolute one, a driver's name."""
    monkeypatch.chdir(file.parent)
    for url in (f"sqlite:///{file.name.replace('%', '%25')}", f"sqlite+aiosqlite:///{str(file).replace('%', '%25')}"):
        assert (await look(DatabaseCheck(url=url))).status is Status.HEALTHY


async def test_what_was_written_in_between_is_seen(file, watch):
    """Over a connection that is kept."""
    async with watch(check(file, query="SELECT count(*) FROM orders", expect=4)) as look:
        assert (await look()).message == "the query returned 3, expected 4"
        with sqlite3.connect(file) as connection:
            connection.execute("INSERT INTO orders VALUES (9)")
        connection.close()
        result = await look()
    assert result.status is Status.HEALTHY
    assert "connect" not in result.stages


async def test_the_log_counts_as_size(file, look):
    """In WAL mode the newest data are in a file beside it."""
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE more AS SELECT randomblob(100000)")
    connection.commit()
    result = await look(check(file))
    connection.close()
    assert result.measurements["size_bytes"] > 100_000


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("SELEC 1", 'the query failed: near "SELEC": syntax error'),
        ("SELECT * FROM no_such", "the query failed: no such table: no_such"),
        ("INSERT INTO orders VALUES (1)", "the query failed: attempt to write a readonly database"),
        ("SELECT 1; SELECT 2", "the query failed: You can only execute one statement at a time."),
    ],
)
async def test_a_query_that_fails_is_one_sentence(file, look, query, says):
    """SQLite's own words; and nothing is ever written."""
    result = await look(check(file, query=query))
    assert result.status is Status.UNHEALTHY
    assert result.message == says


async def test_a_missing_file_is_told_and_not_made(tmp_path, look):
    """Neither the file nor its directory."""
    path = tmp_path / "not" / "there.db"
    result = await look(check(path))
    assert result.status is Status.UNHEALTHY
    assert result.message == f"there is no database file {path}"
    assert not path.parent.exists()
    assert (await look(check(tmp_path))).message == f"there is no database file {tmp_path}"


@pytest.mark.parametrize("content", [b"this is a text, and no database at all" * 100, os.urandom(8192)])
async def test_a_file_that_is_no_database(tmp_path, look, content):
    """Told in SQLite's words, with the path."""
    path = tmp_path / "text.db"
    path.write_bytes(content)
    result = await look(check(path))
    assert result.status is Status.UNHEALTHY
    assert result.message == f"cannot open {path}: file is not a database"


async def test_a_damaged_file(file, look):
    """The head is whole, and the page with the table's rows is not."""
    with file.open("r+b") as opened:
        opened.seek(4096)
        opened.write(b"\xde\xad" * 2048)
    result = await look(check(file, query="SELECT count(n) FROM orders"))
    assert result.status is Status.UNHEALTHY
    assert result.message == "the query failed: database disk image is malformed"


async def test_a_lock_is_waited_for_and_then_told(file, watch):
    """Somebody writes for too long: said in words before the probe is cut; the next one is sound."""
    async with watch(check(file), timeout=1.0) as look:
        writer = sqlite3.connect(file, isolation_level=None)
        writer.execute("BEGIN EXCLUSIVE")
        result = await look()
        assert result.status is Status.UNHEALTHY
        assert result.message == f"cannot open {file}: database is locked"
        writer.execute("COMMIT")
        writer.close()
        assert (await look()).status is Status.HEALTHY


async def test_a_query_without_end_is_cut_and_broken_off(file, watch):
    """The thread is free again for the next probe."""
    endless = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c"
    async with watch(check(file, query=endless), timeout=0.5) as look:
        for _ in range(2):
            result = await look()
            assert result.message == "no answer within 0.5 s"
            assert result.duration < 20


async def test_a_file_that_was_replaced_or_removed(file, tmp_path, watch):
    """The kept connection would read the old one for ever."""
    async with watch(check(file, query="SELECT count(*) FROM orders", expect=5)) as look:
        assert (await look()).message == "the query returned 3, expected 5"
        other = tmp_path / "other.db"
        _fill(other, 5)
        other.replace(file)
        assert (await look()).status is Status.HEALTHY
        file.unlink()
        assert (await look()).message == f"there is no database file {file}"
        _fill(file, 5)
        assert (await look()).status is Status.HEALTHY


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="this system does not list a process' files")
async def test_nothing_is_left_open(file, watch):
    """Not after a good probe, nor after one that failed."""
    for query in ("SELECT 1", "SELEC"):
        async with watch(check(file, query=query)) as look:
            await look()
            assert _opened(file)
    with anyio.fail_after(60):
        while _opened(file):
            await anyio.sleep(0.02)


def _opened(file: Path) -> bool:
    def is_it(number: Path) -> bool:
        with suppress(FileNotFoundError):  # closed while we look
            return number.readlink() == file
        return False

    return any(is_it(number) for number in Path("/proc/self/fd").iterdir())


def test_found_in_the_environment():
    """As any other database."""
    (found,) = DatabaseCheck.discover({"DATABASE_URL": "sqlite:////var/lib/shop.db"})
    assert found.settings == {"url": "${DATABASE_URL}"}
