"""What the reference says of data and functions is what there is."""

from __future__ import annotations

import pytest

from auscult.model import ComponentHealth, SystemHealth
from auscult.rules import names
from auscult.rules.data import RuleData, SystemData
from auscult.rules.expression import Condition
from auscult.rules.rule import AlertRule
from auscult.rules.translate import _FUNCTIONS


def test_every_name_is_data():
    """No name is documented that data does not have, and none is had that is not documented."""
    assert set(RuleData._fields) == names.COMPONENT_NAMES
    assert set(SystemData._fields) == names.SYSTEM_NAMES


@pytest.mark.parametrize("call", names.FUNCTIONS)
def test_every_call_is_understood(call):
    """As it stands in the reference."""
    call = call.replace(", ...", "")
    Condition(call if call.startswith("has") else f"{call} > 0")


def test_every_function_is_documented():
    """Each at least once."""
    assert {call.partition("(")[0] for call in names.FUNCTIONS} == set(_FUNCTIONS)


def test_kinds_are_as_documented():
    """Texts are texts and numbers are numbers, so that a comparison is refused that can never hold."""
    view = ComponentHealth(component_name="a", component_type="b", message="m", group="g")
    data, system = RuleData(lambda: view), SystemData(lambda: SystemHealth(message="m"), lambda name: "x")
    for name in names.COMPONENT_TEXTS:
        assert isinstance(data.get(name), str)
    for name in names.SYSTEM_TEXTS:
        assert isinstance(system.get(name), str)
    for name in (*names.COMPONENT_NUMBERS, *names.SYSTEM_NUMBERS):
        assert not isinstance(data.get(name, system.get(name)), str)


def test_what_a_rule_asks_for():
    """Of its texts; of a function what its message shows."""
    assert names.data_of(AlertRule("r", "x > 1 and has(y)", clear="z < 1")) == ["x", "y", "z"]
    assert names.data_of(AlertRule("r", lambda data: True, message_template="{rule}: {x:.1f}")) == ["x"]
