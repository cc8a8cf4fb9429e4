"""schemathesis over the whole OpenAPI document, against a real server: nothing undocumented, no 5xx."""

from __future__ import annotations

import json
import re

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from jsonschema import Draft202012Validator
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance
from tests.web.helpers import TOKENS, cheap_hash
from tests.web.serving import Serving
from tests.web.test_openapi import OPERATIONS

CONFIG = f"""
[components.pushed]
check = "push"
[components.job]
check = "heartbeat"
every = "1d"
[auth.tokens.admin]
role = "admin"
hash = "{cheap_hash(TOKENS["admin"])}"
"""

ADMIN = {"Authorization": f"Bearer {TOKENS['admin']}"}

MAY_BE_503 = ("getHealth", "getHealthDetailed")
"""Documented: nothing is known of components to which nobody has pushed anything."""

MAY_REFUSE = {"acknowledgeAlert", "addSilence", "getAlertsV2", "postAlerts", "previewSilence"}
"""What no schema can say: times in the past, and texts that are no matchers."""
MAY_REFUSE |= {"addIncident", "changeDashboard", "createDashboard", "previewPanel"}
MAY_REFUSE |= {"getDashboard", "getPanel", "getPanelAsCsv", "listMetricEvents", "queryMetrics"}
"""And: kinds of panels with their options, names of components, a start that lies before the end."""
ENDLESS = {"getEvents"}
"""What has no end cannot be compared with a document; `test_events.py` reads it."""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Serving(tmp_path_factory.mktemp("api"), CONFIG) as serving:
        yield serving


@pytest.fixture(scope="module")
def api(server):
    return schemathesis.openapi.from_url(f"{server.url}/api/openapi.json", headers=ADMIN, timeout=60)


def is_fine_after_all(case, operation) -> bool:
    """Whether what is wrong with a case may be nothing to us: an unknown parameter, or the token that we add."""
    wrong = {location.value for location, info in case.meta.components.items() if info.mode is GenerationMode.NEGATIVE}
    known = {parameter.name: parameter.definition.get("schema", {}) for parameter in operation.query}
    asked = case.query or {}
    fine = bool(set(asked) - set(known)) or all(_is_valid_as_sent(asked[name], known[name]) for name in asked)
    return wrong <= {"header"} or (wrong <= {"header", "query"} and fine)


def _is_valid_as_sent(value: object, schema: dict) -> bool:
    """Whether a value is what `schema` wants once it is text in an address: a list of one is, so is a flag for text."""
    sent = value[0] if isinstance(value, list) and len(value) == 1 else value
    text = sent if isinstance(sent, str) else json.dumps(sent)
    number = [int(text)] if re.fullmatch(r"-?\d+", text, re.ASCII) else []
    if isinstance(sent, list | dict):
        return False
    return any(Draft202012Validator(schema).is_valid(each) for each in (text, *number))


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("name", sorted(OPERATIONS - ENDLESS))
def test_nothing_undocumented_whatever_is_sent(api, name, mode):
    """Status, media type and body as documented; what is wrong is refused; no server error."""
    operation = api.find_operation_by_id(name)
    tried = 0

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
    @given(case=operation.as_strategy(generation_mode=mode))
    def try_one(case):
        nonlocal tried
        tried += 1
        if mode is GenerationMode.POSITIVE and "name" in case.path_parameters and tried % 2:
            case.path_parameters["name"] = "pushed"  # else hardly any case would get past "no such component"
        lenient = [negative_data_rejection] if is_fine_after_all(case, operation) else []
        lenient += [positive_data_acceptance] if name in MAY_REFUSE else []
        answer = case.call_and_validate(headers=ADMIN, timeout=30, excluded_checks=[not_a_server_error, *lenient])
        assert answer.status_code < 500 or (answer.status_code == 503 and name in MAY_BE_503)

    try:
        try_one()
    except Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE, "nothing can be asked at all"


def test_the_server_said_nothing_bad(server):
    """Whatever was sent: no traceback, nothing unexpected in the log, and it still answers."""
    with server.client() as client:
        assert client.get("/-/healthy").status_code == 200
    assert "Traceback" not in server.said
    assert not [line for line in server.said.splitlines() if _is_trouble(line)]


def _is_trouble(line: str) -> bool:
    """A line of the log that is an error of auscult's own: alerts are told at that level where no channel is named."""
    found = re.match(r"\S+ (?:ERROR|CRITICAL)\s+(\S+): ", line)
    return found is not None and found[1] != "auscult.alerts"


@pytest.mark.parametrize(
    ("value", "schema", "valid"),
    [
        ([True], {"type": "string"}, True),
        (None, {"type": "string"}, True),
        ("7", {"type": "integer", "maximum": 9}, True),
        (70, {"type": "integer", "maximum": 9}, False),
        ([1, 2], {"type": "integer"}, False),
        ({}, {"type": "string"}, False),
        ("x", {"enum": ["a"]}, False),
    ],
)
def test_what_is_valid_as_it_is_sent(value, schema, valid):
    """Only what no server can tell from the right thing is let pass."""
    assert _is_valid_as_sent(value, schema) is valid


@pytest.mark.parametrize(
    ("line", "trouble"),
    [
        ("06:24:56 ERROR   auscult.alerts: [FIRING high] component_unhealthy: job: late ERROR ", False),
        ("06:24:56 ERROR   auscult.web: something broke", True),
        ("06:24:56 CRITICAL auscult.store: something broke", True),
        ("06:24:56 INFO    auscult.health: a is unhealthy: an ERROR occurred", False),
    ],
)
def test_what_is_trouble(line, trouble):
    """An error is judged by who wrote it, not by what an alert says."""
    assert _is_trouble(line) is trouble
