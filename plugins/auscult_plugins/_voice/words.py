"""Word error rate: how far a transcript is from what was said."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["normalise", "word_error_rate"]

_QUOTES = str.maketrans({"\u2019": "'", "\u2018": "'", "\u02bc": "'", "`": "'"})
_CONTRACTIONS = (
    (re.compile(r"\bcan't\b|\bcannot\b"), "can not"),
    (re.compile(r"\bwon't\b"), "will not"),
    (re.compile(r"\blet's\b"), "let us"),
    (re.compile(r"n't\b"), " not"),
    (re.compile(r"'m\b"), " am"),
    (re.compile(r"'re\b"), " are"),
    (re.compile(r"'ve\b"), " have"),
    (re.compile(r"'ll\b"), " will"),
    (re.compile(r"'d\b"), " would"),
    (re.compile(r"\b(it|he|she|that|what|who|where|there|here|how)'s\b"), r"\1 is"),
)
_NUMBER = re.compile(r"\d+(?:,\d{3})+|\d+")
_POINT = re.compile(r"(?<=\d)\.(?=\d)")
_OTHER = re.compile(r"[^\w\s]|_")
# fmt: off
_SMALL = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)
# fmt: on
_TENS = ("zero", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SCALES = ((1_000_000, "million"), (1000, "thousand"), (100, "hundred"))


def _spoken(number: int) -> str:
    if number < 20:
        return _SMALL[number]
    if number < 100:
        tens, rest = divmod(number, 10)
        return f"{_TENS[tens]} {_SMALL[rest]}" if rest else _TENS[tens]
    size, name = next((size, name) for size, name in _SCALES if number >= size)
    count, rest = divmod(number, size)
    return f"{_spoken(count)} {name} {_spoken(rest)}" if rest else f"{_spoken(count)} {name}"


def _number(match: re.Match[str]) -> str:
    digits = match[0].replace(",", "")
    # Longer than this it is an identifier, which people read digit by digit.
    spoken = _spoken(int(digits)) if len(digits) <= 9 else " ".join(_SMALL[int(digit)] for digit in digits)
    return f" {spoken} "


def normalise(text: str) -> list[str]:
    """The words of `text` as they are spoken: lower case, contractions and numbers written out, no punctuation."""
    text = unicodedata.normalize("NFKC", text).translate(_QUOTES).lower()
    for pattern, replacement in _CONTRACTIONS:
        text = pattern.sub(replacement, text)
    text = _NUMBER.sub(_number, _POINT.sub(" point ", text.replace("%", " percent ")))
    return _OTHER.sub(" ", text.replace("'", "")).split()


def _distance(reference: list[str], heard: list[str]) -> int:
    """Fewest words to substitute, delete and insert."""
    row = list(range(len(heard) + 1))
    for count, word in enumerate(reference, 1):
        diagonal, row[0] = row[0], count
        for column, other in enumerate(heard, 1):
            diagonal, row[column] = (
                row[column],
                min(row[column] + 1, row[column - 1] + 1, diagonal + (word != other)),
            )
    return row[-1]


def word_error_rate(reference: str, heard: str) -> float:
    """Words wrong, missing and too many, per word of `reference`, after `normalise`; above 1 for a longer text.

    Raises ValueError when the reference has no words.
    """
    said = normalise(reference)
    if not said:
        raise ValueError("the expected text has no words")
    return _distance(said, normalise(heard)) / len(said)
