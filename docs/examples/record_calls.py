"""An agent's process records what it serves and what it calls; the monitor in it exports, keeps and draws that."""

import asyncio

from prometheus_client import CollectorRegistry

from auscult import Monitor, Recorder


async def main() -> None:
    registry = CollectorRegistry()
    monitor = Monitor()
    monitor.metrics.add_registry(registry)
    recorder = Recorder(registry, event=monitor.metrics.record)
    async with monitor:
        cost = recorder.record_tts(provider="openai", model="tts-1", first_byte=0.18, duration=0.9, characters=420)
        print(f"one utterance: {cost.usd:.4f} USD ({cost.basis})")
        snapshot = await monitor.metrics.snapshot()
        print(snapshot.value("auscult_ai_characters_total", service="tts", provider="openai", model="tts-1"))


asyncio.run(main())
