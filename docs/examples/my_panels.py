"""A panel of one's own: a file beside the configuration, no packaging needed."""

from auscult import Column, Dashboard, Panel, Placed, Shape, Stat, Table, View, Waiting, hookimpl


class SlowestPanel(Panel):
    """The slowest components, and how far they are from too slow."""

    kind = "slowest"
    heading = "Slowest components"
    size = (6, 4)

    limit: int = 5
    """How many to show."""
    budget_ms: float = 800.0
    """What counts as too slow."""

    def show(self, view: View) -> Shape | list[Shape]:
        """The worst as a number, the others below."""
        timed = [each for each in view.components.values() if each.p95_ms is not None and each.counted]
        if not timed:
            return Waiting(message="Nothing has been timed yet.")
        timed.sort(key=lambda each: -(each.p95_ms or 0.0))
        worst = timed[0]
        return [
            Stat(
                value=worst.p95_ms,
                unit="ms",
                detail=f"{worst.component_name}, p95",
                threshold_warning=0.75 * self.budget_ms,
                threshold_critical=self.budget_ms,
            ),
            Table(
                columns=[
                    Column(name="component", title="Component", kind="component"),
                    Column(name="p95_ms", title="p95", kind="number", unit="ms"),
                ],
                rows=[(each.component_name, each.p95_ms) for each in timed[: self.limit]],
            ),
        ]


@hookimpl
def auscult_panels() -> list[type[Panel]]:
    """What this plugin offers."""
    return [SlowestPanel]


@hookimpl
def auscult_dashboards() -> list[Dashboard]:
    """And a dashboard made of it."""
    return [Dashboard(id="speed", title="Speed", panels=[Placed(panel=SlowestPanel(limit=10), width=12)])]
