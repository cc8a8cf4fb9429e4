"""Message templates: what they show, what they refuse, and that no value and no text harms them."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auscult.model import Status
from auscult.rules.template import LONGEST, Template, TemplateError

DATA = {
    "component": "redis",
    "memory_usage": 93.25,
    "count": 3.0,
    "whole": 7,
    "third": 100 / 3,
    "tiny": 0.000123456,
    "large": 1234567.5,
    "status": Status.DEGRADED,
    "yes": True,
    "none": None,
    "nan": float("nan"),
    "lines": "one\r\ntwo\tthree\x1b[31m\x00",
    "many": 10**5000,
    "team.name": "voice",
}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("High memory usage detected: {memory_usage}%", "High memory usage detected: 93.25%"),
        ("{memory_usage:.1f} {count} {count:d} {whole:05d} {whole:.2f}", "93.2 3 3 00007 7.00"),
        ("{third} {tiny} {large} {large:,.0f}", "33.333 0.000123 1234567.5 1,234,568"),
        ("{component:>8}|{component:*^9}|{component:.2}", "   redis|**redis**|re"),
        ("{status} {status:>10} {yes}", "degraded   degraded True"),
        ("{{literal}} }}{{", "{literal} }{"),
        ("{nothing} {none} {nothing:.1f}", "? ? ?"),
        ("{component:.1f} {status:d}", "redis degraded"),
        ("{nan:.1f} {nan:d} {nan}", "nan nan nan"),
        ("a\nb {lines}", "a\nb one two three[31m"),
        ("{many} {team.name} {__class__} {component.__class__}", "? voice ? ?"),
        ("", ""),
    ],
)
def test_what_templates_show(source, expected):
    """As Python's formatting does, for plain names and within limits."""
    assert Template(source).render(DATA.get) == expected


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("{", "a single `{` at column 1"),
        ("value }", "a single `}` at column 7; write `}}`"),
        ("{component.__class__()}", "is no plain name"),
        ("{component[0]}", "is no plain name"),
        ("{component!r}", "is no plain name"),
        ("{component:{width}}", "a single `{`"),
        ("{}", "is no plain name"),
        ("{0}", "is no plain name"),
        ("{a b}", "is no plain name"),
        ("{count:>101}", "is no format"),
        ("{count:99999999999}", "is no format"),
        ("{count:.101f}", "is no format"),
        ("{count:bananas}", "is no format"),
        ("{count:%H:%M}", "is no format"),
        ("x" * 4001, "at most 2000 characters"),
    ],
)
def test_mistakes_are_explained(source, words):
    """One sentence, with the column."""
    with pytest.raises(TemplateError) as caught:
        Template(source)
    assert words in str(caught.value)


def test_names_nobody_knows_are_told_with_the_nearest():
    """They show as a question mark, which is worth a warning."""
    found = Template("{component} {memry_usage} {rule}").unknown({"component", "rule", "memory_usage"})
    assert found == ["there is no data `memry_usage`, which would show as `?`; did you mean `memory_usage`?"]


def test_a_message_is_never_longer_than_a_channel_can_bear():
    """Single values and the whole are cut, with a mark."""
    assert len(Template("{x}").render({"x": "y" * 10**6}.get)) == 1000
    whole = Template("{x}" * 600).render({"x": "y" * 1000}.get)
    assert len(whole) == LONGEST
    assert whole.endswith("…")


class _Weird:
    def __str__(self):
        raise SystemError("no")

    __format__ = __repr__ = __str__  # type: ignore[assignment]


ANYTHING = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(), st.lists(st.text()), st.builds(_Weird)
)
FIELDS = st.sampled_from(["a", "b", "a:.1f", "a:d", "b:>30", "a:%", "b:s", "a:+,.3e", "a:=09.2f", "b: ^7", "a:G"])


@given(st.lists(FIELDS.map("{{{}}}".format) | st.just("{{ }}")), st.dictionaries(st.sampled_from("ab"), ANYTHING))
def test_rendering_never_raises_and_gives_clean_text(fields, data):
    """Whatever stands in the data."""
    text = Template(" ".join(fields)).render(data.get)
    assert len(text) <= LONGEST
    assert not {c for c in text if c < " "} - {"\n", "\t"}


@given(st.text(alphabet="{}ab:.!0[]1f%<>^d,+ \n", max_size=30) | st.text(max_size=50))
def test_any_text_loads_or_is_refused_in_one_sentence(source):
    """Nothing else ever happens."""
    try:
        Template(source).render({"a": 1.5, "b": "x"}.get)
    except TemplateError as error:
        said = str(error)
    else:
        said = "loads"
    assert said
    assert "\n" not in said.replace(source, "")


@given(
    st.text(alphabet=string.ascii_letters, max_size=1),
    st.sampled_from(["", "<", ">", "^"]),
    st.integers(1, 100),
    st.sampled_from(["", ".1f", ".3e", ".0%", ",.2f", "g"]),
    st.floats(-1e9, 1e9),
)
def test_formats_are_python_formats(fill, align, width, rest, value):
    """Where Python knows the format, the message is what Python makes of it."""
    spec = f"{fill if align else ''}{align}{width}{rest}"
    if rest:
        assert Template(f"{{x:{spec}}}").render({"x": value}.get) == format(value, spec)
