"""The vendors we know, what their keys are called, and which component each key stands for.

Hosts, paths and headers are those of the vendors' own Python clients and API references (autumn 2026).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from auscult import Check, Discovered

__all__ = ["ROLES", "VENDORS", "Proposal", "Vendor", "openai_proposal", "vendor_proposals"]

ROLES = {"stt": "stt_client", "llm": "llm_client", "tts": "tts_client"}
"""What a vendor does for an agent, and the component type that goes with it."""


class Vendor(Struct, frozen=True, kw_only=True):
    """A vendor and its free request that only a good key passes."""

    title: str
    base_url: str
    path: str
    key_header: str
    key_prefix: str = ""
    headers: dict[str, str] = {}
    roles: tuple[str, ...]
    """What it can do, the usual use first."""
    keys: tuple[str, ...]
    """Environment variables its clients read the key from, in order."""
    url_variable: str = ""
    """The one its client reads another address from."""
    answer: str
    """What the request gives: ``models``, ``projects``, ``subscription``, ``voices`` or ``transcripts``."""

    def request_headers(self, key: str) -> dict[str, str]:
        """Headers that carry `key`."""
        return {**self.headers, self.key_header: self.key_prefix + key}


VENDORS: dict[str, Vendor] = {
    "anthropic": Vendor(
        title="Anthropic",
        base_url="https://api.anthropic.com",
        path="/v1/models?limit=1000",
        key_header="x-api-key",
        headers={"anthropic-version": "2023-06-01"},
        roles=("llm",),
        keys=("ANTHROPIC_API_KEY",),
        url_variable="ANTHROPIC_BASE_URL",
        answer="models",
    ),
    "assemblyai": Vendor(
        title="AssemblyAI",
        base_url="https://api.assemblyai.com",
        path="/v2/transcript?limit=1",
        key_header="authorization",
        roles=("stt",),
        keys=("ASSEMBLYAI_API_KEY",),
        answer="transcripts",
    ),
    "cartesia": Vendor(
        title="Cartesia",
        base_url="https://api.cartesia.ai",
        path="/voices?limit=1",
        key_header="authorization",
        key_prefix="Bearer ",
        headers={"cartesia-version": "2026-08-14"},
        roles=("tts", "stt"),
        keys=("CARTESIA_API_KEY",),
        url_variable="CARTESIA_BASE_URL",
        answer="voices",
    ),
    "deepgram": Vendor(
        title="Deepgram",
        base_url="https://api.deepgram.com",
        path="/v1/projects",
        key_header="authorization",
        key_prefix="Token ",
        roles=("stt", "tts"),
        keys=("DEEPGRAM_API_KEY",),
        answer="projects",
    ),
    "elevenlabs": Vendor(
        title="ElevenLabs",
        base_url="https://api.elevenlabs.io",
        path="/v1/user/subscription",
        key_header="xi-api-key",
        roles=("tts", "stt"),
        keys=("ELEVENLABS_API_KEY", "ELEVEN_API_KEY"),
        answer="subscription",
    ),
    "groq": Vendor(
        title="Groq",
        base_url="https://api.groq.com",
        path="/openai/v1/models",
        key_header="authorization",
        key_prefix="Bearer ",
        roles=("llm", "stt", "tts"),
        keys=("GROQ_API_KEY",),
        url_variable="GROQ_BASE_URL",
        answer="models",
    ),
}
_ORDER = {"stt": ("deepgram", "assemblyai"), "tts": ("elevenlabs", "cartesia"), "llm": ("anthropic", "groq")}
"""Which vendor gets a role's plain name when several keys are there; a fixed order keeps the names stable."""


class Proposal(Struct, frozen=True, kw_only=True):
    """A component that an environment suggests, for one check class to make."""

    name: str
    options: dict[str, Any]
    settings: dict[str, Any]
    because: str

    def discovered(self, kind: type[Check]) -> Discovered:
        """The proposal with its check."""
        return Discovered(name=self.name, check=kind(**self.options), because=self.because, settings=self.settings)


def _value(environ: Mapping[str, str], variable: str) -> str:
    return environ.get(variable, "").strip() if variable else ""


def _key(vendor: Vendor, environ: Mapping[str, str]) -> str:
    """Name of the variable that holds the vendor's key; empty when none does."""
    return next((name for name in vendor.keys if _value(environ, name)), "")


def _present(role: str, environ: Mapping[str, str]) -> list[str]:
    return [name for name in _ORDER[role] if _key(VENDORS[name], environ)]


def _references(environ: Mapping[str, str], **variables: str) -> tuple[dict[str, str], dict[str, str], list[str]]:
    """Options, the same as ``${NAME}`` references, and the variables' names, for those variables that are set."""
    found = {option: name for option, name in variables.items() if _value(environ, name)}
    values = {option: _value(environ, name) for option, name in found.items()}
    return values, {option: f"${{{name}}}" for option, name in found.items()}, list(found.values())


def _are_set(names: list[str]) -> str:
    return f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'} set"


def openai_proposal(role: str, environ: Mapping[str, str]) -> Proposal | None:
    """What OPENAI_API_KEY and OPENAI_BASE_URL stand for.

    ``llm``: always. ``stt`` and ``tts``: only with OpenAI's own address (another one seldom speaks) and while no other
    vendor's key says who does that work.
    """
    values, settings, names = _references(environ, api_key="OPENAI_API_KEY", base_url="OPENAI_BASE_URL")
    if not values:
        return None
    because = _are_set(names)
    if role != "llm":
        if "base_url" in values or _present(role, environ):
            return None
        because += f", and no other vendor's key for {'speech to text' if role == 'stt' else 'text to speech'}"
    return Proposal(name=ROLES[role], options=values, settings=settings, because=because)


def vendor_proposals(environ: Mapping[str, str]) -> Iterator[Proposal]:
    """What the other vendors' keys stand for, each in its usual role. A role's second carries its vendor's name."""
    for role, plain in ROLES.items():
        taken = openai_proposal(role, environ) is not None
        for name in _present(role, environ):
            vendor = VENDORS[name]
            values, settings, names = _references(environ, api_key=_key(vendor, environ), base_url=vendor.url_variable)
            yield Proposal(
                name=f"{plain}_{name}" if taken else plain,
                options={"vendor": name, **values},
                settings={"vendor": name, **settings},
                because=_are_set(names),
            )
            taken = True
