"""Reading what is exposed for Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prometheus_client import Metric

__all__ = ["parsed"]


def parsed(body: bytes, content_type: str) -> list[Metric]:
    """The families. Raises ValueError with the sentence of whoever could not read it."""
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"what it sends is no text: byte {error.start} is not UTF-8") from error
    try:
        return list(_parser(content_type)(text))
    except Exception as error:  # the parsers raise ValueError, IndexError, KeyError and AssertionError
        raise ValueError(f"what it sends cannot be read: {type(error).__name__}: {error}") from error


def _parser(content_type: str) -> Callable[[str], Iterable[Metric]]:
    if content_type.startswith("application/openmetrics-text"):
        from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics

        return openmetrics
    from prometheus_client.parser import text_string_to_metric_families

    return text_string_to_metric_families
