"""What the doctor says of exporters and sources: which fails at the running server, why, and what to do."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import httpx

__all__ = ["examine_flows"]

Level = Literal["ok", "note", "problem"]
Said = tuple[Level, str, str]

_RELOAD = "let it read the configuration again (SIGHUP, or POST /-/reload), or give it this file"
_ADVICE = (
    (r"connection refused|connecterror|not resolve|name or service", "is it running, and is its address right?"),
    (r"no answer within|timeout|timed out", "is it overloaded, or does a firewall swallow the connection?"),
    (r"answered 40[13]", "check the key, token or password in the table of the {role}"),
    (r"answered 404", "the path of its address is wrong, or what takes metrics there is switched off"),
    (r"answered 413", "it takes smaller requests only: raise its limit over there, or lower `batch`"),
    (r"answered 429", "it wants fewer requests: give the {role} a longer `interval`; what waits is sent later"),
    (r"out of (order|bounds)|duplicate", "somebody else writes the same series: give each monitor labels of its own"),
    (r"is older than", "it was away for longer than it takes samples of; the {role} goes on by itself"),
    (r"answered 5\d\d", "read the log over there; what it misses is kept where it takes samples of the past"),
    (r"answered 4\d\d|refused", "what it says is what it does not like; compare with the page of the kind"),
)


def examine_flows(client: httpx.Client, exporters: Iterable[str], sources: Iterable[str]) -> Iterator[Said]:
    """What is to be said of those that the configuration names and of those that the server has."""
    for role, names, judge in (("exporter", exporters, _exporter), ("source", sources, _source)):
        answer = client.get(f"/api/v1/{role}s")
        if answer.status_code != 200:  # an older server
            continue
        there = {each["name"]: each for each in answer.json()[f"{role}s"]}
        for name in names:
            if name not in there:
                yield "problem", f"the running server does not know the {role} `{name}`", _RELOAD
        for name, each in there.items():
            yield from judge(name, each)


def _exporter(name: str, each: dict[str, Any]) -> Iterator[Said]:
    if not each["pushes"]:
        yield "ok", f"the exporter `{name}` is there to be asked, at /metrics/{name}", ""
        return
    lost = f"; {_snapshots(each['dropped'])} will never arrive" if each["dropped"] else ""
    waits = f"; {_snapshots(each['waiting'])} {'waits' if each['waiting'] == 1 else 'wait'}" if each["waiting"] else ""
    if each["last_error"]:
        message = f"the exporter `{name}` ({each['kind']}) fails: {each['last_error']}{waits}{lost}"
        yield "problem", message, _advice(each["last_error"], "exporter")
    elif not each["pushed"]:
        yield "note", f"the exporter `{name}` has not pushed yet", f"wait {each['interval']:g} s, then look again"
    elif each["dropped"]:
        message = f"the exporter `{name}` delivers{waits}, but {_snapshots(each['dropped'])} will never arrive"
        yield "note", message, f"the log says why; the component `exporter.{name}` has the past"
    else:
        yield "ok", f"the exporter `{name}` delivers: {_snapshots(each['pushed'])} so far{waits}", ""


def _source(name: str, each: dict[str, Any]) -> Iterator[Said]:
    if each["last_error"]:
        message = f"the source `{name}` ({each['kind']}) fails: {each['last_error']}"
        yield "problem", message, _advice(each["last_error"], "source")
    elif each["looks"] or each["received"]:
        yield "ok", f"the source `{name}` brings metrics in", ""
    elif each["interval"] is None:
        yield "note", f"nothing has come in at the source `{name}` yet", f"send to it, at /in/{name} say"
    else:
        yield "note", f"the source `{name}` has not been asked yet", f"wait {each['interval']:g} s, then look again"


def _snapshots(count: int) -> str:
    return "1 snapshot" if count == 1 else f"{count} snapshots"


def _advice(error: str, role: str) -> str:
    found = next((text for words, text in _ADVICE if re.search(words, error.lower())), "read the log over there")
    return found.format(role=role)
