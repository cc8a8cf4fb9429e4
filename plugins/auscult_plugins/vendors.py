"""One free request to each vendor whose own protocol we do not speak (yet): is it there, is the key good?"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Literal, cast

from auscult import Check, CheckContext, Discovered, Measurement, Reading, SecretStr, hookimpl
from auscult_plugins._voice.directory import ROLES, VENDORS, Vendor, vendor_proposals
from auscult_plugins._voice.exchange import Exchange, Failed, checked_key, checked_url, guarded
from auscult_plugins._voice.openai import judge_models, listed_models


class _TypeOfRole:
    """The component type that goes with a check's role; on the class, where no role is known, the kind."""

    def __get__(self, check: VendorCheck | None, owner: type) -> str:
        return ROLES[check.chosen_role] if check is not None else "vendor"


class VendorCheck(Check):
    """A vendor of voice services, looked at for free: it answers, the key is good, the account is alive.

    Whether it also hears, thinks or speaks is not proved; where the vendor is OpenAI-compatible, the checks ``stt``,
    ``llm`` and ``tts`` do that.
    """

    kind = "vendor"
    component_type: ClassVar[str] = cast("str", _TypeOfRole())
    measurements: ClassVar[tuple[Measurement, ...]] = (
        Measurement("models", "models", "How many models the vendor lists."),
        Measurement("projects", "projects", "How many projects the key can see."),
        Measurement("characters_used", "characters", "Used in this billing period."),
        Measurement("characters_limit", "characters", "Included in this billing period."),
    )

    vendor: Literal["anthropic", "assemblyai", "cartesia", "deepgram", "elevenlabs", "groq"]
    """Whom to ask."""
    api_key: SecretStr
    """The vendor's key, as its own client takes it."""
    role: Literal["", "stt", "llm", "tts"] = ""
    """What your agent uses it for, which makes the component's type; empty is the vendor's usual use."""
    base_url: str = ""
    """Another address than the vendor's own: a region, a gateway."""
    model: str = ""
    """With Anthropic and Groq: the model your agent uses, which must be listed and not be retired."""

    def __post_init__(self) -> None:
        vendor = VENDORS[self.vendor]
        checked_key(self.api_key)
        if not self.api_key.strip():
            raise ValueError(f"`api_key` is empty; expected {vendor.title}'s key, for example ${{{vendor.keys[0]}}}")
        if self.base_url:
            checked_url("base_url", self.base_url)
        if self.role and self.role not in vendor.roles:
            raise ValueError(
                f"`role` = '{self.role}' is nothing {vendor.title} does; expected {' or '.join(vendor.roles)}"
            )
        if self.model and vendor.answer != "models":
            raise ValueError(f"`model` cannot be checked with {vendor.title}, which lists none for free")

    @property
    def chosen_role(self) -> str:
        """The role that is named, else the vendor's usual one."""
        return self.role or VENDORS[self.vendor].roles[0]

    async def probe(self, ctx: CheckContext) -> Reading:
        """Ask once."""
        vendor = VENDORS[self.vendor]
        exchange = Exchange(ctx, self.base_url or vendor.base_url, vendor.request_headers(self.api_key.strip()))
        return await guarded(exchange, lambda: self._ask(exchange, vendor))

    @classmethod
    def discover(cls, environ: Mapping[str, str]) -> Iterable[Discovered]:
        """A component for each vendor's key: DEEPGRAM_API_KEY, ELEVENLABS_API_KEY, …"""
        for proposal in vendor_proposals(environ):
            yield proposal.discovered(cls)

    async def _ask(self, exchange: Exchange, vendor: Vendor) -> Reading:
        async with exchange.request("GET", vendor.path, waiting_for="the answer") as reply:
            said = await exchange.json(reply, f"what {vendor.title} gives for {vendor.path}")
        verdict = _READERS[vendor.answer](exchange.who, said, self.model)
        if verdict is None:
            start = json.dumps(said)[:60]
            raise Failed(f"{exchange.who} answers 200, but not as {vendor.title} does: {start}; check `base_url`")
        return Reading(verdict.status, verdict.message, verdict.measurements, dict(exchange.stages))


def _models(who: str, said: Any, model: str) -> Reading | None:
    models = listed_models(said)
    return None if models is None else judge_models(who, models, model)


def _projects(who: str, said: Any, _: str) -> Reading | None:
    projects = said.get("projects") if isinstance(said, dict) else None
    if not isinstance(projects, list):
        return None
    if not projects:
        return Reading.degraded(f"{who} accepts the key, which can see no project", projects=0)
    return Reading.healthy(f"{who} accepts the key", projects=len(projects))


def _subscription(who: str, said: Any, _: str) -> Reading | None:
    used, limit = (
        said.get(name) if isinstance(said, dict) else None for name in ("character_count", "character_limit")
    )
    if not isinstance(used, int) or not isinstance(limit, int):
        return None
    numbers = {"characters_used": float(used), "characters_limit": float(limit)}
    # Whether speaking goes on beyond the limit depends on the plan's extension: a warning, not a verdict.
    if used >= limit > 0:
        return Reading.degraded(
            f"{who}: all {limit} characters of this period are used; raise the plan or wait", **numbers
        )
    return Reading.healthy(f"{who} accepts the key; {used} of {limit} characters of this period are used", **numbers)


def _any_list(who: str, said: Any, _: str) -> Reading | None:
    lists = isinstance(said, list) or (
        isinstance(said, dict) and any(isinstance(value, list) for value in said.values())
    )
    return Reading.healthy(f"{who} accepts the key") if lists else None


_READERS = {
    "models": _models,
    "projects": _projects,
    "subscription": _subscription,
    "voices": _any_list,
    "transcripts": _any_list,
}


@hookimpl
def auscult_checks() -> Iterable[type[Check]]:
    """`VendorCheck`."""
    return [VendorCheck]
