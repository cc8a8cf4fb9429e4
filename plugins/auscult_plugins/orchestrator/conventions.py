"""The conventions by which services tell their health.

``ietf`` is draft-inadarei-api-health-check-06, ``kubernetes`` its ``/readyz?verbose`` and ``/livez``,
``livekit-agents`` the worker's ``/`` and ``/worker``, ``pipecat`` the runner's ``/status``.

What reads an answer (``read_…``) is pure; what asks is below.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from auscult import Reading
from auscult_plugins._http import Reply, ask

if TYPE_CHECKING:
    import httpx

__all__ = ["CONVENTIONS", "detect", "read_ietf", "read_kubernetes", "read_plain", "read_worker"]

Ask = Callable[["httpx.AsyncClient", str, Mapping[str, str], float], Awaitable[Reading]]
_WELL = ("pass", "ok", "up", "healthy", "ready", "alive")
_WARNED = ("warn", "degraded")
_ILL = ("fail", "error", "down", "unhealthy")
NAMED = 3
"""Parts named in a message."""


def _word(document: Mapping[str, Any], key: str = "status") -> str:
    value = document.get(key, "")
    return value.strip().lower()[:60] if isinstance(value, str) else ""


def _line(value: Any, length: int = 200) -> str:
    """A text in one short line; "" for anything else."""
    return " ".join(value.split())[:length] if isinstance(value, str) else ""


def _refused(reply: Reply) -> Reading:
    target = _line(reply.headers.get("location"))
    if 300 <= reply.status < 400 and target:
        return Reading.unhealthy(f"HTTP {reply.status}, a redirect to {target}")
    return Reading.unhealthy(f"HTTP {reply.status}{f': {reply.text}' if reply.text else ''}")


def read_plain(reply: Reply) -> Reading:
    """200 to 299 is well; a JSON ``status`` that says otherwise is believed."""
    if not reply.good:
        return _refused(reply)
    said = _word(reply.json())
    if said in _ILL:
        return Reading.unhealthy(f"HTTP {reply.status}, but the status is `{said}`")
    if said in _WARNED:
        return Reading.degraded(f"the status is `{said}`")
    return Reading.healthy(f"HTTP {reply.status}")


def read_ietf(reply: Reply) -> Reading:
    """The word in ``status``; the parts that are not well are named and counted."""
    document = reply.json()
    said = _word(document)
    parts = _parts(document.get("checks"))
    bad = {name: part for name, part in parts.items() if _word(part) not in ("", *_WELL)}
    counted = {"checks_passed": float(len(parts) - len(bad)), "checks_failed": float(len(bad))} if parts else {}
    told = "; ".join(_told(name, part) for name, part in list(bad.items())[:NAMED])
    told = told or _line(document.get("output")) or _line(document.get("description"))
    if said in _ILL or not reply.good:
        return Reading.unhealthy(told or f"HTTP {reply.status}, status `{said or 'missing'}`", **counted)
    if said in _WARNED:
        return Reading.degraded(told or f"the status is `{said}`", **counted)
    if said in _WELL:
        return Reading.healthy(told or said, **counted)
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
    output = _line(part.get("output"), 100)
    return f"{name[:60]} is {_word(part)}{f' ({output})' if output else ''}"


def read_kubernetes(ready: Reply, alive: bool) -> Reading:
    """Ready by the status; ``[+]`` and ``[-]`` lines tell the parts."""
    lines = [line.strip() for line in ready.content.decode(errors="replace").splitlines()]
    failed = [line[3:].partition(" ")[0][:60] for line in lines if line.startswith("[-]")]
    passed = sum(line.startswith("[+]") for line in lines)
    counted = {"checks_passed": float(passed), "checks_failed": float(len(failed))} if passed or failed else {}
    if ready.status == 200:
        return Reading.healthy("ready", **counted)
    named = f": {', '.join(failed[:NAMED])}" if failed else f" (HTTP {ready.status})"
    return Reading.unhealthy(f"{'alive and not ready' if alive else 'neither ready nor alive'}{named}", **counted)


def read_worker(root: Reply, worker: Reply, full_load: float) -> Reading:
    """``/`` says 503 only after many failed attempts to connect; ``/worker`` tells more, zeros left out."""
    document = worker.json() if worker.good else {}
    jobs, load = _number(document, "active_jobs"), _number(document, "worker_load")
    told = bool(document) and jobs is not None and load is not None
    counted = {"active_jobs": jobs or 0.0, "worker_load": load or 0.0} if told else {}
    if not root.good:
        return Reading.unhealthy(root.text or f"HTTP {root.status}", **counted)
    if not told:
        return Reading.degraded("`/` answers and `/worker` does not: is this a LiveKit Agents worker?")
    if counted["worker_load"] >= full_load:
        return Reading.degraded(f"the worker is full: load {load:.2f}, it takes no calls", **counted)
    name = _line(document.get("agent_name"), 60) or "agent"
    return Reading.healthy(f"{name}: {jobs:.0f} active jobs", **counted)


def _number(document: Mapping[str, Any], name: str) -> float | None:
    """0 where it is left out, None where it is no number."""
    value = document.get(name, 0)
    good = isinstance(value, int | float) and math.isfinite(value) and value >= 0
    return float(value) if good else None


def read_pipecat(reply: Reply) -> Reading:
    """The runner's ``/status`` is a constant: it proves that the process answers, and no more."""
    if not reply.good:
        return _refused(reply)
    said = _word(reply.json())
    if said != "ready":
        return Reading.unhealthy(f"the runner's status is {said!r}, expected 'ready'")
    return Reading.healthy("the runner answers")


