"""What channels really send is what the documentation says: schemas and examples against deliveries and the code."""

from __future__ import annotations

import importlib.util
import json
import logging
import subprocess
import sys
from email.headerregistry import Address
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from jsonschema import Draft202012Validator, ValidationError
from tests.notices import RealContext, hostile_notifications
from tests.plugins.channels.receiver import Receiver
from tests.servers.smtp import mailing

from auscult import ChangeKind
from auscult.cli.logs import Confidential, JsonLines
from auscult_plugins.email import EmailChannel
from auscult_plugins.email.mail import mail
from auscult_plugins.log_channel import LOGGER, LogChannel
from auscult_plugins.webhook import WebhookChannel
from auscult_plugins.webhook.bodies import document, encode

pytestmark = pytest.mark.anyio
DOCS = Path(__file__).parents[2] / "docs"
PAYLOADS = DOCS / "examples" / "payloads"


def load(name):
    """A module of the documentation's own."""
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def documented():
    return load("payloads").notifications()


def validator(name: str) -> Draft202012Validator:
    schema = json.loads((DOCS / "reference" / f"{name}.schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


def as_read(arrived) -> dict:
    """A mail as its reader gets it: headers decoded, both parts."""
    skipped = ("MIME-Version", "Content-Type")
    headers = {name: str(value) for name, value in arrived.message.items() if name not in skipped}
    return {"headers": headers, "text": arrived.text, "html": arrived.html}


# Examples and schemas


@pytest.mark.parametrize("name", ["webhook", "log-line", "email"])
@pytest.mark.parametrize("moment", ["firing", "resolved"])
def test_examples_match_their_schema(name, moment):
    """And the schema has teeth: every field that an example has is required, or may be missing and says so."""
    check, example = validator(name), json.loads((PAYLOADS / f"{name}-{moment}.json").read_text())
    check.validate(example)
    for field in list(example):
        smaller = {key: value for key, value in example.items() if key != field}
        with pytest.raises(ValidationError, match=f"'{field}' is a required property"):
            check.validate(smaller)
        with pytest.raises(ValidationError):
            check.validate(example | {field: 12345.5 if not isinstance(example[field], dict) else []})


@pytest.mark.parametrize("name", ["webhook", "log-line", "email"])
def test_every_field_is_described(name):
    """By the string below it in the code, in all parts of the schema."""
    schema = json.loads((DOCS / "reference" / f"{name}.schema.json").read_text())
    for part in [schema, *schema.get("$defs", {}).values()]:
        for field, inner in part.get("properties", {}).items():
            assert inner.get("description"), f"{name}: {field}"


def test_stale_files_are_found(tmp_path):
    """`docs/build.py --check` names a schema that was edited, or is missing."""
    copied = tmp_path / "docs"
    subprocess.run(["cp", "-r", str(DOCS), str(copied)], check=True)
    (copied / "reference" / "webhook.schema.json").write_text("{}")
    (copied / "examples" / "payloads" / "log-line-firing.json").unlink()
    for name in ("contrib", "core", "plugins", "tests", "README.md"):
        (tmp_path / name).symlink_to(DOCS.parent / name)
    done = subprocess.run(
        [sys.executable, copied / "build.py", "--check"], capture_output=True, text=True, check=False, timeout=100
    )
    assert done.returncode == 1
    assert "stale: docs/reference/webhook.schema.json" in done.stdout
    assert "stale: docs/examples/payloads/log-line-firing.json" in done.stdout


# What is really sent


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("moment", ["firing", "resolved"])
async def test_a_delivered_webhook_is_the_example(documented, moment):
    """Byte for byte as data, in both forms that are documented."""
    receiver = Receiver()
    try:
        for form, name in (("auscult", "webhook"), ("alertmanager", "alertmanager")):
            channel = WebhookChannel(webhook_url=receiver.url, format=form)
            async with RealContext() as ctx:
                await channel.send(documented[moment], ctx)
            channel.close()
            assert receiver.last.json == json.loads((PAYLOADS / f"{name}-{moment}.json").read_text())
    finally:
        receiver.close()


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("moment", ["firing", "resolved"])
async def test_a_delivered_mail_is_the_example(documented, moment):
    """As a real server took it."""
    with mailing() as server:
        channel = EmailChannel(
            host="127.0.0.1",
            port=server.port,
            security="none",
            sender="auscult <alerts@example.com>",
            to=("ops@example.com",),
        )
        async with RealContext() as ctx:
            await channel.send(documented[moment], ctx)
    (arrived,) = server.taken
    read = as_read(arrived)
    validator("email").validate(read)
    assert read == json.loads((PAYLOADS / f"email-{moment}.json").read_text())
    assert arrived.content.decode().replace("\r\n", "\n") == (PAYLOADS / f"email-{moment}.eml").read_text()


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("moment", ["firing", "resolved"])
async def test_a_written_line_is_the_example(documented, moment, caplog):
    """But for the time at which it is written."""
    caplog.set_level(logging.DEBUG, logger=LOGGER)
    async with RealContext() as ctx:
        await LogChannel().send(documented[moment], ctx)
    line = json.loads(JsonLines(Confidential()).format(caplog.records[-1]))
    validator("log-line").validate(line)
    assert line | {"time": ""} == json.loads((PAYLOADS / f"log-line-{moment}.json").read_text()) | {"time": ""}


# Whatever is sent


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(notification=hostile_notifications())
def test_any_body_matches_the_schema(notification):
    """Also one full of hostile texts, in a storm."""
    validator("webhook").validate(json.loads(encode(document(notification))))


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(notification=hostile_notifications())
def test_any_mail_matches_the_schema(notification):
    """Read back from its bytes, as a mail program would."""
    from tests.servers.smtp import Arrived

    sent = mail(notification, Address("auscult", "alerts", "example.com"), (Address("", "ops", "example.com"),))
    validator("email").validate(as_read(Arrived("", [], sent, "", secure=False)))


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(notification=hostile_notifications())
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_any_line_matches_the_schema(notification):
    """One for each notice, whatever it says."""
    records = []
    handler = logging.Handler()
    handler.emit = records.append
    logger = logging.getLogger(LOGGER)
    logger.addHandler(handler)
    try:
        await LogChannel().send(notification, None)
    finally:
        logger.removeHandler(handler)
    assert len(records) == len(notification.notices)
    for record in records:
        validator("log-line").validate(json.loads(JsonLines(Confidential()).format(record)))


def test_the_changes_of_the_schema_are_those_of_the_code():
    """No kind of change is missing from the enumeration."""
    schema = json.loads((DOCS / "reference" / "webhook.schema.json").read_text())
    assert set(schema["$defs"]["ChangeKind"]["enum"]) == set(ChangeKind)
