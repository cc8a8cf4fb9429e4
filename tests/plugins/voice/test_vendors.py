"""The table of vendors: one free request each, in the vendor's own way, and what their keys in an environment mean."""

import pytest

from auscult import Component, Status
from auscult_plugins.llm import LlmCheck
from auscult_plugins.stt import SttCheck
from auscult_plugins.tts import TtsCheck
from auscult_plugins.vendors import VendorCheck

pytestmark = pytest.mark.anyio

GOOD = {
    "anthropic": (
        "GET /v1/models?limit=1000 ",
        {"x-api-key: k123", "anthropic-version: 2023-06-01"},
        {"data": [{"id": "claude-x", "type": "model", "lifecycle": "active"}]},
    ),
    "assemblyai": (
        "GET /v2/transcript?limit=1 ",
        {"authorization: k123"},
        {"page_details": {"limit": 1}, "transcripts": []},
    ),
    "cartesia": ("GET /voices?limit=1 ", {"authorization: bearer k123"}, {"data": [{"id": "v"}], "has_more": True}),
    "deepgram": ("GET /v1/projects ", {"authorization: token k123"}, {"projects": [{"project_id": "p", "name": "n"}]}),
    "elevenlabs": (
        "GET /v1/user/subscription ",
        {"xi-api-key: k123"},
        {"tier": "creator", "character_count": 17, "character_limit": 100},
    ),
    "groq": ("GET /openai/v1/models ", {"authorization: bearer k123"}, {"object": "list", "data": [{"id": "whisper"}]}),
}


@pytest.mark.parametrize("vendor", GOOD)
async def test_each_vendor_is_asked_in_its_own_way(scripted, answer, probe, vendor):
    """Path and headers are the vendor's; its usual answer is good; another JSON under 200 is not that vendor."""
    line, headers, body = GOOD[vendor]
    server = scripted(answer(200, body))
    reading = await probe(VendorCheck(vendor=vendor, api_key="k123", base_url=server.url))
    assert reading.status is Status.HEALTHY, reading.message
    assert server.head.startswith(line)
    assert headers <= set(server.head.lower().split("\r\n"))
    other = scripted(answer(200, {"hello": "world"}))
    wrong = await probe(VendorCheck(vendor=vendor, api_key="k123", base_url=other.url))
    assert wrong.status is Status.UNHEALTHY
    assert "check `base_url`" in wrong.message


@pytest.mark.parametrize(
    ("vendor", "status", "body", "says"),
    [
        ("deepgram", 401, {"err_code": "INVALID_AUTH", "err_msg": "Invalid credentials."}, "the API key is refused"),
        ("deepgram", 402, {"err_msg": "Payment required."}, "out of money"),
        ("elevenlabs", 401, {"detail": {"status": "quota_exceeded", "message": "x"}}, "out of money"),
        ("anthropic", 529, {"type": "error", "error": {"type": "overloaded_error", "message": "x"}}, "overloaded"),
        ("assemblyai", 401, {"error": "Authentication error, API token missing/invalid"}, "API token missing"),
        ("cartesia", 500, {"title": "Internal", "message": "x"}, "the vendor must act"),
    ],
)
async def test_each_vendors_refusal_is_understood(scripted, answer, probe, vendor, status, body, says):
    """Whatever the shape, the sentence says what it is."""
    server = scripted(answer(status, body))
    reading = await probe(VendorCheck(vendor=vendor, api_key="k123", base_url=server.url))
    assert reading.status is Status.UNHEALTHY
    assert says in reading.message


async def test_used_up_characters_are_a_warning(scripted, answer, probe):
    """ElevenLabs tells what is left: all used is degraded, since a plan may go beyond."""
    server = scripted(answer(200, {"character_count": 100, "character_limit": 100}))
    reading = await probe(VendorCheck(vendor="elevenlabs", api_key="k123", base_url=server.url))
    assert reading.status is Status.DEGRADED
    assert reading.measurements == {"characters_used": 100, "characters_limit": 100}


async def test_a_retired_model_is_found(scripted, answer, probe):
    """Anthropic tells a model's lifecycle: retired is unhealthy, before an agent finds out."""
    server = scripted(answer(200, {"data": [{"id": "claude-x", "lifecycle": "retired"}]}))
    reading = await probe(VendorCheck(vendor="anthropic", api_key="k123", base_url=server.url, model="claude-x"))
    assert reading.status is Status.UNHEALTHY


