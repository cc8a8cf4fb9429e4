"""Numbers as the Prometheus formats write them."""

from __future__ import annotations

__all__ = ["number"]


def number(value: float) -> str:
    """A value as prometheus_client writes it: ``1.0``, ``NaN``, ``+Inf``, ``1.5e+06`` from a million on."""
    if value != value:  # noqa: PLR0124 - NaN
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "+Inf" if value > 0 else "-Inf"
    text = repr(float(value))
    dot = text.find(".")
    # Go writes large numbers with an exponent, and the format follows Go.
    if value > 0 and dot > 6:
        mantissa = f"{text[0]}.{text[1:dot]}{text[dot + 1 :]}".rstrip("0.")
        return f"{mantissa}e+{dot - 1:02d}"
    return text
