"""Ways in which synthetic speech goes wrong, done to good PCM (16 bit, mono, 16 kHz)."""

from __future__ import annotations

import array
import random
from collections.abc import Callable

__all__ = ["DEFECTS"]

_FULL = 32767


def _each(pcm: bytes, change: Callable[[int], int]) -> bytes:
    return array.array("h", (max(-_FULL, min(_FULL, change(sample))) for sample in array.array("h", pcm))).tobytes()


def _silent(pcm: bytes) -> bytes:
    return bytes(len(pcm))


def _clipped(pcm: bytes) -> bytes:
    return _each(pcm, lambda sample: sample * 40)


def _stuck(pcm: bytes) -> bytes:
    """From the middle on, a buffer of 20 ms over and over."""
    half = len(pcm) // 4 * 2
    buffer = pcm[half : half + 640]
    return pcm[:half] + (buffer * (len(pcm) // len(buffer) + 1))[: len(pcm) - half]


def _half(pcm: bytes) -> bytes:
    return pcm[: len(pcm) // 4 * 2]


def _noisy(pcm: bytes) -> bytes:
    """White noise far above the voice; always the same."""
    chance = random.Random(7)
    return _each(pcm, lambda sample: sample + chance.randint(-12000, 12000))


DEFECTS: dict[str, Callable[[bytes], bytes]] = {
    "silent": _silent,
    "clipped": _clipped,
    "stuck": _stuck,
    "half": _half,
    "noisy": _noisy,
}
"""By the name of the fault."""
