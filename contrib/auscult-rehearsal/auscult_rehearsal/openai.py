"""OpenAI's HTTP, as far as the three speech and language stand-ins share it: keys, errors, models."""

from __future__ import annotations

import itertools

from auscult_rehearsal import API_KEY, MODELS
from auscult_rehearsal.asgi import Answer, Request, answer_json
from auscult_rehearsal.standin import RETRY_AFTER, WebStandIn

__all__ = ["OpenAIStandIn", "error"]

_CREATED = 1_760_000_000


def error(status: int, message: str, kind: str, code: str | None, *, param: str | None = None) -> Answer:
    """An error in OpenAI's shape."""
    body = {"error": {"message": message, "type": kind, "param": param, "code": code}}
    headers = {"retry-after": str(RETRY_AFTER)} if status == 429 else {}
    return answer_json(body, status, headers)


class OpenAIStandIn(WebStandIn):
    """Checks the key and lists models; subclasses add the one endpoint that works."""

    engine = ""
    """Who does the work, for the header ``x-rehearsal-engine``."""

    def __init__(self) -> None:
        super().__init__()
        self._numbers = itertools.count(1)

    def is_health(self, request: Request) -> bool:
        """Throttling and lying spare the list of models, as they do at the original; a bad key does not."""
        if request.path == "/health":
            return True
        return request.path == "/v1/models" and self.fault in ("throttled", "lying")

    def refusal(self) -> Answer:
        """A key that is not known."""
        message = (
            "Incorrect API key provided: rehears***-key. You can find your API key at "
            "https://platform.openai.com/account/api-keys."
        )
        return error(401, message, "invalid_request_error", "invalid_api_key")

    def throttle(self) -> Answer:
        """Too many requests."""
        message = f"Rate limit reached for requests per min. Please try again in {RETRY_AFTER}s."
        return error(429, message, "requests", "rate_limit_exceeded")

    def failure(self) -> Answer:
        """The vendor's own fault."""
        return error(
            500, "The server had an error while processing your request. Sorry about that!", "server_error", None
        )

    async def work(self, request: Request) -> Answer | None:
        """Health, models, and the endpoint of the subclass, behind the key."""
        if request.path == "/health":
            return self._tagged(answer_json({"status": "ok", "engine": self.engine, "note": self.note}))
        if refused := self._key_refused(request):
            return refused
        if request.method == "GET" and request.path == "/v1/models":
            entry = {"object": "model", "created": _CREATED, "owned_by": "rehearsal", "shutdown_date": None}
            return self._tagged(answer_json({"object": "list", "data": [{"id": name, **entry} for name in MODELS]}))
        answer = await self.serve(request)
        return self._tagged(answer) if answer else self._no_such_url(request)

    async def serve(self, request: Request) -> Answer | None:
        """What only this one does; None where the path is another."""
        raise NotImplementedError

    def _tagged(self, answer: Answer) -> Answer:
        answer.headers.setdefault("x-request-id", f"req_{self.name}_{next(self._numbers)}")
        answer.headers.setdefault("x-rehearsal-engine", self.engine)
        return answer

    def _key_refused(self, request: Request) -> Answer | None:
        sent = request.headers.get("authorization", "")
        if sent == f"Bearer {API_KEY}":
            return None
        if not sent:
            message = (
                "You didn't provide an API key. You need to provide your API key in an Authorization header using "
                "Bearer auth (i.e. Authorization: Bearer YOUR_KEY)."
            )
            return error(401, message, "invalid_request_error", None)
        return self.refusal()

    @staticmethod
    def _no_such_url(request: Request) -> Answer:
        return error(404, f"Invalid URL ({request.method} {request.path})", "invalid_request_error", None)

    @staticmethod
    def unknown_model(model: object) -> Answer | None:
        """An answer when `model` is not in the list, else None."""
        if model in MODELS:
            return None
        message = f"The model `{model}` does not exist or you do not have access to it."
        return error(404, message, "invalid_request_error", "model_not_found")
