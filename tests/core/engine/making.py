"""Components and results for the engine's tests, made in one line each."""

from __future__ import annotations

from auscult import Check, CheckResult, Component, Reading, Status

START = 1_700_000_000_000


class Nothing(Check):
    """Never asked: the engine's tests make the results themselves."""

    kind = "nothing"

    async def probe(self, ctx):
        return Reading()


def component(name="one", **keys):
    """A component with a check that does nothing."""
    return Component(name=name, check=Nothing(), **keys)


def result(status=Status.HEALTHY, at=0, ms=None, message="", name="one", **measurements):
    """A result, `at` seconds after a fixed moment."""
    return CheckResult(name, Status(status), START + round(at * 1000), 0.0, ms, message, measurements)
