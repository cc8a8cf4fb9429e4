"""The conventions by which services tell their health.

``ietf`` is draft-inadarei-api-health-check-06, ``kubernetes`` its ``/readyz?verbose`` and ``/livez``,
``livekit-agents`` the worker's ``/`` and ``/worker``, ``pipecat`` the runner's ``/status``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from auscult import Reading

if TYPE_CHECKING:
    import httpx

__all__ = ["CONVENTIONS", "detect"]

Ask = Callable[["httpx.AsyncClient", str, Mapping[str, str], float], Awaitable[Reading]]
_WELL = ("pass", "ok", "up", "healthy", "ready", "alive")
_WARNED = ("warn", "degraded")
_ILL = ("fail", "error", "down", "unhealthy")
NAMED = 3
"""Parts named in a message."""


async def detect(client: httpx.AsyncClient, url: str, headers: Mapping[str, str]) -> str:
    """The convention that answers at `url`. A URL with a path is taken at its word."""
    reply = await client.get(url, headers=headers)
    if _is_ietf(reply):
        return "ietf"
    if urlsplit(url).path not in ("", "/"):
        return "plain"
    for path, convention in (("/worker", "livekit-agents"), ("/status", "pipecat"), ("/readyz", "kubernetes")):
        if _speaks(await client.get(url + path, headers=headers), convention):
            return convention
    return "plain"


def _speaks(reply: httpx.Response, convention: str) -> bool:
    document = _document(reply)
    if convention == "livekit-agents":
        return "worker_type" in document or "sdk_version" in document
    if convention == "pipecat":
        return "transports" in document
    return reply.status_code in (200, 500, 503) and ("[+]" in reply.text or reply.text.strip() == "ok")


def _is_ietf(reply: httpx.Response) -> bool:
    document = _document(reply)
    return "health+json" in reply.headers.get("content-type", "") or (
        str(document.get("status", "")).lower() in _WELL + _WARNED + _ILL and isinstance(document.get("checks"), dict)
    )


def _document(reply: httpx.Response) -> dict[str, Any]:
    try:
        return msgspec.json.decode(reply.content, type=dict[str, Any])
    except (msgspec.MsgspecError, RecursionError):
        return {}


def _refused(reply: httpx.Response) -> Reading:
    text = " ".join(reply.text.split())[:200]
    return Reading.unhealthy(f"HTTP {reply.status_code}{f': {text}' if text else ''}")


async def _plain(client: httpx.AsyncClient, url: str, headers: Mapping[str, str], _load: float) -> Reading:
    """200 to 299 is well; a JSON ``status`` that says otherwise is believed."""
    reply = await client.get(url, headers=headers)
    if not reply.is_success:
        return _refused(reply)
    said = str(_document(reply).get("status", "")).lower()
    if said in _ILL:
        return Reading.unhealthy(f"HTTP {reply.status_code}, but the status is `{said}`")
    if said in _WARNED:
        return Reading.degraded(f"the status is `{said}`")
    return Reading.healthy(f"HTTP {reply.status_code}")


async def _ietf(client: httpx.AsyncClient, url: str, headers: Mapping[str, str], _load: float) -> Reading:
    reply = await client.get(url, headers={**headers, "Accept": "application/health+json, application/json"})
    document = _document(reply)
    said = str(document.get("status", "")).lower()
    parts = _parts(document.get("checks", {}))
    bad = {name: part for name, part in parts.items() if str(part.get("status", "pass")).lower() not in _WELL}
    counted = {"checks_passed": float(len(parts) - len(bad)), "checks_failed": float(len(bad))} if parts else {}
    told = "; ".join(_told(name, part) for name, part in list(bad.items())[:NAMED])
    told = told or str(document.get("output") or document.get("description") or "")
    if said in _ILL or reply.status_code >= 400:
        return Reading.unhealthy(told or f"HTTP {reply.status_code}, status `{said or 'missing'}`", **counted)
    if said in _WARNED:
        return Reading.degraded(told or "the status is `warn`", **counted)
    if said in _WELL:
        return Reading.healthy(told or "pass", **counted)
    return Reading.unhealthy(f"the status is {said!r}; expected pass, warn or fail", **counted)


def _parts(checks: Any) -> dict[str, dict[str, Any]]:
    """``{"redis:responseTime": [{...}, {...}]}`` flattened."""
    if not isinstance(checks, dict):
        return {}
    return {
        name if len(items) == 1 else f"{name}[{index}]": item
        for name, value in checks.items()
        for items in [value if isinstance(value, list) else [value]]
        for index, item in enumerate(items)
        if isinstance(item, dict)
    }


def _told(name: str, part: Mapping[str, Any]) -> str:
    output = str(part.get("output", "")).strip()
    return f"{name} is {part.get('status')}{f' ({output[:100]})' if output else ''}"


async def _kubernetes(client: httpx.AsyncClient, url: str, headers: Mapping[str, str], _load: float) -> Reading:
    """Ready, by ``/readyz``; when it is not, ``/livez`` tells whether it is alive at all."""
    base = url if urlsplit(url).path in ("", "/") else url.rpartition("/")[0]
    reply = await client.get(f"{base}/readyz?verbose", headers=headers)
    lines = [line.strip() for line in reply.text.splitlines()]
    failed = [line[3:].partition(" ")[0] for line in lines if line.startswith("[-]")]
    passed = sum(line.startswith("[+]") for line in lines)
    counted = {"checks_passed": float(passed), "checks_failed": float(len(failed))} if passed or failed else {}
    if reply.status_code == 200:
        return Reading.healthy("ready", **counted)
    alive = (await client.get(f"{base}/livez", headers=headers)).status_code == 200
    named = f": {', '.join(failed[:NAMED])}" if failed else f" (HTTP {reply.status_code})"
    state = "alive and not ready" if alive else "neither ready nor alive"
    return Reading.unhealthy(f"{state}{named}", **counted)


async def _livekit_agents(client: httpx.AsyncClient, url: str, headers: Mapping[str, str], load: float) -> Reading:
    """``/`` says 503 only after many failed attempts to connect; ``/worker`` tells more, zeros left out."""
    reply = await client.get(f"{url}/", headers=headers)
    worker = _document(await client.get(f"{url}/worker", headers=headers))
    counted = {
        "active_jobs": float(worker.get("active_jobs", 0) or 0),
        "worker_load": float(worker.get("worker_load", 0) or 0),
    }
    if not reply.is_success:
        return Reading.unhealthy(reply.text.strip()[:200] or f"HTTP {reply.status_code}", **counted)
    if not worker:
        return Reading.degraded("`/` answers and `/worker` does not: is this a LiveKit Agents worker?")
    if counted["worker_load"] >= load:
        return Reading.degraded(f"the worker is full: load {counted['worker_load']:.2f}, it takes no calls", **counted)
    name = worker.get("agent_name") or "agent"
    return Reading.healthy(f"{name}: {counted['active_jobs']:.0f} active jobs", **counted)


async def _pipecat(client: httpx.AsyncClient, url: str, headers: Mapping[str, str], _load: float) -> Reading:
    """The runner's ``/status`` is a constant: it proves that the process answers, and no more."""
    reply = await client.get(f"{url}/status", headers=headers)
    if not reply.is_success:
        return _refused(reply)
    said = str(_document(reply).get("status", ""))
    if said != "ready":
        return Reading.unhealthy(f"the runner's status is {said!r}, expected 'ready'")
    return Reading.healthy("the runner answers")


CONVENTIONS: dict[str, Ask] = {
    "plain": _plain,
    "ietf": _ietf,
    "kubernetes": _kubernetes,
    "livekit-agents": _livekit_agents,
    "pipecat": _pipecat,
}
