"""What plugin authors and users import in their tests.

`probe_once` runs a check once as the monitor would; `FakeContext` is what such a probe is given; `ManualClock` is
a clock moved by hand; `assert_check_contract` asserts everything that a check class promises. `deliver_once`,
`FakeChannelContext` and `assert_channel_contract` are the same for channels; `make_notification` makes what they
deliver. `RuleTester` runs rules
over results that a test makes up, `assert_rules` the tests in a file; `auscult.testing.rule_files` is a pytest plugin
that collects such files.

May import: everything but `web` and `cli`.
"""

from __future__ import annotations

from auscult.replay.tester import RuleTester, Told
from auscult.testing.channel_contract import assert_channel_contract
from auscult.testing.clock import ManualClock
from auscult.testing.contract import assert_check_contract
from auscult.testing.delivering import FakeChannelContext, deliver_once, make_notification
from auscult.testing.probing import FakeContext, probe_once
from auscult.testing.ruling import assert_rules

__all__ = [
    "FakeChannelContext",
    "FakeContext",
    "ManualClock",
    "RuleTester",
    "Told",
    "assert_channel_contract",
    "assert_check_contract",
    "assert_rules",
    "deliver_once",
    "make_notification",
    "probe_once",
]
