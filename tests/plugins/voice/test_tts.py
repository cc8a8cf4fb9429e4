"""The check `tts` against a real voice, with every defect a voice can have, and against servers that answer wrongly."""

import struct
from array import array

import pytest

from auscult import Status
from auscult_plugins.tts import TtsCheck
from auscult_rehearsal import API_KEY

pytestmark = pytest.mark.anyio


def check(url: str, **options) -> TtsCheck:
    return TtsCheck(
        **{"base_url": f"{url}/v1", "api_key": API_KEY, "model": "rehearsal-tts", "depth": "speech"} | options
    )


@pytest.mark.parametrize("container", ["wav", "pcm"])
async def test_a_real_voice_is_good_in_both_formats(control, probe, container):
    """flite speaks; the audio decodes in either format to the same length, and nothing is wrong with it."""
    reading = await probe(check(control.address("tts"), response_format=container))
    assert reading.status is Status.HEALTHY, reading.message
    numbers = reading.measurements
    assert numbers["audio_seconds"] == pytest.approx(2.4, abs=0.15)
    assert -32 < numbers["rms_dbfs"] < -14
    assert 10 < numbers["characters_per_second"] < 17
    assert numbers["clipping_percent"] == 0
    assert numbers["real_time_factor"] > 0
    assert reading.response_time_ms == pytest.approx(numbers["time_to_first_audio_seconds"] * 1000)
    assert list(reading.stages) == ["first_byte", "first_audio", "transfer"]


async def test_first_audio_is_the_first_byte_and_the_silence_before_the_voice(control, probe):
    """A caller hears something once the leading silence has played."""
    numbers = (await probe(check(control.address("tts")))).measurements
    assert numbers["leading_silence_seconds"] > 0.1
    assert numbers["time_to_first_audio_seconds"] == pytest.approx(
        numbers["time_to_first_byte_seconds"] + numbers["leading_silence_seconds"], abs=0.005
    )


async def test_every_declared_number_and_no_other_is_measured(control, probe):
    """What the class declares is what its readings carry."""
    reading = await probe(check(control.address("tts")))
    assert set(reading.measurements) == {each.name for each in TtsCheck.measurements} - {"models", "cost_usd"}


@pytest.mark.parametrize(
    ("fault", "status", "says"),
    [
        ("silent", Status.UNHEALTHY, "the audio is silence"),
        ("clipped", Status.UNHEALTHY, "clipped"),
        ("stuck", Status.UNHEALTHY, "stuck or looped"),
        ("unauthorized", Status.UNHEALTHY, "the API key is refused"),
        ("throttled", Status.UNHEALTHY, "it asks to wait 20 s"),
        ("lying", Status.UNHEALTHY, "the vendor must act"),
        ("down", Status.UNHEALTHY, "cannot connect"),
    ],
)
async def test_faults_become_sentences(control, probe, fault, status, says):
    """A 200 with silence names silence; each other fault says what it is."""
    address = control.address("tts")
    control.break_("tts", fault)
    reading = await probe(check(address))
    assert reading.status is status
    assert says in reading.message


def header(size: int = 0xFFFFFFFF, rate: int = 16000) -> bytes:
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate, rate * 2, 2, 16)
    return struct.pack("<4sI4s", b"RIFF", size, b"WAVE") + form + struct.pack("<4sI", b"data", size)


def buzz(seconds: float, rate: int = 16000) -> bytes:
    """Something audible that never repeats."""
    value, samples = 12345, array("h")
    for _ in range(int(seconds * rate)):
        value = (value * 1103515245 + 12345) % 2**31
        samples.append(value // 2**16 % 8000 - 4000)
    return samples.tobytes()


async def test_the_header_is_not_the_first_audio(scripted, begin, probe):
    """The header at once, the voice 0.4 s later: the first byte of audio is that of the voice."""
    server = scripted(begin("audio/wav"), header(), 0.4, buzz(2.4))
    reading = await probe(check(server.url))
    assert reading.status is Status.HEALTHY, reading.message
    assert reading.measurements["time_to_first_byte_seconds"] > 0.35
    assert reading.response_time_ms > 350


async def test_audio_slower_than_its_playing_starves_the_player(scripted, begin, probe):
    """A pause in the middle that is longer than what was there to play."""
    server = scripted(begin("audio/wav"), header() + buzz(0.2), 0.9, buzz(2.2))
    reading = await probe(check(server.url))
    assert reading.status is Status.DEGRADED
    assert "a player would have waited" in reading.message
    assert reading.measurements["starved_seconds"] == pytest.approx(0.7, abs=0.25)


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ([], "the audio is empty"),
        ([header()], "without any audio"),
        ([b"ID3" + bytes(100)], "the audio is MP3"),
        ([header(size=32000 * 2) + buzz(1.0)], "never came"),
        ([header() + buzz(12.0)], "is no speech"),
    ],
)
async def test_a_200_that_is_no_speech(scripted, begin, probe, parts, says):
    """Nothing, a header alone, another format, half of what was promised, ten times too long."""
    reading = await probe(check(scripted(begin("audio/wav"), *parts).url))
    assert reading.status is Status.UNHEALTHY
    assert says in reading.message


async def test_an_error_under_200_is_an_error(scripted, answer, probe):
    """Some gateways say 200 and put the refusal inside."""
    said = {"error": {"code": "insufficient_quota", "message": "You exceeded your quota."}}
    reading = await probe(check(scripted(answer(200, said)).url))
    assert reading.status is Status.UNHEALTHY
    assert "out of money" in reading.message


async def test_too_much_audio_is_cut(scripted, begin, probe):
    """A server that never stops talking costs bounded memory."""
    reading = await probe(check(scripted(begin("audio/wav"), header(), *[bytes(100_000)] * 60).url))
    assert reading.status is Status.UNHEALTHY
    assert "more than" in reading.message


async def test_the_request_is_the_one_openai_documents(scripted, begin, probe):
    """Model, input, voice, response_format; nothing else."""
    server = scripted(begin("audio/pcm"), buzz(2.0, 24000))
    reading = await probe(check(server.url, response_format="pcm", voice="ash", text="good morning to you"))
    assert server.json == {
        "model": "rehearsal-tts",
        "input": "good morning to you",
        "voice": "ash",
        "response_format": "pcm",
    }
    assert reading.measurements["audio_seconds"] == pytest.approx(2.0)


async def test_the_rate_of_bare_pcm_is_an_option(scripted, begin, probe):
    """PCM says nothing about itself: at another rate it is longer."""
    server = scripted(begin("audio/pcm"), buzz(2.0, 24000))
    reading = await probe(check(server.url, response_format="pcm", sample_rate=16000))
    assert reading.measurements["audio_seconds"] == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("options", "says"),
    [({"model": ""}, "needs `model`"), ({"text": " "}, "`text` is empty"), ({"sample_rate": 24}, "samples per second")],
)
def test_wrong_options_are_refused_with_a_sentence(options, says):
    """At configuration time."""
    with pytest.raises(ValueError, match=says):
        check("http://127.0.0.1:9", **options)


def test_only_the_paid_depth_asks_for_a_slow_pace():
    """Characters cost; the list of models does not."""
    assert check("http://x").prefers().interval == 300
    assert TtsCheck().prefers().interval is None
