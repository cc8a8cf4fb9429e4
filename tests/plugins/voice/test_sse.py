"""Server-sent events come out the same, however the network cuts them."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auscult_plugins._voice.sse import EventReader, StreamTooLong

STREAM = (
    b': keep-alive\r\n\r\ndata: {"a": "x\xe2\x80\xa8y"}\r\n\r\nevent: chunk\ndata:{}\n\n'
    b"data: one\ndata: two\n\nid: 4\n\ndata: [DONE]\n\n"
)
EVENTS = ['{"a": "x\u2028y"}', "{}", "one\ntwo", "[DONE]"]


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_any_cut_gives_the_same_events(cuts):
    """Comments, other fields, CRLF, several data lines and a line separator inside JSON are all understood."""
    reader, found = EventReader(), []
    places = [0, *sorted(cuts), len(STREAM)]
    for begin, end in itertools.pairwise(places):
        found += reader.feed(STREAM[begin:end])
    assert found == EVENTS


def test_a_stream_without_its_last_blank_line_still_ends():
    """Some servers close right after the last line."""
    reader = EventReader()
    assert reader.feed(b"data: [DONE]") == []
    assert reader.close() == ["[DONE]"]


def test_an_endless_line_is_refused():
    """Memory stays bounded whatever a server sends."""
    reader = EventReader()
    reader.feed(b"x" * 600_000)
    with pytest.raises(StreamTooLong):
        reader.feed(b"x" * 600_000)
