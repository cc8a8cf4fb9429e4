"""The log of our own process as JSON lines: what records carry besides their message, and what nobody may read."""

from __future__ import annotations

import json
import logging

import pytest

from auscult.cli.logs import set_up_logging
from auscult.config import load


@pytest.fixture
def logger():
    """The package's logger, as it was before when the test is over."""
    logger = logging.getLogger("auscult")
    before = (logger.handlers, logger.propagate, logger.level)
    yield logger
    logger.handlers, logger.propagate = before[0], before[1]
    logger.setLevel(before[2])


def test_fields_of_a_record_stand_in_the_line(logger, capsys):
    """As plain data, whatever they are; none takes the place of what every line has."""
    set_up_logging(form="json")
    logger.error("it %s", "fell", extra={"key": "k", "labels": {"a": [1, None]}, "odd": {1: object}, "level": "mine"})
    line = json.loads(capsys.readouterr().err)
    assert (line["level"], line["logger"], line["message"]) == ("error", "auscult", "it fell")
    assert (line["key"], line["labels"]) == ("k", {"a": [1, None]})
    assert line["odd"] == {"1": "<class 'object'>"}


@pytest.mark.parametrize("form", ["text", "json"])
def test_secrets_of_channels_are_masked(logger, capsys, tmp_path, form):
    """In messages, in fields, in their names, in tracebacks: also those of channels, not only of checks."""
    (tmp_path / "auscult.toml").write_text(
        '[channels.ops]\nchannel = "webhook"\nwebhook_url = "https://example.com/canary-1-url"\n'
        'headers = { X-Key = "canary-2-header" }\n[components]\n'
    )
    settings, _ = load(tmp_path / "auscult.toml", environ={})
    set_up_logging(form=form).add(settings)
    secrets = ("https://example.com/canary-1-url", "canary-2-header")
    for secret in secrets:
        try:
            raise ValueError(secret)
        except ValueError:
            logger.exception("said %s", secret, extra={"a": {secret: [secret]}, "b": ValueError(secret)})
    said = capsys.readouterr().err
    assert said.count("***") >= 2 * len(secrets)
    assert not [secret for secret in secrets if secret in said]
