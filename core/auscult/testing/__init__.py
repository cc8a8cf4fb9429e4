"""What plugin authors import in their tests.

`probe_once` runs a check once as the monitor would; `FakeContext` is what such a probe is given; `ManualClock` is
a clock moved by hand; `assert_check_contract` asserts everything that a check class promises.

May import: everything but `web` and `cli`.
"""

from __future__ import annotations

from auscult.testing.clock import ManualClock
from auscult.testing.contract import assert_check_contract
from auscult.testing.probing import FakeContext, probe_once

__all__ = ["FakeContext", "ManualClock", "assert_check_contract", "probe_once"]
