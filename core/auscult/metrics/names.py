"""The registry of metric names: every family auscult exports, once. Rendering, the documentation's table and generated
dashboards read it.

The seed document's names and units stay as they are; everything else is ``auscult_*`` in base units.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from auscult.families import Family
from auscult.kinds import Check
from auscult.model import Measurement

__all__ = ["FAMILIES", "RECORDED", "declared", "family_of", "measured"]


_COMPONENT = ("component",)
FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        Family(
            "system_health_status",
            "gauge",
            "System verdict: 1 healthy, 0.5 degraded, 0 unhealthy, NaN unknown.",
            timestamps=True,
        ),
        Family(
            "system_health_percentage", "gauge", "Share of components that are healthy.", "percent", timestamps=True
        ),
        Family(
            "component_health_status",
            "gauge",
            "Verdict: 1 healthy, 0.5 degraded, 0 unhealthy, NaN unknown.",
            "",
            _COMPONENT,
            timestamps=True,
        ),
        Family(
            "component_health_response_time_ms",
            "gauge",
            "Response time of the latest result.",
            "milliseconds",
            _COMPONENT,
            timestamps=True,
        ),
        Family(
            "component_health_success_rate",
            "gauge",
            "Share of recent results that did not fail.",
            "percent",
            _COMPONENT,
            timestamps=True,
        ),
        Family(
            "component_health_error_rate",
            "gauge",
            "Share of recent results that failed.",
            "percent",
            _COMPONENT,
            timestamps=True,
        ),
        Family(
            "auscult_probe_duration_seconds", "histogram", "How long probes took, start to end.", "seconds", _COMPONENT
        ),
        Family(
            "auscult_component_last_check_timestamp_seconds",
            "gauge",
            "When the latest result came.",
            "seconds",
            _COMPONENT,
        ),
        Family("auscult_component_window_results", "gauge", "Results that the rates are over.", "results", _COMPONENT),
        Family("auscult_component_flapping", "gauge", "1 while the component flaps.", "", _COMPONENT),
        Family("auscult_components", "gauge", "Components that are monitored.", "components"),
        Family("auscult_checks_started_total", "counter", "Probes started.", "probes"),
        Family("auscult_checks_finished_total", "counter", "Results that probes gave.", "results"),
        Family("auscult_checks_failed_total", "counter", "Results of probes that were unhealthy.", "results"),
        Family("auscult_checks_missed_total", "counter", "Starts that could not be.", "starts"),
        Family("auscult_checks_in_flight", "gauge", "Probes running now.", "probes"),
        Family("auscult_checks_hung", "gauge", "Probes that ignored their cancellation and still run.", "probes"),
        Family(
            "auscult_components_parked",
            "gauge",
            "Components no longer probed, because their probe blocked the loop.",
            "components",
        ),
        Family("auscult_schedule_lateness_p50_seconds", "gauge", "Median lateness of the last starts.", "seconds"),
        Family("auscult_schedule_lateness_p99_seconds", "gauge", "99th percentile of the same.", "seconds"),
        Family("auscult_schedule_lateness_max_seconds", "gauge", "The worst since the start.", "seconds"),
        Family("auscult_loop_blocked_total", "counter", "Times that something blocked the event loop.", "times"),
        Family("auscult_inbox_results", "gauge", "Results waiting to be taken in.", "results"),
        Family(
            "auscult_reports_dropped_total", "counter", "Pushed results dropped because the inbox was full.", "results"
        ),
        Family("auscult_plugin_problems", "gauge", "Problems of plugins, as `auscult plugins` lists them.", "problems"),
        Family("auscult_store_queue_results", "gauge", "Results waiting to be written.", "results"),
        Family("auscult_store_results_written_total", "counter", "Results written.", "results"),
        Family("auscult_store_results_dropped_total", "counter", "Results not written: queue or disk full.", "results"),
        Family("auscult_store_low_on_disk", "gauge", "1 while results are not stored because the disk is almost full."),
        Family("auscult_store_file_bytes", "gauge", "Size of the history's file.", "bytes"),
        Family(
            "auscult_http_requests_total",
            "counter",
            "Requests to auscult by route template.",
            "requests",
            ("method", "route", "code"),
        ),
        Family("auscult_http_request_duration_seconds", "histogram", "How long auscult took to answer.", "seconds"),
        Family("auscult_alerts", "gauge", "Open alerts.", "alerts", ("severity", "status")),
        Family("auscult_alert_changes_total", "counter", "Committed changes of alerts.", "changes", ("kind",)),
        Family("auscult_alerts_uncommitted", "gauge", "Decisions about alerts that are not on disk yet.", "batches"),
        Family("auscult_alerts_commit_failing", "gauge", "1 while alerts cannot be committed: nobody is told then."),
        Family("auscult_external_alerts", "gauge", "Alerts that others post and that go on there.", "alerts"),
        Family("auscult_external_repeats_total", "counter", "Alerts of others that were posted again.", "alerts"),
        Family("auscult_external_waiting", "gauge", "Alerts of others on disk and still to be judged.", "alerts"),
        Family("auscult_silences", "gauge", "Silences that are not over.", "silences"),
        Family(
            "auscult_notices_total",
            "counter",
            "Notices by what became of them: told, merged into a later one, silenced, dead.",
            "notices",
            ("channel", "outcome"),
        ),
        Family("auscult_notices_waiting", "gauge", "Notices a channel is still to be told.", "notices", ("channel",)),
        Family(
            "auscult_notices_oldest_waiting_seconds",
            "gauge",
            "Time since the change that a channel has waited for the longest.",
            "seconds",
            ("channel",),
        ),
        Family("auscult_deliveries_in_flight", "gauge", "Deliveries under way.", "deliveries", ("channel",)),
        Family("auscult_deliveries_hung", "gauge", "Deliveries that ignored their cancellation.", "", ("channel",)),
        Family("auscult_deliveries_failed_total", "counter", "Deliveries that failed.", "deliveries", ("channel",)),
        Family(
            "auscult_channel_failing_seconds",
            "gauge",
            "Time since a channel began to fail; 0 while it does not.",
            "seconds",
            ("channel",),
        ),
        Family(
            "auscult_deadman_silent", "gauge", "1 while the dead-man address is not asked: alerts could not go out."
        ),
        Family("auscult_deadman_failing", "gauge", "1 while the dead-man address cannot be asked."),
        Family("auscult_channel_breaker_open", "gauge", "1 while single attempts only are made.", "", ("channel",)),
        Family("auscult_metric_series", "gauge", "Series taken in from outside.", "series", ("origin",)),
        Family(
            "auscult_metric_series_refused_total",
            "counter",
            "Samples refused because their series is beyond a limit or malformed.",
            "samples",
            ("origin", "reason"),
        ),
        Family("auscult_store_metric_samples_total", "counter", "Samples of metrics written.", "samples"),
        Family("auscult_store_metric_events_total", "counter", "Events written.", "events"),
        Family(
            "auscult_store_metrics_dropped_total",
            "counter",
            "Snapshots and events not written: too many waited, or the disk was full.",
        ),
        Family("auscult_exporter_pushes_total", "counter", "Snapshots that arrived.", "snapshots", ("exporter",)),
        Family("auscult_exporter_failures_total", "counter", "Pushes that failed.", "pushes", ("exporter",)),
        Family(
            "auscult_exporter_snapshots_dropped_total",
            "counter",
            "Snapshots that the destination will never get.",
            "snapshots",
            ("exporter",),
        ),
        Family(
            "auscult_exporter_snapshots_waiting",
            "gauge",
            "Snapshots kept on disk until the destination takes them.",
            "snapshots",
            ("exporter",),
        ),
        Family(
            "auscult_exporter_last_success_timestamp_seconds",
            "gauge",
            "When the destination last took a snapshot.",
            "seconds",
            ("exporter",),
        ),
        Family("auscult_source_looks_total", "counter", "Looks that succeeded.", "looks", ("source",)),
        Family("auscult_source_requests_total", "counter", "Requests taken in.", "requests", ("source",)),
        Family("auscult_source_failures_total", "counter", "Looks and requests that failed.", "failures", ("source",)),
        Family("auscult_metric_events_total", "counter", "Events recorded one by one.", "events"),
        Family("auscult_metric_collect_failures_total", "counter", "Registries that failed to answer.", "failures"),
    )
}

_CALL = ("service", "provider", "model")
RECORDED: dict[str, Family] = {
    family.name: family
    for family in (
        Family("auscult_ai_calls_total", "counter", "Calls to AI services.", "calls", (*_CALL, "outcome")),
        Family("auscult_ai_call_duration_seconds", "histogram", "Calls, start to end.", "seconds", _CALL),
        Family(
            "auscult_ai_first_byte_seconds",
            "histogram",
            "From the call to the first token, byte of sound or word.",
            "seconds",
            _CALL,
        ),
        Family("auscult_ai_audio_seconds_total", "counter", "Seconds of speech, in or out.", "seconds", _CALL),
        Family("auscult_ai_characters_total", "counter", "Characters to be spoken.", "characters", _CALL),
        Family("auscult_ai_tokens_total", "counter", "Tokens of language models.", "tokens", (*_CALL, "direction")),
        Family("auscult_ai_cost_usd_total", "counter", "List price of the calls.", "USD", _CALL),
        Family("auscult_ai_unpriced_calls_total", "counter", "Calls whose price is not known.", "calls", _CALL),
        Family(
            "http_server_requests_total",
            "counter",
            "Requests served.",
            "requests",
            ("method", "route", "status"),
        ),
        Family(
            "http_server_request_duration_seconds",
            "histogram",
            "Requests, until the last byte of the answer.",
            "seconds",
            ("method", "route"),
        ),
        Family(
            "http_server_request_errors_total",
            "counter",
            "Requests that ended in an exception, by its type, or in a 5xx.",
            "requests",
            ("method", "route", "type"),
        ),
        Family("http_server_active_requests", "gauge", "Requests being served now.", "requests"),
    )
}
"""What `Recorder` and `RequestMetrics` record in the user's process."""

