"""The options and the free look that every OpenAI-compatible server allows: ``GET /models``."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from auscult import Check, CheckContext, Measurement, Reading, SecretStr
from auscult_plugins._voice.exchange import Exchange, Failed, checked_key, checked_url
from auscult_plugins._voice.failures import classify

__all__ = ["OPENAI", "OpenAICheck", "judge_models", "listed_models"]

OPENAI = "https://api.openai.com/v1"
_MODELS = Measurement("models", "models", "How many models the server lists.")


def listed_models(said: Any) -> dict[str, dict[str, Any]] | None:
    """Models by id from a ``/models`` answer (``{"data": [{"id": …}]}`` or a bare list); None when it is neither."""
    entries = said.get("data") if isinstance(said, dict) else said
    if not isinstance(entries, list):
        return None
    return {str(entry["id"]): entry for entry in entries if isinstance(entry, dict) and "id" in entry}


def judge_models(who: str, models: dict[str, dict[str, Any]], model: str) -> Reading:
    """Good when the list has `model`, or none is asked for; says when the vendor drops it, where that is set."""
    if not model:
        return Reading.healthy(f"{who} accepts the request and lists {len(models)} models", models=len(models))
    entry = models.get(model) or next((item for name, item in models.items() if name.endswith("/" + model)), None)
    if entry is None:
        import difflib

        near = difflib.get_close_matches(model, models, n=1, cutoff=0.5)
        instead = f"; did you mean `{near[0]}`?" if near else ""
        return Reading.unhealthy(
            f"{who}: the model `{model}` is not among the {len(models)} listed{instead}", models=len(models)
        )
    return _judge_entry(who, entry, model, len(models))


def _judge_entry(who: str, entry: dict[str, Any], model: str, count: int) -> Reading:
    end = entry.get("shutdown_date") or entry.get("retires_at")
    when = f"; the vendor drops it on {str(end)[:10]}" if end else ""
    if entry.get("lifecycle") == "retired":
        return Reading.unhealthy(f"{who}: the model `{model}` is retired{when}", models=count)
    if entry.get("lifecycle") == "deprecated":
        return Reading.degraded(f"{who}: the model `{model}` is deprecated{when}", models=count)
    return Reading.healthy(f"{who} accepts the request and lists `{model}`{when}", models=count)


class OpenAICheck(Check):
    """What `stt`, `llm` and `tts` have in common."""

    measurements: ClassVar[tuple[Measurement, ...]] = (_MODELS,)

    base_url: str = OPENAI
    """Where the OpenAI-compatible server is, up to and with ``/v1``."""
    api_key: SecretStr = ""
    """Sent as ``Authorization: Bearer …``; empty for a local server that wants none."""
    headers: dict[str, SecretStr] = msgspec.field(default_factory=dict)
    """Further request headers, for example a gateway's own key."""
    model: str = ""
    """The model your agent uses. With depth ``auth`` the server must list it; the paid depth needs it."""
    provider: str = ""
    """Whose list price a paid probe has, for example ``openai`` behind a gateway. Empty goes by the host of
    `base_url`; a server that is nobody's known is unpriced."""

    def __post_init__(self) -> None:
        checked_url("base_url", self.base_url)
        checked_key(self.api_key)

    def exchange(self, ctx: CheckContext) -> Exchange:
        """A new exchange with this server."""
        key = {"Authorization": f"Bearer {self.api_key.strip()}"} if self.api_key.strip() else {}
        return Exchange(ctx, self.base_url, key | self.headers)

    def needs_model(self, depth: str) -> None:
        """Raises ValueError when no model is named, which `depth` cannot do without."""
        if not self.model:
            raise ValueError(f"depth `{depth}` needs `model`: name the one your agent uses")

    async def reach(self, exchange: Exchange) -> Reading:
        """Whether an HTTP server answers at all; no key is sent, and any answer but a server's failure will do."""
        exchange.restart()
        async with exchange.ctx.http.stream(
            "GET", f"{exchange.base_url}/models", timeout=exchange.ctx.timeout
        ) as reply:
            exchange.mark("first_byte")
            if reply.status_code >= 500:
                body = b"".join([chunk async for chunk in reply.aiter_bytes()])[:4096]
                failure = classify(reply.status_code, reply.headers, body, now_ms=exchange.clock.now_ms())
                raise Failed(failure.sentence(exchange.who))
            message = f"{exchange.who} answers (HTTP {reply.status_code}); no key was tried"
        return Reading(message=message, stages=dict(exchange.stages))

    async def look(self, exchange: Exchange) -> Reading:
        """Whether the key is accepted and the model is there, at no cost."""
        hint = (
            "this server lists no models: name depth `reach` to see only whether it answers, or the paid depth to see "
            "it work; or check `base_url`, which usually ends in /v1"
        )
        async with exchange.request("GET", "/models", waiting_for="the list of models", hint_404=hint) as reply:
            said = await exchange.json(reply, "a list of models")
        models = listed_models(said)
        if models is None:
            raise Failed(f"{exchange.who} answers 200, but not with a list of models; check `base_url`")
        verdict = judge_models(exchange.who, models, self.model)
        return Reading(verdict.status, verdict.message, verdict.measurements, dict(exchange.stages))
