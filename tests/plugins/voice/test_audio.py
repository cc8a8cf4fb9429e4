"""Audio as it arrives: headers are no audio, sizes may be made up, and bad sound is told from good."""

import itertools
import math
import struct
from array import array
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import auscult_plugins
from auscult import Status
from auscult_plugins._voice.speech import SpeechLimits, judge, measure
from auscult_plugins._voice.wave import AudioStream, BadAudio, Clip, read_wave

HELLO = (Path(auscult_plugins.__file__).parent / "_voice" / "hello.wav").read_bytes()
TEXT = "hello how can i help you today"


def wave(samples, *, rate=16000, channels=1, code=1, bits=16, data_size=None, riff_size=None, extra=b""):
    data = samples if isinstance(samples, bytes) else array("h", samples).tobytes()
    form = struct.pack(
        "<4sIHHIIHH", b"fmt ", 16, code, channels, rate, rate * channels * bits // 8, channels * bits // 8, bits
    )
    size = len(data) if data_size is None else data_size
    body = b"WAVE" + form + extra + struct.pack("<4sI", b"data", size) + data
    return struct.pack("<4sI", b"RIFF", len(body) if riff_size is None else riff_size) + body


def hello() -> array:
    return read_wave(HELLO).samples


def verdict(samples, text=TEXT, rate=16000, **limits):
    clip = Clip(array("h", samples), rate)
    return judge(clip, measure(clip), text, SpeechLimits(**limits))


def test_the_bundled_utterance_is_good_speech_and_small():
    """16 kHz mono, under 100 kB, some 2.4 s, and our own judgement finds nothing wrong with it."""
    clip = read_wave(HELLO)
    assert len(HELLO) < 100_000
    assert clip.rate == 16000
    assert 2.2 < clip.seconds < 2.6
    assert verdict(clip.samples) == []


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0x7FFFF000])
def test_made_up_sizes_are_not_believed(size):
    """Streamed WAVs say 0, 4 GiB or what espeak-ng writes; the length is what came."""
    clip = read_wave(wave([1, 2, 3, 4], data_size=size, riff_size=0x7FFFF024))
    assert list(clip.samples) == [1, 2, 3, 4]
    assert clip.missing == 0


def test_a_real_size_that_does_not_come_is_missing_audio():
    """A header that promises two seconds makes a clip of one second a truncated one."""
    clip = read_wave(wave([100] * 16000, data_size=64000))
    assert clip.missing == pytest.approx(1.0)
    assert clip.seconds == pytest.approx(1.0)


def test_what_follows_the_audio_is_no_audio():
    """Chunks after the data (tags) are cut off where the size is real; chunks before it are passed over."""
    tags = struct.pack("<4sI", b"LIST", 5) + b"abcde\0"
    clip = read_wave(wave([7, 8], extra=tags) + tags)
    assert list(clip.samples) == [7, 8]


@given(st.lists(st.integers(1, len(HELLO) - 1), max_size=8))
def test_any_cut_of_the_bytes_gives_the_same_clip(cuts):
    """The network may cut anywhere, inside the header and inside a sample too."""
    stream = AudioStream("wav")
    places = [0, *sorted(cuts), len(HELLO)]
    for begin, end in itertools.pairwise(places):
        stream.feed(HELLO[begin:end], float(begin))
    assert stream.finish().samples == hello()


def test_the_first_byte_is_audio_not_header():
    """44 bytes of header at 1 s and the voice at 2 s: the first byte came at 2 s."""
    stream = AudioStream("wav")
    stream.feed(HELLO[:44], 1.0)
    assert stream.first_at is None
    stream.feed(HELLO[44:144], 2.0)
    assert stream.first_at == 2.0


def test_several_channels_and_floats_are_understood():
    """The first channel is taken; 32-bit floats become 16-bit samples."""
    assert list(read_wave(wave([1, 9, 2, 9], channels=2)).samples) == [1, 2]
    floats = array("f", [0.5, -1.0, 2.0]).tobytes()
    assert list(read_wave(wave(floats, code=3, bits=32)).samples) == [16383, -32767, 32767]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is empty"),
        (HELLO[:20], "inside the header"),
        (b"ID3\x04" + bytes(60), "is MP3 where WAV was asked for"),
        (b"OggS" + bytes(60), "is Ogg"),
        (b'{"error": "no voice here, sorry"}', "is not WAV"),
        (wave(b"\x80" * 8, bits=8), "8 bits"),
        (wave([1], code=7, bits=8), "format 7"),
        (wave([1], rate=0), "0 samples a second"),
        (b"RIFF\0\0\0\0WAVEdata\0\0\0\0", "does not say its format"),
        (b"RIFF\0\0\0\0WAVEjunk\xff\xff\xff\x7f" + bytes(70_000), "without an end"),
    ],
)
def test_what_is_no_audio_is_named(data, says):
    """Whoever asked for WAV learns what came instead."""
    with pytest.raises(BadAudio, match=says):
        read_wave(data)


