"""A rule with a function, added in code."""

import anyio

from auscult import Monitor, Reading
from auscult.alerting import AlertRule, AlertSeverity

custom_rule = AlertRule(
    name="high_memory_usage",
    condition=lambda data: data.get("memory_usage", 0) > 90,
    severity=AlertSeverity.HIGH,
    message_template="High memory usage detected: {memory_usage}%",
    cooldown_minutes=15,
    max_alerts_per_hour=4,
)


async def main():
    monitor = Monitor()
    monitor.health.register("agent")
    monitor.alerts.add_rule(custom_rule)
    happened = anyio.Event()
    monitor.alerts.listen(lambda number, change: happened.set())
    async with monitor:
        monitor.report("agent", Reading.healthy(memory_usage_percent=91.5))
        await happened.wait()
        print(monitor.alerts.alerts()[0].message)


anyio.run(main)
