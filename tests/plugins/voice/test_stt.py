"""The check `stt` against real recognition, and against servers that answer in every wrong way."""

from pathlib import Path

import pytest

import auscult_rehearsal
from auscult import Status
from auscult_plugins.stt import SttCheck
from auscult_rehearsal import API_KEY

pytestmark = pytest.mark.anyio


def check(url: str, **options) -> SttCheck:
    return SttCheck(
        **{"base_url": f"{url}/v1", "api_key": API_KEY, "model": "rehearsal-stt", "depth": "speech"} | options
    )


async def test_the_bundled_utterance_is_recognised_word_by_word(control, probe):
    """Real recognition of the bundled clip: no word wrong; its length and the speed are measured."""
    reading = await probe(check(control.address("stt")))
    assert reading.status is Status.HEALTHY, reading.message
    assert "hello how can i help you today" in reading.message
    assert reading.measurements["word_error_rate"] == 0
    assert 2.2 < reading.measurements["audio_seconds"] < 2.6
    assert reading.measurements["real_time_factor"] == pytest.approx(
        reading.response_time_ms / 1000 / reading.measurements["audio_seconds"]
    )
    assert list(reading.stages) == ["first_byte", "transfer"]
    assert sum(reading.stages.values()) * 1000 == pytest.approx(reading.response_time_ms)


async def test_own_audio_with_its_own_text(control, probe):
    """A user's file is sent; what is heard is compared with what the user says is in it."""
    path = str(Path(auscult_rehearsal.__file__).parent / "clips" / "the-system-is-working.wav")
    good = await probe(check(control.address("stt"), audio_file=path, expected_text="The system is working."))
    assert good.status is Status.HEALTHY, good.message
    wrong = await probe(check(control.address("stt"), audio_file=path, expected_text="nothing of the kind"))
    assert wrong.status is Status.UNHEALTHY
    assert "word error rate" in wrong.message


async def test_a_missing_file_is_said(probe, tmp_path):
    """The sentence names the file and the system's reason."""
    path = tmp_path / "gone.wav"
    reading = await probe(check("http://127.0.0.1:9", audio_file=str(path), expected_text="hello"))
    assert reading.status is Status.UNHEALTHY
    assert str(path) in reading.message
    assert "No such file" in reading.message


async def test_an_empty_transcript_is_unhealthy(control, probe):
    """200 with nothing heard is the failure that a status check misses."""
    control.break_("stt", "silent")
    reading = await probe(check(control.address("stt")))
    assert reading.status is Status.UNHEALTHY
    assert "hears nothing" in reading.message
    assert reading.measurements["word_error_rate"] == 1


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("Hello! How can I help you today?", Status.HEALTHY),
        ("hello how can i help you", Status.HEALTHY),
        ("hello can help you today", Status.DEGRADED),
        ("yellow cow", Status.UNHEALTHY),
    ],
)
async def test_word_errors_decide(scripted, answer, probe, text, status):
    """Up to 20 % is healthy, up to 50 % degraded, beyond unhealthy; case and punctuation do not count."""
    server = scripted(answer(200, {"text": text}))
    reading = await probe(check(server.url))
    assert reading.status is status, reading.message
    if status is not Status.HEALTHY:
        assert text in reading.message
        assert "word error rate" in reading.message


async def test_the_levels_are_options(scripted, answer, probe):
    """Whoever wants every word right says so."""
    server = scripted(answer(200, {"text": "hello how can i help you"}))
    strict = check(server.url, degraded_word_error_rate=0.0, unhealthy_word_error_rate=0.1)
    assert (await probe(strict)).status is Status.UNHEALTHY


async def test_the_request_is_the_one_openai_documents(scripted, answer, probe):
    """Multipart with file, model, response_format and language; the key as bearer token; further headers as given."""
    server = scripted(answer(200, {"text": "x"}))
    await probe(check(server.url, language="en", headers={"x-gateway": "abc"}, api_key="sk-test\n"))
    sent = server.requests[-1]
    assert server.head.startswith("POST /v1/audio/transcriptions ")
    assert "authorization: bearer sk-test\r\n" in server.head.lower() + "\r\n"
    assert "x-gateway: abc" in server.head.lower()
    for part in (
        b'name="model"\r\n\r\nrehearsal-stt',
        b'name="response_format"\r\n\r\njson',
        b'name="language"\r\n\r\nen',
    ):
        assert part in sent
    assert b'filename="hello.wav"\r\nContent-Type: audio/wav' in sent


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("unauthorized", "the API key is refused (401 invalid_api_key"),
        ("throttled", "it asks to wait 20 s"),
        ("lying", "the vendor must act"),
        ("down", "cannot connect to 127.0.0.1"),
    ],
)
async def test_faults_become_sentences(control, probe, fault, says):
    """Each fault of the rehearsal is unhealthy, and the sentence says what it is."""
    address = control.address("stt")
    control.break_("stt", fault)
    reading = await probe(check(address))
    assert reading.status is Status.UNHEALTHY
    assert says in reading.message