def test_the_type_follows_the_role():
    """One kind of check, three types of component; the user's own type still wins."""
    usual = VendorCheck(vendor="deepgram", api_key="k")
    other = VendorCheck(vendor="deepgram", api_key="k", role="tts")
    assert (usual.component_type, other.component_type) == ("stt_client", "tts_client")
    assert Component(name="x", check=other).component_type == "tts_client"
    assert Component(name="x", check=other, type="voice").component_type == "voice"
    assert VendorCheck.component_type == "vendor"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"vendor": "deepgram", "api_key": ""}, "DEEPGRAM_API_KEY"),
        ({"vendor": "assemblyai", "api_key": "k", "role": "tts"}, "expected stt"),
        ({"vendor": "deepgram", "api_key": "k", "model": "x"}, "lists none"),
        ({"vendor": "deepgram", "api_key": "k", "base_url": "deepgram"}, "is not an address"),
    ],
)
def test_wrong_options_are_refused_with_a_sentence(options, says):
    """At configuration time."""
    with pytest.raises(ValueError, match=says):
        VendorCheck(**options)


def test_no_key_is_ever_printed():
    """The check's own text masks it."""
    assert "k123secret" not in repr(VendorCheck(vendor="deepgram", api_key="k123secret"))
    assert "k123secret" not in repr(LlmCheck(api_key="k123secret", headers={"x": "k123secret"}))


def found(environ: dict[str, str]) -> dict:
    return {each.name: each for kind in (SttCheck, LlmCheck, TtsCheck, VendorCheck) for each in kind.discover(environ)}


def test_an_empty_environment_proposes_nothing():
    """Nor does one whose variables are empty."""
    assert found({}) == {}
    assert found({"OPENAI_API_KEY": "", "DEEPGRAM_API_KEY": "  "}) == {}


def test_openai_alone_stands_for_all_three():
    """With only OpenAI's key the agent hears and speaks with OpenAI, as far as anybody can tell."""
    proposals = found({"OPENAI_API_KEY": "sk-1"})
    assert set(proposals) == {"stt_client", "llm_client", "tts_client"}
    assert all(each.check.depth == "auth" for each in proposals.values())
    assert proposals["llm_client"].settings == {"api_key": "${OPENAI_API_KEY}"}
    assert proposals["llm_client"].because == "OPENAI_API_KEY is set"
    assert "no other vendor's key" in proposals["stt_client"].because


def test_another_vendors_key_takes_its_role():
    """Deepgram hears, ElevenLabs speaks, OpenAI thinks: the usual agent."""
    proposals = found({"OPENAI_API_KEY": "sk-1", "DEEPGRAM_API_KEY": "d", "ELEVEN_API_KEY": "e"})
    assert {name: type(each.check) for name, each in proposals.items()} == {
        "llm_client": LlmCheck,
        "stt_client": VendorCheck,
        "tts_client": VendorCheck,
    }
    assert proposals["stt_client"].check.vendor == "deepgram"
    assert proposals["tts_client"].settings == {"vendor": "elevenlabs", "api_key": "${ELEVEN_API_KEY}"}


def test_another_address_is_only_a_language_model():
    """OPENAI_BASE_URL is a gateway or a local server, which seldom speaks; no key is needed there."""
    proposals = found({"OPENAI_BASE_URL": "http://127.0.0.1:8000/v1"})
    assert set(proposals) == {"llm_client"}
    assert proposals["llm_client"].check.base_url == "http://127.0.0.1:8000/v1"
    assert proposals["llm_client"].settings == {"base_url": "${OPENAI_BASE_URL}"}


def test_the_second_of_a_role_carries_its_vendors_name():
    """All are monitored, in an order that does not depend on the environment's."""
    keys = ("GROQ_API_KEY", "ANTHROPIC_API_KEY", "OPENAI_API_KEY", "ASSEMBLYAI_API_KEY", "DEEPGRAM_API_KEY",
            "CARTESIA_API_KEY", "ELEVENLABS_API_KEY")  # fmt: skip
    proposals = found(dict.fromkeys(keys, "k"))
    assert {name: getattr(each.check, "vendor", "openai") for name, each in proposals.items()} == {
        "llm_client": "openai",
        "llm_client_anthropic": "anthropic",
        "llm_client_groq": "groq",
        "stt_client": "deepgram",
        "stt_client_assemblyai": "assemblyai",
        "tts_client": "elevenlabs",
        "tts_client_cartesia": "cartesia",
    }
    assert found({"ANTHROPIC_API_KEY": "k"})["llm_client"].check.vendor == "anthropic"


def test_reasons_name_variables_and_never_values():
    """What is shown to everybody holds no key; settings refer to the environment."""
    environ = {"OPENAI_API_KEY": "sk-secret-1", "DEEPGRAM_API_KEY": "dg-secret-2", "GROQ_API_KEY": "gq-secret-3"}
    shown = str([(each.because, each.settings, each.check) for each in found(environ).values()])
    assert "secret" not in shown
    assert "DEEPGRAM_API_KEY" in shown
