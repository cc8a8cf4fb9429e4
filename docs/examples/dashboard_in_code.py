"""A dashboard declared in code, and one look at it."""

import asyncio

from auscult import Dashboard, Monitor, Panel, Reading, Stat, View


class Answers(Panel):
    """How many documents the knowledge base holds."""

    kind = "documents"

    def show(self, view: View) -> Stat:
        """The latest number; None before the first."""
        found = view.components["knowledge"].measurements.get("documents")
        return Stat(value=found, unit="documents")


async def main() -> None:
    monitor = Monitor()
    monitor.health.register("knowledge", check=lambda: Reading.healthy(documents=120))
    monitor.dashboards.add(Dashboard(id="kb", title="Knowledge base", panels=[Answers()]))
    await monitor.run()
    await monitor.check_now("knowledge")
    drawn = await monitor.dashboards.draw("kb")
    for metric in drawn.panels[0].metrics:
        print(metric.name, metric.value, metric.unit)
    await monitor.stop()


asyncio.run(main())