@given(st.binary(max_size=200))
def test_no_bytes_break_the_decoder(data):
    """Anything gives a clip or BadAudio, as WAV and as PCM."""
    for container in ("wav", "pcm"):
        stream = AudioStream(container)
        try:
            stream.feed(data, 0.0)
            assert len(stream.finish().samples) <= len(data)
        except BadAudio:
            assert container == "wav"


def test_digital_silence_is_unhealthy_and_called_silence():
    """The fault that a status of 200 hides: right length, nothing in it."""
    (finding,) = verdict([0] * 38400)
    assert finding.status is Status.UNHEALTHY
    assert "silence" in finding.text


def test_a_whisper_is_degraded():
    """Between -55 and -45 dBFS callers hear something, barely."""
    loud = measure(Clip(hello(), 16000)).rms_dbfs
    quieter = 10 ** ((-50 - loud) / 20)
    findings = verdict([int(sample * quieter) for sample in hello()])
    assert [finding.status for finding in findings] == [Status.DEGRADED]
    assert "quiet" in findings[0].text


def test_half_a_second_of_nothing_at_the_start_is_degraded_and_measured():
    """Leading silence delays what the caller hears, though the first byte came early."""
    samples = [0] * 12800 + list(hello())
    onset = measure(Clip(array("h", samples), 16000)).onset
    plain = measure(Clip(hello(), 16000)).onset
    assert onset == pytest.approx(plain + 0.8, abs=0.01)
    assert any("silence" in finding.text and finding.status is Status.DEGRADED for finding in verdict(samples))


@pytest.mark.parametrize(("gain", "status"), [(2.5, Status.DEGRADED), (60, Status.UNHEALTHY)])
def test_clipping_is_degraded_then_unhealthy(gain, status):
    """The more samples at full scale, the worse."""
    findings = verdict([max(-32767, min(32767, int(sample * gain))) for sample in hello()])
    assert findings[0].status is status
    assert "clipped" in findings[0].text


def test_an_offset_is_degraded():
    """A mean away from zero is a broken converter, heard as clicks."""
    findings = verdict([sample + 1500 for sample in hello()])
    assert any("mean" in finding.text for finding in findings)


def test_one_value_held_is_stuck():
    """A run of one value that is not zero, for longer than 0.2 s."""
    samples = list(hello())
    samples[8000:14000] = [900] * 6000
    assert any("repeat" in finding.text and finding.status is Status.UNHEALTHY for finding in verdict(samples))


@pytest.mark.parametrize("buffer", [320, 512, 1024, 1600])
def test_a_buffer_played_over_and_over_is_stuck(buffer):
    """20 ms, 512 and 1024 samples, 100 ms: the usual sizes of audio buffers."""
    samples = hello()
    looped = list(samples[:16000]) + list(samples[16000 : 16000 + buffer]) * (12800 // buffer)
    assert any("repeat" in finding.text for finding in verdict(looped))


@pytest.mark.parametrize(
    ("characters", "status"),
    [(5, Status.UNHEALTHY), (12, Status.DEGRADED), (80, Status.DEGRADED), (200, Status.UNHEALTHY)],
)
def test_a_length_that_does_not_fit_the_text_is_noticed(characters, status):
    """2.4 s for 5 characters, or for 200, is no speech of that text."""
    findings = verdict(hello(), text="x" * characters)
    assert [finding.status for finding in findings] == [status]
    assert "characters" in findings[0].text


def test_audio_that_comes_more_slowly_than_it_plays_starves_the_player():
    """One second of audio, then two seconds of nothing: the player waits one second."""
    clip = Clip(hello(), 16000, 0.0, ((10.0, 1.0), (12.0, 2.4)))
    sound = measure(clip)
    assert sound.starved == pytest.approx(1.0)
    assert any("player" in finding.text for finding in judge(clip, sound, TEXT, SpeechLimits()))


def test_limits_can_be_set():
    """What is a fault for one is a style for another."""
    assert verdict([0] * 12800 + list(hello()), leading_silence=1.0) == []


def test_numbers_of_a_tone_are_those_of_the_text_book():
    """A sine at half of full scale: peak -6 dBFS, RMS -9 dBFS."""
    tone = [round(16384 * math.sin(2 * math.pi * 440 * n / 16000)) for n in range(16000)]
    sound = measure(Clip(array("h", tone), 16000))
    assert sound.peak_dbfs == pytest.approx(-6.02, abs=0.05)
    assert sound.rms_dbfs == pytest.approx(-9.03, abs=0.05)
    assert sound.dc_offset < 0.001
    assert sound.onset == pytest.approx(0, abs=0.002)
