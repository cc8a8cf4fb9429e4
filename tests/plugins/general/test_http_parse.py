"""The parser of HTTP answers: whatever bytes come, in whatever pieces, it ends or says what is wrong."""

import time
import zlib
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from auscult_plugins.http.expect import Missing, at_path, complaints, decoded, status_ranges
from auscult_plugins.http.parse import MalformedAnswer, Parser

LIMIT = 1000
METHODS = st.sampled_from(["GET", "HEAD", "POST"])
_FRAGMENTS = st.sampled_from(
    [
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.0 304 Not Modified\r\n",
        b"HTTP/1.1 ",
        b"content-length: 5\r\n",
        b"content-length: 5, 5\r\n",
        b"content-length: 99999999999999999999\r\n",
        b"transfer-encoding: chunked\r\n",
        b"x: y\r\n",
        b" folded\r\n",
        b": nameless\r\n",
        b"\r\n",
        b"5\r\nhello\r\n",
        b"0\r\n\r\n",
        b"-1\r\n",
        b"0x5\r\n",
        b"ffffffffffffff\r\n",
        b";ext=1\r\n",
        b"hello",
    ]
)
_BYTES = st.lists(_FRAGMENTS | st.binary(max_size=20), max_size=12).map(b"".join)


def parsed(method: str, data: bytes, cuts: list[int], *, ends: bool = True) -> Parser:
    """Feed `data` in the pieces that `cuts` make."""
    parser = Parser(method, LIMIT)
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    for start, end in pairwise(places):
        if parser.done:
            break
        parser.feed(data[start:end])
    if ends:
        parser.eof()
    return parser


@given(METHODS, _BYTES, st.lists(st.integers(0, 200), max_size=6))
@example("GET", b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (LIMIT + 1), [])
def test_any_bytes_end_in_an_answer_or_in_a_sentence(method, data, cuts):
    """Never another exception, never more body than the limit, and never in wait after the end."""
    try:
        parser = parsed(method, data, cuts)
    except MalformedAnswer as error:
        assert 10 < len(str(error)) < 400  # noqa: PT017 - either way is right
        return
    assert parser.done
    assert 0 <= parser.status <= 999
    assert len(parser.body) <= LIMIT
    assert not parser.cut or len(parser.body) == LIMIT


@given(METHODS, _BYTES, st.lists(st.integers(0, 200), max_size=6))
def test_the_pieces_do_not_matter(method, data, cuts):
    """Cut anywhere, an answer is the same one."""

    def outcome(places):
        try:
            parser = parsed(method, data, places)
        except MalformedAnswer:
            return "malformed"
        return parser.status, parser.reason, parser.headers, parser.body, parser.cut

    assert outcome(cuts) == outcome([])


_BODIES = st.binary(max_size=LIMIT)


@given(_BODIES, st.lists(st.integers(1, 300), max_size=5), st.lists(st.integers(0, 1500), max_size=6))
def test_a_chunked_body_comes_out_whole(body, sizes, cuts):
    """However it is chunked and however it is cut."""
    chunks, rest = [], body
    for size in [*sizes, len(body)]:
        part, rest = rest[:size], rest[size:]
        if part:
            chunks.append(b"%x;why=not\r\n%s\r\n" % (len(part), part))
    sent = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"".join(chunks) + b"0\r\nTrailer: x\r\n\r\n"
    parser = parsed("GET", sent, cuts, ends=False)
    assert parser.done
    assert parser.body == body


@given(_BODIES, _BODIES, st.lists(st.integers(0, 1500), max_size=6))
def test_a_body_with_a_length_ends_there(body, more, cuts):
    """What comes behind it belongs to nobody."""
    sent = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body + more
    parser = parsed("GET", sent, cuts, ends=False)
    assert parser.done
    assert parser.body == body


def test_a_large_body_costs_time_in_proportion():
    """Twice the bytes, about twice the time: no piece is copied again and again."""

    def seconds(size: int) -> float:
        parser, piece = Parser("GET", 1 << 30), b"x" * 65536
        begin = time.thread_time()  # whoever else wants the machine does not count
        parser.feed(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size)
        for _ in range(size // len(piece)):
            parser.feed(piece)
        assert parser.done
        return time.thread_time() - begin

    # Sizes that malloc takes from memory it has had before: new pages of the machine would be timed with them.
    small, large = min(seconds(3 << 20) for _ in range(5)), min(seconds(24 << 20) for _ in range(5))
    assert large < small * 8 * 5


@given(st.binary(max_size=300), st.sampled_from(["gzip", "x-gzip", "deflate", "GZIP ", "", "identity"]))
def test_what_is_compressed_is_unpacked(body, name):
    """By each name the header may have; a part of it as far as it goes."""
    bits = {"gzip": 31, "x-gzip": 31, "deflate": 15}.get(name.strip().lower())
    packing = zlib.compressobj(wbits=bits) if bits else None
    packed = packing.compress(body) + packing.flush() if packing else body
    assert decoded(packed, name, LIMIT) == body
    assert body.startswith(decoded(packed[: len(packed) // 2], name, LIMIT))


@given(st.binary(max_size=100), st.text(max_size=8) | st.sampled_from(["gzip", "deflate", "br"]))
def test_what_is_not_compressed_is_told(body, name):
    """ValueError, and nothing else."""
    try:
        decoded(body, name, LIMIT)
    except ValueError as error:
        assert str(error).startswith("the body is ")  # noqa: PT017 - either way is right


def test_a_bomb_stays_packed():
    """Ten megabytes in ten kilobytes."""
    packing = zlib.compressobj(wbits=31)
    bomb = packing.compress(b"x" * 10_000_000) + packing.flush()
    assert len(decoded(bomb, "gzip", LIMIT)) == LIMIT


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@given(_JSON, st.text(alphabet="ab01.-²", max_size=12))
def test_a_path_leads_somewhere_or_nowhere(document, path):
    """Any path in any document: a value that is in it, or Missing."""
    found = at_path(document, path)
    assert found is Missing or path == "" or isinstance(document, dict | list)


@given(st.binary(max_size=60), st.dictionaries(st.text(max_size=6), _JSON, min_size=1, max_size=2))
def test_any_body_is_judged(body, wanted):
    """Complaints are sentences, whatever the body is."""
    found = complaints(body, {}, contains=["x"], not_contains=["y"], json=wanted, wanted_headers={"z": "z"})
    assert all(len(sentence) > 10 for sentence in found)


@given(st.text(max_size=12))
def test_any_text_is_ranges_or_refused(text):
    """ValueError, and nothing else."""
    try:
        assert all(isinstance(low, int) and isinstance(high, int) for low, high in status_ranges(text))
    except ValueError as error:
        assert "`status` is codes and ranges" in str(error)  # noqa: PT017 - either way is right


@pytest.mark.parametrize(("text", "ranges"), [("200", ((200, 200),)), (" 200-299 , 401 ", ((200, 299), (401, 401)))])
def test_ranges(text, ranges):
    """Codes and ranges with blanks between."""
    assert status_ranges(text) == ranges
