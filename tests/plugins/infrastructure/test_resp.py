"""The reader of Redis' protocol: whatever comes, in whatever pieces, is an answer, more to wait for, or NotRedis."""

from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auscult_plugins.redis.connection import parse_address
from auscult_plugins.redis.info import complaints, described, measured, parse
from auscult_plugins.redis.resp import MAX_LINE, ErrorReply, NotRedis, Reader, command

_LINES = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=30)
_ANSWERS = st.one_of(
    _LINES.map(lambda text: (f"+{text}\r\n".encode(), text)),
    st.integers(-(2**63), 2**63 - 1).map(lambda number: (f":{number}\r\n".encode(), number)),
    st.text(st.characters(codec="utf-8"), max_size=60).map(
        lambda text: (b"$%d\r\n%s\r\n" % (len(text.encode()), text.encode()), text)
    ),
    st.just((b"$-1\r\n", None)),
)


@given(st.lists(_ANSWERS, max_size=5), st.lists(st.integers(0, 80), max_size=8))
def test_answers_come_out_as_they_were_sent_however_cut(answers, cuts):
    """Packets end anywhere."""
    data = b"".join(sent for sent, _ in answers)
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    reader, got = Reader(), []
    for start, end in pairwise(places):
        reader.feed(data[start:end])
        while (taken := reader.take()) is not None:
            got.append(taken[0])
    assert got == [value for _, value in answers]


@given(st.lists(st.binary(max_size=40) | st.sampled_from([b"$", b"-1", b"\r\n", b"$5\r\n", b":x\r\n", b"*1\r\n"])))
def test_nothing_else_is_raised(pieces):
    """Whatever bytes come."""
    reader = Reader()
    with suppress(NotRedis):
        for piece in pieces:
            reader.feed(piece)
            while (taken := reader.take()) is not None:
                assert isinstance(taken[0], str | int | ErrorReply | None)


def test_a_line_without_end_is_refused():
    """Memory is bounded."""
    reader = Reader()
    reader.feed(b"+" + b"x" * MAX_LINE)
    with pytest.raises(NotRedis):
        reader.take()


def test_an_error_is_taken_apart():
    """The code is for the program, the text for people; an error without a code keeps all its words."""
    reader = Reader()
    reader.feed(b"-WRONGPASS invalid\r\n-no code here\r\n")
    first, second = reader.take()[0], reader.take()[0]
    assert (first.code, first.text) == ("WRONGPASS", "invalid")
    assert (second.code, second.text) == ("", "no code here")


def test_a_command_is_an_array_of_texts():
    """Lengths count bytes, and nothing in a word can end it early."""
    assert command("SET", "é", "a\r\nb") == b"*3\r\n$3\r\nSET\r\n$2\r\n\xc3\xa9\r\n$4\r\na\r\nb\r\n"


_NAMES = ["role", "maxmemory", "used_memory", "keyspace_hits", "keyspace_misses", "master_last_io_seconds_ago"]
_SAID = st.text(max_size=8) | st.sampled_from(["-1", "0", "nan", "inf", "-nan", "1e400", "slave", "12.5", "down"])


@given(st.dictionaries(st.sampled_from(_NAMES), _SAID))
def test_whatever_info_says_numbers_stay_numbers(info):
    """Finite, not negative, and no exception."""
    for value in measured(info).values():
        assert 0 <= value < float("inf")
    assert described(info)
    assert all(complaints(info, 10.0))


@given(st.text())
def test_any_text_is_parsed(text):
    """Lines without a colon, headings, anything."""
    assert all(isinstance(value, str) for value in parse(text).values())


@pytest.mark.parametrize(
    ("url", "host", "port", "path", "user", "password", "database", "tls"),
    [
        ("redis://cache", "cache", 6379, "", "", "", 0, False),
        ("redis://:p%40ss@cache:7000/3", "cache", 7000, "", "", "p@ss", 3, False),
        ("rediss://me:x@[::1]:7000", "::1", 7000, "", "me", "x", 0, True),
        ("valkeys://cache?db=2", "cache", 6379, "", "", "", 2, True),
        ("unix:///run/redis/s.sock?db=4", "", 6379, "/run/redis/s.sock", "", "", 4, False),
        ("redis://", "127.0.0.1", 6379, "", "", "", 0, False),
    ],
)
def test_addresses(url, host, port, path, user, password, database, tls):
    """As other clients read them."""
    address = parse_address(url)
    assert (address.host, address.port, address.path) == (host, port, path)
    assert (address.username, address.password, address.database, address.tls) == (user, password, database, tls)
