"""The four default dashboards of the seed document, and the panels that they and your own are made of."""

from __future__ import annotations

from auscult import Dashboard, Panel, Placed, hookimpl
from auscult_plugins.dashboards.general import Measured, Stages, Text
from auscult_plugins.dashboards.infrastructure import Database, HostResources, LiveKit, Network, Redis
from auscult_plugins.dashboards.overview import (
    ActiveAlerts,
    Components,
    ResponseTimes,
    StatusTimeline,
    SuccessRates,
    SystemHealthPanel,
)
from auscult_plugins.dashboards.recorded import AiUsage, Metric, RecordedApi
from auscult_plugins.dashboards.requests import Endpoints, RequestDurations, RequestErrors, RequestVolume
from auscult_plugins.dashboards.services import LlmService, SttService, TtsService

__all__ = ["auscult_dashboards", "auscult_panels"]


@hookimpl
def auscult_panels() -> list[type[Panel]]:
    """Offer the panels."""
    return [
        SystemHealthPanel,
        Components,
        ActiveAlerts,
        ResponseTimes,
        SuccessRates,
        StatusTimeline,
        RequestVolume,
        RequestDurations,
        RequestErrors,
        Endpoints,
        SttService,
        LlmService,
        TtsService,
        AiUsage,
        HostResources,
        Database,
        Redis,
        LiveKit,
        Network,
        Measured,
        Metric,
        RecordedApi,
        Stages,
        Text,
    ]


@hookimpl
def auscult_dashboards() -> list[Dashboard]:
    """Offer the dashboards."""
    return [_system_overview(), _api_performance(), _ai_services(), _infrastructure()]


def _system_overview() -> Dashboard:
    return Dashboard(
        id="system_overview",
        title="System Overview",
        description="High-level system health and performance metrics",
        panels=[
            Placed(panel=SystemHealthPanel(), id="system_health", description="Overall system health status"),
            Placed(panel=ResponseTimes(), id="performance_trends", title="Response times", width=6, height=4),
            Placed(panel=ActiveAlerts(), id="active_alerts"),
            Placed(panel=Components(), id="component_status", title="Component Status"),
            Placed(panel=StatusTimeline(), id="status_timeline", title="States", width=6),
            Placed(panel=SuccessRates(), id="success_trends", title="Success", width=6, height=5),
        ],
    )


def _api_performance() -> Dashboard:
    return Dashboard(
        id="api_performance",
        title="API Performance",
        description="API usage, latency, and error metrics",
        time_range=3600.0,
        panels=[
            Placed(panel=RecordedApi(), id="recorded_api"),
            Placed(panel=RequestVolume(), id="request_volume", description="Requests to auscult itself"),
            Placed(panel=RequestDurations(), id="response_times", description="Requests to auscult itself"),
            Placed(panel=RequestErrors(), id="errors", description="Requests to auscult itself", width=4, height=7),
            Placed(panel=Endpoints(), id="endpoints", description="Requests to auscult itself", width=8, height=7),
        ],
    )


def _ai_services() -> Dashboard:
    return Dashboard(
        id="ai_services",
        title="AI Services",
        description="Speech to text, language models, text to speech: speed, quality, costs and usage",
        panels=[
            Placed(panel=SttService(), id="stt_service", width=4),
            Placed(panel=LlmService(), id="llm_service", width=4),
            Placed(panel=TtsService(), id="tts_service", width=4),
            Placed(panel=AiUsage(), id="costs_and_usage"),
        ],
    )


def _infrastructure() -> Dashboard:
    return Dashboard(
        id="infrastructure",
        title="Infrastructure",
        description="The machine, its network, databases, Redis and LiveKit",
        panels=[
            Placed(panel=HostResources(), id="system_resources"),
            Placed(panel=Database(), id="database"),
            Placed(panel=Redis(), id="redis"),
            Placed(panel=LiveKit(), id="livekit"),
            Placed(panel=Network(), id="network", height=8),
        ],
    )
