"""Audio as it arrives: WAV or bare PCM, decoded to samples, with the time at which each part came.

The sizes in a streamed WAV are often made up (0, 0xFFFFFFFF, 0x7ffff000); what counts is what came.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Iterator

from msgspec import Struct

__all__ = ["AudioStream", "BadAudio", "Clip", "read_wave"]

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_MADE_UP = 0x7FF00000
"""No probe gets a clip of 2 GiB: sizes from here on, and 0, are placeholders."""
_MAX_HEADER = 64 * 1024
_OTHERS = ((b"ID3", "MP3"), (b"\xff\xfb", "MP3"), (b"\xff\xf3", "MP3"), (b"OggS", "Ogg"), (b"fLaC", "FLAC"))


class BadAudio(ValueError):
    """What came is not audio that can be decoded; the text completes "The audio …"."""


class _Format(Struct, frozen=True):
    rate: int
    channels: int
    bits: int
    floating: bool
    declared: int | None
    """Bytes of audio the header promises; None when the number is made up."""

    @property
    def frame(self) -> int:
        return self.channels * self.bits // 8


class Clip(Struct, frozen=True):
    """Decoded audio, one channel, 16 bit."""

    samples: array[int]
    rate: int
    """Samples per second."""
    missing: float = 0.0
    """Seconds the header promised and that never came."""
    arrivals: tuple[tuple[float, float], ...] = ()
    """When parts came (monotonic seconds), and how many seconds of audio were there then."""

    @property
    def seconds(self) -> float:
        """How long it plays."""
        return len(self.samples) / self.rate


class AudioStream:
    """Give it bytes and the time of each; get the clip at the end. The header is not audio."""

    def __init__(self, container: str, *, rate: int = 24000) -> None:
        """`container` is ``wav`` or ``pcm`` (signed 16 bit, little-endian, mono, at `rate`)."""
        self._header = bytearray() if container == "wav" else None
        self._format = _Format(rate, 1, 16, False, None)
        self._audio = bytearray()
        self._arrivals: list[tuple[float, int]] = []

    @property
    def first_at(self) -> float | None:
        """When the first audio byte came."""
        return self._arrivals[0][0] if self._arrivals else None

    @property
    def size(self) -> int:
        """Bytes so far."""
        return len(self._audio) + len(self._header or b"")

    def feed(self, chunk: bytes, at: float) -> None:
        """Take bytes that came `at`. Raises BadAudio as soon as they cannot be audio."""
        if self._header is not None:
            self._header += chunk
            begin = self._parse(self._header)
            if begin is None:
                return
            chunk, self._header = bytes(self._header[begin:]), None
        if chunk:
            self._audio += chunk
            self._arrivals.append((at, len(self._audio)))

    def _parse(self, header: bytearray) -> int | None:
        found = _parse_header(bytes(header[:_MAX_HEADER]))
        if found is None:
            if len(header) > _MAX_HEADER:
                raise BadAudio("has a WAV header without an end")
            return None
        self._format, begin = found
        return begin

    def finish(self) -> Clip:
        """Everything as a clip. Raises BadAudio when the header never ended."""
        if self._header is not None:
            raise BadAudio(f"ends after {len(self._header)} bytes, inside the header" if self._header else "is empty")
        form, data = self._format, bytes(self._audio)
        promised = form.declared if form.declared is not None else len(data)
        missing = max(0, promised - len(data)) / form.frame / form.rate
        samples = _decode(data[:promised], form)
        arrivals = tuple((at, size / form.frame / form.rate) for at, size in self._arrivals)
        return Clip(samples, form.rate, missing, arrivals)


def read_wave(data: bytes) -> Clip:
    """A whole WAV file. Raises BadAudio."""
    stream = AudioStream("wav")
    stream.feed(data, 0.0)
    return stream.finish()


def _parse_header(header: bytes) -> tuple[_Format, int] | None:
    """The format and where the audio begins; None when more bytes are needed."""
    if len(header) >= 12 and (header[:4] not in (b"RIFF", b"RIFX") or header[8:12] != b"WAVE"):
        raise BadAudio(_other_format(header))
    form: tuple[int, int, int, int] | None = None
    for name, size, begin in _chunks(header):
        if name == b"fmt ":
            form = _read_format(header[begin : begin + size])
        if name == b"data":
            if form is None:
                raise BadAudio("has a WAV header that does not say its format")
            return _checked(form, size), begin
    return None


def _chunks(header: bytes) -> Iterator[tuple[bytes, int, int]]:
    position = 12
    while position + 8 <= len(header):
        name, size = struct.unpack_from("<4sI", header, position)
        if name != b"data" and position + 8 + size > len(header):
            return
        yield name, size, position + 8
        position += 8 + size + size % 2


def _read_format(chunk: bytes) -> tuple[int, int, int, int]:
    if len(chunk) < 16:
        raise BadAudio("has a WAV format of fewer than 16 bytes")
    code, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", chunk)
    if code == _EXTENSIBLE and len(chunk) >= 26:
        code = struct.unpack_from("<H", chunk, 24)[0]
    return code, channels, rate, bits


def _checked(form: tuple[int, int, int, int], size: int) -> _Format:
    code, channels, rate, bits = form
    if (code, bits) not in ((_PCM, 16), (_FLOAT, 32)):
        raise BadAudio(f"is WAV of format {code} with {bits} bits; expected PCM with 16 bits")
    if not channels or not rate:
        raise BadAudio(f"is WAV with {channels} channels at {rate} samples a second")
    return _Format(rate, channels, bits, code == _FLOAT, None if not 0 < size < _MADE_UP else size)


def _other_format(header: bytes) -> str:
    for magic, name in _OTHERS:
        if header.startswith(magic):
            return f"is {name} where WAV was asked for"
    text = header[:40].decode("ascii", "replace")
    return f"is not WAV: it starts with {text!r}"


def _decode(data: bytes, form: _Format) -> array[int]:
    data = data[: len(data) // form.frame * form.frame]
    numbers = array("f" if form.floating else "h")
    numbers.frombytes(data)
    if sys.byteorder == "big":
        numbers.byteswap()
    numbers = numbers[:: form.channels]
    if form.floating:
        return array("h", (max(-32768, min(32767, int(value * 32767))) for value in numbers))
    return numbers
