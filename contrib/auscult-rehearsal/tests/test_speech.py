"""The OpenAI-shaped stand-ins, judged by the real `openai` client."""

import array
import io
import time
import wave

import httpx
import openai
import pytest

from auscult_rehearsal import API_KEY
from auscult_rehearsal.client import Control, running_stack
from auscult_rehearsal.llm import reply_to

SENTENCES = (
    "hello how can i help you today",
    "please tell me the weather in london",
    "i would like to cancel my order please",
    "the system is working",
)


def client(control: Control, name: str, key: str = API_KEY) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{control.address(name)}/v1", api_key=key, max_retries=0)


def speak(control: Control, text: str, **options) -> bytes:
    options = {"model": "rehearsal-tts", "voice": "alloy", "response_format": "wav"} | options
    return client(control, "tts").audio.speech.create(input=text, **options).read()


def hear(control: Control, audio: bytes, **options):
    return client(control, "stt").audio.transcriptions.create(model="rehearsal-stt", file=("a.wav", audio), **options)


@pytest.mark.parametrize("text", SENTENCES)
def test_what_is_spoken_is_heard_exactly(control, text):
    """flite into pocketsphinx and back, through the vendor's own client: word for word."""
    heard = hear(control, speak(control, text))
    assert heard.text == text
    assert heard.usage.type == "duration"


def test_the_same_again_is_heard_the_same(control):
    """The recogniser does not depend on what it heard before."""
    audio = speak(control, SENTENCES[0])
    assert {hear(control, audio).text for _ in range(3)} == {SENTENCES[0]}


def test_pcm_is_openais_24_khz(control):
    """Bare samples, half as many again as the WAV has at 16 kHz, and the same sound."""
    pcm, wav = speak(control, SENTENCES[0], response_format="pcm"), speak(control, SENTENCES[0])
    assert len(pcm) == pytest.approx((len(wav) - 44) * 1.5, rel=0.01)
    target = io.BytesIO()
    with wave.open(target, "wb") as file:
        file.setparams((1, 2, 24000, 0, "NONE", ""))
        file.writeframes(pcm)
    assert hear(control, target.getvalue()).text == SENTENCES[0]


def test_a_streamed_wav_does_not_know_its_length(control):
    """As servers that stream do: the sizes in the header are placeholders, the header comes before the voice."""
    with client(control, "tts").audio.speech.with_streaming_response.create(
        model="rehearsal-tts", voice="alloy", input=SENTENCES[0], response_format="wav"
    ) as reply:
        parts = list(reply.iter_bytes())
    audio = b"".join(parts)
    assert audio[4:8] == audio[40:44] == b"\xff\xff\xff\xff"


def test_formats_that_cannot_be_made_are_refused_in_openais_shape(control):
    """mp3 is OpenAI's default; the stand-in says what it speaks."""
    with pytest.raises(openai.BadRequestError) as refused:
        speak(control, "hello", response_format="mp3")
    assert refused.value.param == "response_format"


def test_transcripts_come_as_text_and_as_a_stream_too(control):
    """response_format text, verbose_json, and server-sent events as the client parses them."""
    audio = speak(control, SENTENCES[3])
    assert hear(control, audio, response_format="text").strip() == SENTENCES[3]
    assert hear(control, audio, response_format="verbose_json").duration > 1
    events = list(hear(control, audio, stream=True))
    assert "".join(event.delta for event in events if event.type == "transcript.text.delta") == SENTENCES[3]
    assert events[-1].text == SENTENCES[3]


def test_what_is_no_audio_is_refused(control):
    """As OpenAI does, with a 400."""
    with pytest.raises(openai.BadRequestError, match="Invalid file format"):
        hear(control, b"this is no audio")


