"""Bodies in a form of the user's."""

from __future__ import annotations

from datetime import datetime

import msgspec

from auscult_plugins._template import FUEL, Engine
from auscult_plugins.json_exporter.document import MetricFamily, MetricSample, MetricsDocument

__all__ = ["Body"]

MAX_BODY = 16 << 20
FUEL_PER_SAMPLE = 200
"""Steps for each sample of a document."""


class Body:
    """A template that has been read and tried. Raises TemplateProblem (a ValueError), MissingDependency."""

    def __init__(self, source: str) -> None:
        self._engine = Engine(source, json=True)
        nasty = 'a "quoted" \\ text\nof two lines'
        samples = [MetricSample("calls_total", 1.5, {"label": nasty}), MetricSample("calls_total", None)]
        self.render(
            MetricsDocument("2024-01-15T10:25:00.000Z", [MetricFamily("calls_total", "counter", samples, nasty)])
        )
        self.render(MetricsDocument("2024-01-15T10:25:00.000Z", []))

    def render(self, document: MetricsDocument) -> bytes | None:
        """What the template makes of a document; None where that is `null`: there is nothing to send."""
        data = msgspec.to_builtins(document)
        data["timestamp_s"] = int(datetime.fromisoformat(document.timestamp).timestamp())
        for family in data["metrics"]:
            family.setdefault("help", "")
            family.setdefault("unit", "")
            for sample in family["samples"]:
                sample.setdefault("labels", {})
        count = sum(len(family.samples) for family in document.metrics)
        body = self._engine.render(data, fuel=FUEL + FUEL_PER_SAMPLE * count, limit=MAX_BODY)
        return None if body.strip() == b"null" else body
