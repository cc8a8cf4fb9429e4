"""One variable is all that a webhook needs: a served monitor tells a failing component's beginning and end."""

from __future__ import annotations

import json
from pathlib import Path

from jsonschema import Draft202012Validator
from tests.web.serving import Serving, eventually

SCHEMA = Path(__file__).parents[3] / "docs" / "reference" / "webhook.schema.json"


def test_alert_webhook_url_alone(tmp_path, receiver):
    """`ALERT_WEBHOOK_URL` and nothing else about alerts: the seed document's rules, one body each, in order."""
    there = tmp_path / "there"
    config = f"""
[components.thing]
check = "command"
argv = ["/bin/sh", "-c", "test -e {there} || exit 2"]
interval = "0.5s"
failures = 1
successes = 1
"""

    def told() -> list[tuple[str, str]]:
        alerts = [alert for request in receiver.requests for alert in request.json["alerts"]]
        return [(alert["name"], alert["change"]) for alert in alerts if alert["component"] == "thing"]

    with Serving(tmp_path, config, ALERT_WEBHOOK_URL=receiver.url) as server:
        eventually(lambda: ("component_unhealthy", "fired") in told())
        there.touch()
        eventually(lambda: ("component_unhealthy", "resolved") in told())
        server.end()
    assert told().count(("component_unhealthy", "fired")) == 1
    assert told().count(("component_unhealthy", "resolved")) == 1
    validator = Draft202012Validator(json.loads(SCHEMA.read_text()))
    for request in receiver.requests:
        validator.validate(request.json)
        assert request.headers["webhook-id"] == request.json["key"]
    assert len({request.headers["webhook-id"] for request in receiver.requests}) == len(receiver.requests)