def test_a_chat_streams_and_is_parsed(control):
    """Role first, words one by one, a reason, a last chunk with usage and without choices."""
    chunks = list(
        client(control, "llm").chat.completions.create(
            model="rehearsal-llm",
            messages=[{"role": "user", "content": "What is the weather?"}],
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    assert chunks[0].choices[0].delta.role == "assistant"
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == reply_to("weather")
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].choices == []
    assert chunks[-1].usage.completion_tokens == len(text.split())


def test_a_chat_in_one_piece_and_its_limit(control):
    """Without streaming; max_tokens cuts and says so."""
    ask = client(control, "llm").chat.completions.create
    whole = ask(model="rehearsal-llm", messages=[{"role": "user", "content": "single word: ready"}])
    assert whole.choices[0].message.content == "Ready."
    cut = ask(model="rehearsal-llm", messages=[{"role": "user", "content": "weather"}], max_tokens=3)
    assert (cut.choices[0].finish_reason, cut.usage.completion_tokens) == ("length", 3)


def test_the_words_come_one_after_the_other(control):
    """A stream, not one piece cut up: the last word comes later than the first."""
    begin, times = time.monotonic(), []
    for chunk in client(control, "llm").chat.completions.create(
        model="rehearsal-llm", messages=[{"role": "user", "content": "weather"}], stream=True
    ):
        if chunk.choices[0].delta.content:
            times.append(time.monotonic() - begin)
    assert times[-1] - times[0] > 0.05


@pytest.mark.parametrize("name", ["stt", "llm", "tts"])
def test_models_need_the_key(control, name):
    """A wrong key is OpenAI's 401, no key is another one; the right key sees four models."""
    assert len(list(client(control, name).models.list())) == 4
    with pytest.raises(openai.AuthenticationError) as refused:
        client(control, name, "sk-wrong").models.list()
    assert refused.value.code == "invalid_api_key"
    bare = httpx.get(f"{control.address(name)}/v1/models")
    assert bare.status_code == 401
    assert bare.json()["error"]["code"] is None


def test_an_unknown_model_and_path_are_refused(control):
    """404 with model_not_found, and 404 without a code for a wrong address."""
    with pytest.raises(openai.NotFoundError) as refused:
        speak(control, "hello", model="tts-9")
    assert refused.value.code == "model_not_found"
    wrong = httpx.get(f"{control.address('llm')}/v2/x", headers={"authorization": f"Bearer {API_KEY}"})
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (404, None)


def test_throttling_is_openais_with_retry_after(control):
    """429, its code, and the header."""
    control.break_("llm", "throttled")
    with pytest.raises(openai.RateLimitError) as refused:
        client(control, "llm").chat.completions.create(
            model="rehearsal-llm", messages=[{"role": "user", "content": "x"}]
        )
    assert refused.value.code == "rate_limit_exceeded"
    assert refused.value.response.headers["retry-after"] == "20"
    assert len(list(client(control, "llm").models.list())) == 4


def test_a_liar_is_fine_on_its_health_and_fails_at_work(control):
    """200 on /health and on the models, 500 on the work."""
    control.break_("tts", "lying")
    assert httpx.get(f"{control.address('tts')}/health").json()["status"] == "ok"
    assert len(list(client(control, "tts").models.list())) == 4
    with pytest.raises(openai.InternalServerError):
        speak(control, "hello")


def test_down_refuses_connections_and_comes_back_on_its_port(control):
    """No answer at all, and after mending the same address works."""
    address = control.address("llm")
    control.break_("llm", "down")
    with pytest.raises(openai.APIConnectionError):
        client(control, "llm").models.list()
    control.mend("llm")
    assert control.address("llm") == address
    assert len(list(client(control, "llm").models.list())) == 4


def samples(audio: bytes) -> array.array:
    return array.array("h", audio[44:])


def test_silence_keeps_its_length(control):
    """The defect is in the sound alone."""
    good = samples(speak(control, SENTENCES[0]))
    control.break_("tts", "silent")
    silent = samples(speak(control, SENTENCES[0]))
    assert len(silent) == len(good)
    assert set(silent) == {0}


def test_half_a_sentence_is_heard_as_half(control):
    """Defects are faults of the voice, judged by the real recogniser."""
    control.break_("tts", "half")
    heard = hear(control, speak(control, SENTENCES[2])).text
    assert heard != SENTENCES[2]
    assert SENTENCES[2].startswith(heard.split()[0])


def test_noise_drowns_the_words(control):
    """Far above the voice."""
    control.break_("tts", "noisy")
    assert hear(control, speak(control, SENTENCES[0])).text != SENTENCES[0]


def test_without_engines_it_plays_clips_and_says_so(tmp_path):
    """Health and a header say that speech is not real; the round trip works for the clips that come with it."""
    with running_stack(tmp_path, clips_only=True) as control:
        for name in ("stt", "tts"):
            health = httpx.get(f"{control.address(name)}/health")
            assert health.json()["engine"] == health.headers["x-rehearsal-engine"] == "clips"
            assert "not installed" in health.json()["note"]
        for text in SENTENCES:
            assert hear(control, speak(control, text)).text == text
        assert hear(control, speak(control, "something it has no clip of")).text in SENTENCES