async def detect(client: httpx.AsyncClient, url: str, headers: Mapping[str, str]) -> str:
    """The convention that answers at `url`. A URL with a path is taken at its word."""
    if _is_ietf(await ask(client, url, headers)):
        return "ietf"
    if urlsplit(url).path not in ("", "/"):
        return "plain"
    for path, convention in (("/worker", "livekit-agents"), ("/status", "pipecat"), ("/readyz", "kubernetes")):
        if _speaks(await ask(client, url + path, headers), convention):
            return convention
    return "plain"


def _speaks(reply: Reply, convention: str) -> bool:
    document = reply.json()
    if convention == "livekit-agents":
        return "worker_type" in document or "sdk_version" in document
    if convention == "pipecat":
        return "transports" in document
    return reply.status in (200, 500, 503) and (b"[+]" in reply.content or reply.content.strip() == b"ok")


def _is_ietf(reply: Reply) -> bool:
    document = reply.json()
    return "health+json" in reply.headers.get("content-type", "") or (
        _word(document) in _WELL + _WARNED + _ILL and isinstance(document.get("checks"), dict)
    )


async def _plain(client: httpx.AsyncClient, url: str, headers: Mapping[str, str], _load: float) -> Reading:
    return read_plain(await ask(client, url, headers))


async def _ietf(client: httpx.AsyncClient, url: str, headers: Mapping[str, str], _load: float) -> Reading:
    wanted = {**headers, "Accept": "application/health+json, application/json"}
    return read_ietf(await ask(client, url, wanted))


async def _kubernetes(client: httpx.AsyncClient, url: str, headers: Mapping[str, str], _load: float) -> Reading:
    """Ready, by ``/readyz``; when it is not, ``/livez`` tells whether it is alive at all."""
    base = url if urlsplit(url).path in ("", "/") else url.rpartition("/")[0]
    ready = await ask(client, f"{base}/readyz?verbose", headers)
    alive = ready.status == 200 or (await ask(client, f"{base}/livez", headers)).status == 200
    return read_kubernetes(ready, alive)


async def _livekit_agents(client: httpx.AsyncClient, url: str, headers: Mapping[str, str], load: float) -> Reading:
    root = await ask(client, f"{url}/", headers)
    return read_worker(root, await ask(client, f"{url}/worker", headers), load)


async def _pipecat(client: httpx.AsyncClient, url: str, headers: Mapping[str, str], _load: float) -> Reading:
    return read_pipecat(await ask(client, f"{url}/status", headers))


CONVENTIONS: dict[str, Ask] = {
    "plain": _plain,
    "ietf": _ietf,
    "kubernetes": _kubernetes,
    "livekit-agents": _livekit_agents,
    "pipecat": _pipecat,
}