_BASE = {"ms": ("seconds", 0.001), "days": ("seconds", 86_400.0)}
"""Units that people read and Prometheus does not want: the base unit, and how many of it."""


def family_of(check: type[Check] | Check, measurement: Measurement) -> Family:
    """The family of one measurement: ``auscult_redis_memory_bytes{component}``, a counter's with ``_total``.

    Times become seconds: ``rtt_avg_ms`` is exported as ``auscult_ping_rtt_avg_seconds``.
    """
    kind = re.sub(r"[^a-zA-Z0-9_]", "_", check.kind) or "function"
    name, unit, factor = _in_base_unit(measurement)
    name = f"auscult_{kind}_{name}"
    if measurement.kind == "counter" and not name.endswith("_total"):
        name += "_total"
    text = measurement.help or f"`{measurement.name}` of the check `{check.kind}`."
    return Family(name, measurement.kind, text, unit, _COMPONENT, factor=factor)


def _in_base_unit(measurement: Measurement) -> tuple[str, str, float]:
    """Name, unit and factor; the unit of what nobody declared shows in its name."""
    unit = measurement.unit or ("ms" if measurement.name.endswith("_ms") else "")
    if unit not in _BASE:
        return measurement.name, unit, 1.0
    base, factor = _BASE[unit]
    return re.sub(rf"(^|_){unit}(?=_|$)", rf"\g<1>{base}", measurement.name), base, factor


def declared(name: str) -> tuple[str, str, tuple[str, ...]]:
    """Name, help and labels of one of `RECORDED`, as prometheus_client's classes take them."""
    family = RECORDED[name]
    return family.base, family.help, family.labels


def measured(checks: Iterable[type[Check]]) -> Mapping[str, Family]:
    """The families of everything that `checks` declare, by name."""
    families = (family_of(check, measurement) for check in checks for measurement in check.measurements)
    return {family.name: family for family in families}
