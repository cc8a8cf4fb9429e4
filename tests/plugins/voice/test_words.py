"""Word error rate: what counts as the same words, and how mistakes are counted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auscult_plugins._voice.words import normalise, word_error_rate


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hello, how can I help you today?", "hello how can i help you today"),
        ("I'll", "i will"),
        ("I\u2019ll can\u2019t won't it's", "i will can not will not it is"),
        ("cannot", "can not"),
        ("3:30", "three thirty"),
        ("21 apples, 1,234 pears", "twenty one apples one thousand two hundred thirty four pears"),
        ("3.5 %", "three point five percent"),
        ("100", "one hundred"),
        ("2000017", "two million seventeen"),
        ("twenty-one", "twenty one"),
        ("\uff28\uff25\uff2c\uff2c\uff2f", "hello"),
        ("...", ""),
    ],
)
def test_what_is_spoken_alike_is_written_alike(text, words):
    """Case, punctuation, contractions, digits and full-width letters do not make a word wrong."""
    assert " ".join(normalise(text)) == words


@pytest.mark.parametrize(
    ("said", "heard", "rate"),
    [
        ("a b c d", "a b c d", 0),
        ("a b c d", "a x c d", 0.25),
        ("a b c d", "a c d", 0.25),
        ("a b c d", "a b b c d", 0.25),
        ("a b c d", "", 1),
        ("a b", "c d e f", 2),
        ("the cat sat", "the cat sat on", 1 / 3),
        ("hello how can i help you", "hello hello can i help you", 1 / 6),
    ],
)
def test_substituted_missing_and_added_words_count_once_each(said, heard, rate):
    """The rate is the fewest changes per word said, and may exceed 1."""
    assert word_error_rate(said, heard) == pytest.approx(rate)


def test_a_reference_without_words_is_refused():
    """A rate per no words is no number."""
    with pytest.raises(ValueError, match="no words"):
        word_error_rate("!?", "hello")


_WORDS = st.lists(st.sampled_from(["alpha", "beta", "gamma", "delta"]), min_size=1, max_size=8)


@given(_WORDS, _WORDS)
def test_the_distance_behaves_like_one(said, heard):
    """Zero exactly for equal texts, symmetric in its count, never more than the longer text."""
    rate = word_error_rate(" ".join(said), " ".join(heard))
    back = word_error_rate(" ".join(heard), " ".join(said))
    assert (rate == 0) == (said == heard)
    assert rate * len(said) == pytest.approx(back * len(heard))
    assert rate * len(said) <= max(len(said), len(heard)) + 1e-9


@given(st.text(max_size=60))
def test_any_text_can_be_normalised(text):
    """Whatever a service writes, it gives plain words, and the same again for its own result."""
    words = normalise(text)
    assert all(word and " " not in word for word in words)
