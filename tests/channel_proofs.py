"""What every alert channel has to prove, whatever its vendor: faults told apart, secrets kept, options documented."""

from __future__ import annotations

import logging
import re
import tomllib
import traceback
from pathlib import Path
from typing import Any

import pytest
from tests.notices import NASTY, RealContext, make_notice, notify
from tests.servers.vendor import RESET, Answer, Vendor

from auscult import Catalogue, ChangeKind, Channel, DeliveryError
from auscult.config.fielddocs import field_docs, summary
from auscult.options import convert_options, public, secret_fields

__all__ = ["prove_faults", "prove_hostile_texts", "prove_installed", "prove_secrecy"]


async def prove_faults(channel: Channel, vendor: Vendor, ctx: RealContext) -> None:
    """429 in both forms, other 4xx, 5xx, a reset: each once, never retried by the channel, and fine afterwards."""
    faults = [
        (Answer(429, "slow down", {"Retry-After": "7"}), True, 7),
        (Answer(429, "slow down", {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}), True, 0),
        (Answer(429, {"message": "You are being rate limited.", "retry_after": 1.5, "global": False}), True, 1.5),
        (Answer(429, {"ok": False, "error_code": 429, "parameters": {"retry_after": 9}}), True, 9),
        (Answer(429), True, None),
        (Answer(503, "", {"Retry-After": "3"}), True, 3),
        *((Answer(status, "later"), True, None) for status in (408, 500, 502, 504)),
        *((Answer(status, "never"), False, None) for status in (400, 401, 403, 404, 410, 413)),
        (Answer(302, "", {"Location": "http://127.0.0.1:1/"}), False, None),
        (RESET, True, None),
    ]
    for fault, retry, wait in faults:
        vendor.fail(fault)
        before = vendor.seen
        with pytest.raises(DeliveryError) as failed:
            await channel.send(notify(), ctx)
        assert (failed.value.retry, failed.value.retry_after) == (retry, wait), fault
        assert vendor.seen == before + 1
    await channel.send(notify(), ctx)
    assert vendor.taken


async def prove_secrecy(
    channel: Channel, vendor: Vendor, ctx: RealContext, caplog: pytest.LogCaptureFixture, *secrets: str
) -> None:
    """The secrets reach the vendor, and stand in no representation, message, traceback or log."""
    assert secrets
    shown = [repr(channel), str(public(channel))]
    caplog.set_level(logging.DEBUG)
    await channel.send(notify(), ctx)
    request = vendor.taken[-1]
    sent = f"{request.path} {request.headers} {request.body.decode()}"
    for fault in (Answer(403, f"no: {' '.join(secrets)} {request.path} {request.headers}"), RESET):
        vendor.fail(fault)
        with pytest.raises(DeliveryError) as failed:
            await channel.send(notify(), ctx)
        shown += [str(failed.value), "".join(traceback.format_exception(failed.value))]
    shown += [record.getMessage() for record in caplog.records if record.name.partition(".")[0] != "asyncio"]
    for secret in secrets:
        assert secret in sent
        assert not [text for text in shown if secret in text]


async def prove_hostile_texts(channel: Channel, vendor: Vendor, ctx: RealContext) -> None:
    """Whatever stands in an alert, the vendor takes what is sent: each nasty text, alone and in a group."""
    for text in NASTY:
        everywhere = {
            "rule": text,
            "component": text,
            "message": text,
            "labels": {text: text},
            "values": {text: text},
            "runbook": text,
            "cause": text,
            "affected": (text,),
            "note": text,
            "by": text,
            "resolution": text,
        }
        notices = [make_notice(kind, **everywhere) for kind in (ChangeKind.FIRED, ChangeKind.RESOLVED)]
        for notification in (notify(notices[0], sender=text, url=text), notify(*notices, sender=text)):
            before = len(vendor.taken)
            await channel.send(notification, ctx)
            assert len(vendor.taken) > before


def prove_installed(kind: type[Channel], distribution: str, tests: str) -> None:
    """The catalogue offers it from its distribution; everything is documented; the README's samples are valid."""
    catalogue = Catalogue.discover()
    assert catalogue.channel(kind.kind) is kind
    plugin = catalogue.of(kind)
    assert plugin is not None
    assert plugin.distribution == distribution
    assert not [problem for problem in catalogue.problems if problem.distribution == distribution]
    assert summary(kind)
    assert set(field_docs(kind)) >= set(kind.__struct_encode_fields__)
    readme = (Path(tests).parents[1] / "README.md").read_text(encoding="utf-8")
    samples = [sample for block in re.findall(r"```toml\n(.*?)```", readme, re.DOTALL) for sample in _channels(block)]
    assert samples
    for sample in samples:
        assert sample.pop("channel") == kind.kind
        convert_options(sample, kind)
    for name in kind.__struct_encode_fields__:
        assert f"| `{name}` |" in readme
        if name in secret_fields(kind):
            assert re.search(rf"\| `{name}` \|.*Secret", readme)


def _channels(block: str) -> list[dict[str, Any]]:
    """Its channels, with something for what the environment would give."""
    with_addresses = re.sub(r"\$\{\w+_URLS?\}", "https://example.com/x", block)
    document = tomllib.loads(re.sub(r"\$\{\w+\}", "something", with_addresses))
    return list(document.get("channels", {}).values())