async def test_auth_costs_nothing_and_sees_key_and_model(control, probe):
    """Depth auth lists models: good with the right key, the model's name checked, a wrong key named."""
    address = control.address("stt")
    good = await probe(check(address, depth="auth"))
    assert (good.status, good.measurements) == (Status.HEALTHY, {"models": 4.0})
    misspelt = await probe(check(address, depth="auth", model="rehersal-stt"))
    assert misspelt.status is Status.UNHEALTHY
    assert "did you mean `rehearsal-stt`?" in misspelt.message
    refused = await probe(check(address, depth="auth", api_key="sk-wrong"))
    assert refused.status is Status.UNHEALTHY
    assert "check `api_key`" in refused.message
    nameless = await probe(check(address, depth="auth", model=""))
    assert nameless.status is Status.HEALTHY


async def test_lying_health_is_believed_by_auth_and_found_by_speech(control, probe):
    """Why the paid depth exists: the list of models is fine while no work is done."""
    address = control.address("stt")
    control.break_("stt", "lying")
    assert (await probe(check(address, depth="auth"))).status is Status.HEALTHY
    assert (await probe(check(address))).status is Status.UNHEALTHY


async def test_reach_sends_no_key_and_takes_any_answer(scripted, answer, probe):
    """Depth reach says that a server is there, for those that list no models; a failing server is not there."""
    server = scripted(answer(401, {"detail": "no"}))
    reading = await probe(check(server.url, depth="reach"))
    assert reading.status is Status.HEALTHY
    assert "authorization" not in server.head.lower()
    broken = scripted(answer(503, ""))
    assert (await probe(check(broken.url, depth="reach"))).status is Status.UNHEALTHY


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ((404, {"detail": "Not Found"}), "lists no models"),
        ((200, "<html>hi</html>", "text/html"), "check `base_url`"),
        ((200, {"hello": "world"}), "not with a list of models"),
        ((301, b"", "text/plain"), "no such endpoint"),
    ],
)
async def test_a_server_that_is_another_is_said(scripted, answer, probe, parts, says):
    """A local server without /models, a web page, another API, a redirect: each has its clear message."""
    reading = await probe(check(scripted(answer(*parts)).url, depth="auth"))
    assert reading.status is Status.UNHEALTHY
    assert says in reading.message


@pytest.mark.parametrize(
    ("said", "status", "says"),
    [
        ({"shutdown_date": "2027-02-26"}, Status.HEALTHY, "drops it on 2027-02-26"),
        ({"lifecycle": "deprecated", "retires_at": "2027-02-26T00:00:00Z"}, Status.DEGRADED, "deprecated"),
        ({"lifecycle": "retired"}, Status.UNHEALTHY, "retired"),
    ],
)
async def test_a_model_with_an_end_says_so(scripted, answer, probe, said, status, says):
    """What the vendor says about the model's future is in the message."""
    server = scripted(answer(200, {"data": [{"id": "rehearsal-stt", **said}]}))
    reading = await probe(check(server.url, depth="auth"))
    assert reading.status is status
    assert says in reading.message


async def test_a_server_that_accepts_and_says_nothing(scripted, probe):
    """The message says what was waited for and how long, before the core cuts the probe."""
    reading = await probe(check(scripted(30.0).url), timeout=0.5)
    assert reading.status is Status.UNHEALTHY
    assert "an answer did not come within" in reading.message


async def test_a_connection_that_breaks_off(scripted, answer, probe):
    """Half an answer is no answer."""
    reading = await probe(check(scripted(answer(200, {"text": "hello"})[:-6]).url))
    assert reading.status is Status.UNHEALTHY
    assert "broke" in reading.message


@pytest.mark.parametrize(
    ("body", "says"),
    [({"words": []}, "no `text`"), ("hello", "not with a transcript"), ({"error": {"message": "boom"}}, "boom")],
)
async def test_a_200_that_is_no_transcript(scripted, answer, probe, body, says):
    """Other JSON, no JSON, an error under 200."""
    reading = await probe(check(scripted(answer(200, body)).url))
    assert reading.status is Status.UNHEALTHY
    assert says in reading.message


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"model": ""}, "depth `speech` needs `model`"),
        ({"base_url": "api.openai.com"}, "is not an address"),
        ({"audio_file": "x.wav"}, "go together"),
        ({"expected_text": "x"}, "go together"),
        ({"degraded_word_error_rate": 0.9}, "lies below"),
        ({"api_key": "sk-\u2026"}, "beyond ASCII"),
    ],
)
def test_wrong_options_are_refused_with_a_sentence(options, says):
    """At configuration time, not at three in the morning; the key itself is never in the sentence."""
    with pytest.raises(ValueError, match=says) as refused:
        check("http://127.0.0.1:9", **options)
    assert "sk-" not in str(refused.value)


def test_only_the_paid_depth_asks_for_a_slow_pace():
    """Five minutes where it costs money; the default depth leaves the pace to the user's default."""
    assert check("http://x").prefers().interval == 300
    assert SttCheck().prefers().interval is None
    assert SttCheck().depth == "auth"
    assert SttCheck().base_url == "https://api.openai.com/v1"
