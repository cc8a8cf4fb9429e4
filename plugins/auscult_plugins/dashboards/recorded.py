"""Panels about what your own process records: any metric, your API, calls to AI services."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from auscult import (
    Chart,
    Column,
    ComponentHealth,
    Event,
    Line,
    MetricAnswer,
    MetricQuery,
    Panel,
    Query,
    Series,
    Shape,
    Stat,
    Table,
    View,
    Waiting,
    matchers_of,
)

__all__ = ["AiUsage", "Metric", "RecordedApi"]


class Metric(Panel):
    """Any metric of the history: what checks measure, what your process records, what a source brings."""

    kind = "metric"
    heading = "Metric"
    size = (6, 4)

    metric: Annotated[str, Meta(min_length=1)]
    """The sample's name, as `/metrics` has it; for `quantile` the histogram's."""
    match: tuple[str, ...] = ()
    """Which series: `label=value`, `label!=value`, with `*`; variables are filled in."""
    function: Literal["avg", "min", "max", "sum", "count", "last", "rate", "increase", "quantile"] = "avg"
    """What is told of each stretch of time; `rate` and `increase` are of counters."""
    q: Annotated[float, Meta(ge=0, le=1)] = 0.95
    """For `quantile`: which one."""
    aggregate: Literal["", "sum", "avg", "min", "max", "count"] = ""
    """How series become one line; empty leaves each by itself."""
    by: tuple[str, ...] = ()
    """Labels that stay apart when series become one."""
    top: Annotated[int, Meta(ge=0, le=200)] = 20
    """Lines at most, the largest first; 0 for all."""
    unit: str = ""
    """What stands behind the number."""
    factor: float = 1.0
    """What the number is multiplied by."""
    threshold_warning: float | None = None
    """The level from which it is yellow; above `threshold_critical` it means that lower is worse."""
    threshold_critical: float | None = None
    """The level from which it is red."""
    chart: Literal["line", "area", "bars"] = "line"
    """How it is drawn over time."""
    stacked: bool = False
    """One line on top of the other."""

    def show(self, view: View) -> Shape | Sequence[Shape]:
        """Lines; for a single one its latest value as well."""
        matchers = matchers_of(text for each in self.match if (text := view.fill(each)) and not text.endswith("="))
        answer = view.ask(
            MetricQuery(
                name=self.metric,
                match=matchers,
                function=self.function,
                q=self.q,
                aggregate=self.aggregate,
                by=self.by,
                top=self.top,
            )
        )
        lines = _lines(answer, self.metric, self.factor)
        if not lines:
            reason = answer.reason or next((track.reason for track in answer.tracks if track.reason), "")
            return Waiting(message=f"`{self.metric}` has no values within this time{': ' if reason else '.'}{reason}")
        drawn = Series(
            times=answer.times,
            lines=lines,
            unit=self.unit,
            chart=self.chart,
            stacked=self.stacked,
            threshold_warning=self.threshold_warning,
            threshold_critical=self.threshold_critical,
        )
        if len(lines) > 1:
            return drawn
        latest = next((value for value in reversed(lines[0].values) if value is not None), None)
        number = Stat(
            name=self.metric[:200],
            value=latest,
            unit=self.unit,
            threshold_warning=self.threshold_warning,
            threshold_critical=self.threshold_critical,
        )
        return [number, drawn]

    def charts(self) -> Sequence[Chart]:
        """The same question in PromQL; variables stay variables."""
        name, inside = self.metric, ",".join(_matcher(each) for each in self.match)
        selector = f"{{{inside}}}" if inside else ""
        by = f" by ({', '.join(self.by)})" if self.by else ""
        if self.function == "quantile":
            labels = ", ".join(("le", *self.by))
            expr = f"histogram_quantile({self.q:g}, sum by ({labels}) (rate({name}_bucket{selector}[5m])))"
        elif self.function in ("rate", "increase"):
            expr = f"{self.function}({name}{selector}[5m])"
        else:
            expr = f"{self.function}_over_time({name}{selector}[5m])"
        if self.aggregate and self.function != "quantile":
            expr = f"{self.aggregate}{by} ({expr})"
        if self.factor != 1.0:
            expr = f"{self.factor:g} * {expr}"
        warning, critical = self.threshold_warning, self.threshold_critical
        queries = (Query(expr, ""),)
        return (Chart(queries=queries, unit=self.unit, stacked=self.stacked, warning=warning, critical=critical),)


_MATCHER = re.compile(r"([a-zA-Z_][a-zA-Z0-9_]*)(!?=)(.*)", re.DOTALL)


def _matcher(text: str) -> str:
    """``label=value`` with ``*`` as PromQL has it; a variable of Grafana is a pattern."""
    found = _MATCHER.fullmatch(text)
    if found is None:
        return ""
    label, equal, value = found.groups()
    if "*" in value or "$" in value:
        return f'{label}{"=~" if equal == "=" else "!~"}"{value.replace("*", ".*")}"'
    return f'{label}{equal}"{value}"'


def _lines(answer: MetricAnswer, name: str, factor: float = 1.0) -> list[Line]:
    """One for each track that has any value, named after what tells it from the others."""
    tracks = [track for track in answer.tracks if any(value is not None for value in track.values)]
    telling = [
        label
        for label in sorted({label for track in tracks for label in track.labels})
        if len({track.labels.get(label, "") for track in tracks}) > 1
    ]
    return [
        Line(
            name=", ".join(track.labels.get(label, "") for label in telling)[:200] or name[:200],
            values=[None if value is None else value * factor for value in track.values],
        )
        for track in tracks[:200]
    ]


_ROUTES = ("http_route", "route", "handler", "path_template", "endpoint", "path")
_STATUSES = ("http_response_status_code", "status_code", "status", "code")
_CONNECT = """\
# around an application of FastAPI, Starlette, Litestar, or any other ASGI framework:
from auscult import RequestMetrics
from prometheus_client import REGISTRY
app = RequestMetrics(app, REGISTRY)
monitor.metrics.add_registry(REGISTRY)

# or, from another process, in auscult.toml:
# [sources.my-api]
# source = "prometheus-scrape"
# url = "http://127.0.0.1:8000/metrics\""""


class RecordedApi(Panel):
    """Your own API, as its process records it: how much, how fast, how often in vain."""

    kind = "recorded-api"
    heading = "Your API"
    size = (12, 6)

    metric: str = ""
    """The histogram of durations in seconds. Default: the first one of the history that looks like one."""

    def show(self, view: View) -> Shape | Sequence[Shape]:
        """Rate, percentiles and routes; how to connect it where nothing is recorded."""
        name, labels = self._found(view)
        if not name:
            return Waiting(
                message="Your own API is not recorded yet; below is auscult's own.",
                connect=_CONNECT,
                language="python",
                link="how-to/record.md",
            )
        route = next((label for label in _ROUTES if label in labels), "")
        rate = view.ask(MetricQuery(name=f"{name}_count", function="rate", aggregate="sum"))
        shown: list[Shape] = []
        if lines := _lines(rate, "Requests"):
            shown.append(Series(title="Rate", times=rate.times, lines=lines, unit="1/s", chart="area"))
        shares = {label: view.ask(MetricQuery(name=name, function="quantile", q=q)) for label, q in _SHARES.items()}
        times = next((answer.times for answer in shares.values() if answer.tracks), [])
        slow = [
            Line(name=label, values=line.values)
            for label, answer in shares.items()
            if answer.times == times
            for line in _lines(answer, label, 1000.0)
        ]
        if slow:
            shown.append(Series(title="Response time", times=times, lines=slow, unit="ms"))
        for title, counted, label in _split(view, name, labels):
            split = view.ask(MetricQuery(name=counted, function="rate", aggregate="sum", by=(label,)))
            only = next((track.labels.get(label, "") for track in split.tracks), "")
            if lines := _lines(split, only):
                shown.append(Series(title=title, times=split.times, lines=lines, unit="1/s", stacked=True))
        if route and (table := _routes(view, name, route)):
            shown.append(table)
        return shown or Waiting(message=f"`{name}` is known and has no values within this time.")

    def _found(self, view: View) -> tuple[str, Sequence[str]]:
        for family in view.families():
            words = set(family.name.split("_"))
            looks = {"http", "duration", "seconds"} <= words or {"http", "request", "seconds"} <= words
            guessed = not self.metric and looks and family.type == "histogram"
            if family.name == self.metric or (guessed and not family.name.startswith("auscult_")):
                return family.name, family.labels
        return "", ()


def _split(view: View, name: str, labels: Sequence[str]) -> Iterable[tuple[str, str, str]]:
    """What tells requests apart: by status, by kind of error; each a title, a counter and its label."""
    beside = name.removesuffix("_duration_seconds")
    counters = {family.name.removesuffix("_total"): family for family in view.families() if family.type == "counter"}
    statuses = [label for label in _STATUSES if label in labels]
    requests = counters.get(f"{beside}s")
    if statuses:
        yield "By status", f"{name}_count", statuses[0]
    elif requests is not None and (statuses := [label for label in _STATUSES if label in requests.labels]):
        yield "By status", f"{beside}s_total", statuses[0]
    errors = counters.get(f"{beside}_errors")
    if errors is not None and "type" in errors.labels:
        yield "Errors by type", f"{beside}_errors_total", "type"


_SHARES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


def _routes(view: View, name: str, route: str) -> Table | None:
    counted = view.ask(MetricQuery(name=f"{name}_count", function="increase", aggregate="sum", by=(route,), top=50))
    taken = view.ask(MetricQuery(name=f"{name}_sum", function="increase", aggregate="sum", by=(route,)))
    seconds = {track.labels.get(route, ""): _total(track.values) for track in taken.tracks}
    rows: list[tuple[str, float, float | None]] = []
    for track in counted.tracks:
        where, number = track.labels.get(route, ""), _total(track.values)
        rows.append((where, number, 1000 * seconds.get(where, 0.0) / number if number else None))
    if not rows:
        return None
    rows.sort(key=lambda row: -row[1])
    return Table(
        title="Routes",
        columns=[
            Column(name="route", title="Route"),
            Column(name="requests", title="Requests", kind="number", unit="requests"),
            Column(name="mean_ms", title="Mean", kind="number", unit="ms"),
        ],
        rows=rows,
    )


def _total(values: Iterable[float | None]) -> float:
    return sum(value for value in values if value is not None)


_RECORD = """\
# in the process that calls them; it exposes prometheus_client's registry at /metrics:
from auscult import Recorder
recorder = Recorder()
recorder.record_llm(
    provider="openai", model="gpt-4o-mini",
    duration=0.8, first_token=0.3, input_tokens=120, output_tokens=80,
)

# in auscult.toml:
# [sources.my-agent]
# source = "prometheus-scrape"
# url = "http://127.0.0.1:8000/metrics\""""
_NUMBERS = {
    "input_tokens": ("Tokens in", "tokens"),
    "output_tokens": ("Tokens out", "tokens"),
    "audio_seconds": ("Audio", "s"),
    "characters": ("Characters", "characters"),
}
_COST = "cost_usd"
_COUNTERS = {
    "input_tokens": ("auscult_ai_tokens_total", "input"),
    "output_tokens": ("auscult_ai_tokens_total", "output"),
    "audio_seconds": ("auscult_ai_audio_seconds_total", ""),
    "characters": ("auscult_ai_characters_total", ""),
    _COST: ("auscult_ai_cost_usd_total", ""),
}
"""The counters of `auscult.Recorder`, and the direction of their tokens."""
_WHOLE = ("input_tokens", "output_tokens", "characters")
_WHO = ("service", "provider", "model")
_MEASURED = {
    "prompt_tokens": "input_tokens",
    "completion_tokens": "output_tokens",
    "audio_seconds": "audio_seconds",
    "characters": "characters",
}
_SERVICES = ("stt_client", "llm_client", "tts_client")


class AiUsage(Panel):
    """What AI services were used for within the time looked at, and what it cost."""

    kind = "ai-usage"
    heading = "AI costs and usage"
    size = (12, 6)

    def show(self, view: View) -> Shape | Sequence[Shape]:
        """Your agent's calls, as it records them; and what auscult's own probes used."""
        calls = view.events("ai_calls")
        shown = list(_shown(_groups(calls), "p95") if calls else _counted(view))
        if not shown:
            connect = Waiting(
                title="Your agent",
                message="Calls of your own process are not recorded yet.",
                connect=_RECORD,
                language="python",
                link="how-to/record.md",
            )
            shown.append(connect)
        views = [each for each in view.chosen() if each.component_type in _SERVICES]
        if views:
            shown.append(_probes(view, views))
        return shown

    def charts(self) -> Sequence[Chart]:
        """What `auscult.Recorder` counts: calls, cost, tokens, characters, speech."""
        by = "sum by (service, provider, model)"
        who = "{{service}} {{provider}} {{model}}"
        first = f"histogram_quantile(0.95, {by[:-1]}, le) (rate(auscult_ai_first_byte_seconds_bucket[5m])))"
        return (
            Chart(
                queries=(Query(f"{by} (increase(auscult_ai_cost_usd_total[1h]))", who),),
                title="Cost an hour",
                unit="USD",
            ),
            Chart(queries=(Query(f"{by} (rate(auscult_ai_calls_total[5m]))", who),), title="Calls", unit="1/s"),
            Chart(queries=(Query(first, who),), title="First byte or token, p95", unit="s"),
        )


class _Used(Struct):
    """The calls to one model."""

    calls: float = 0.0
    unpriced: float = 0.0
    first_ms: float | None = None
    """Until the first word, token or sound."""
    whole_ms: float | None = None
    numbers: dict[str, float] = field(default_factory=dict)
    """What was used, by the names of `_NUMBERS`, and the cost; what nobody has said is absent."""


Groups = Mapping[tuple[str, ...], _Used]


def _groups(calls: Sequence[Event]) -> Groups:
    """Calls that were recorded one by one."""
    together: dict[tuple[str, ...], list[Event]] = {}
    for call in calls:
        labels = call.labels
        who = (labels.get("service", "") or labels.get("kind", ""), labels.get("provider", ""), labels.get("model", ""))
        together.setdefault(who, []).append(call)
    return {
        who: _Used(
            calls=len(group),
            unpriced=sum("cost_usd" not in call.numbers for call in group),
            first_ms=_p95(group, "first_byte_seconds"),
            whole_ms=_p95(group, "duration_seconds"),
            numbers={name: total for name in (*_NUMBERS, _COST) if (total := _sum(group, name)) is not None},
        )
        for who, group in together.items()
    }


def _counted(view: View) -> Iterable[Shape]:
    """Calls that another process counts and a source brings."""
    if not any(family.name.removesuffix("_total") == "auscult_ai_calls" for family in view.families()):
        return ()
    groups: dict[tuple[str, ...], _Used] = {
        who: _Used(calls=calls) for who, calls in _grown(view, "auscult_ai_calls_total").items() if calls
    }
    for name, (metric, direction) in _COUNTERS.items():
        for who, total in _grown(view, metric, direction).items():
            if who in groups and total:
                groups[who].numbers[name] = total
    first, whole = _means(view, "auscult_ai_first_byte_seconds"), _means(view, "auscult_ai_call_duration_seconds")
    unpriced = _grown(view, "auscult_ai_unpriced_calls_total")
    for who, used in groups.items():
        used.unpriced, used.first_ms, used.whole_ms = unpriced.get(who, 0.0), first.get(who), whole.get(who)
    return _shown(groups, "mean") if groups else ()


def _means(view: View, histogram: str) -> dict[tuple[str, ...], float]:
    """Milliseconds on average within the time looked at, by model."""
    seconds, counts = _grown(view, f"{histogram}_sum"), _grown(view, f"{histogram}_count")
    return {who: 1000 * seconds.get(who, 0.0) / count for who, count in counts.items() if count}


def _grown(view: View, metric: str, direction: str = "") -> dict[tuple[str, ...], float]:
    """By how much a counter grew within the time looked at, by model."""
    matchers = matchers_of([f"direction={direction}"] if direction else [])
    answer = view.ask(MetricQuery(name=metric, match=matchers, function="increase", aggregate="sum", by=_WHO))
    return {tuple(track.labels.get(label, "") for label in _WHO): _total(track.values) for track in answer.tracks}


def _shown(groups: Groups, which: str) -> Iterable[Shape]:
    calls, unpriced = sum(used.calls for used in groups.values()), sum(used.unpriced for used in groups.values())
    costs = [used.numbers[_COST] for used in groups.values() if _COST in used.numbers]
    yield Stat(
        title="Cost",
        name="ai_cost_usd",
        value=sum(costs) if costs else None,
        unit="USD",
        detail=f"{unpriced:.0f} of {calls:.0f} calls are unpriced" if unpriced else "",
    )
    yield Stat(title="Calls", name="ai_calls", value=float(round(calls)), unit="calls")
    columns = [name for name in _NUMBERS if any(name in used.numbers for used in groups.values())]
    yield Table(
        title="Your agent",
        columns=[
            Column(name="service", title="Service"),
            Column(name="provider", title="Provider"),
            Column(name="model", title="Model"),
            Column(name="calls", title="Calls", kind="number", unit="calls"),
            Column(name="first_ms", title=f"First, {which}", kind="number", unit="ms"),
            Column(name="whole_ms", title=f"Whole, {which}", kind="number", unit="ms"),
            *(Column(name=name, title=_NUMBERS[name][0], kind="number", unit=_NUMBERS[name][1]) for name in columns),
            Column(name=_COST, title="Cost", kind="number", unit="USD"),
        ],
        rows=[
            (
                *who,
                round(used.calls),
                used.first_ms,
                used.whole_ms,
                *(used.numbers.get(name) for name in columns),
                used.numbers.get(_COST),
            )
            for who, used in sorted(groups.items(), key=lambda item: -item[1].numbers.get(_COST, 0.0))
        ],
    )


def _sum(calls: Iterable[Event], name: str) -> float | None:
    """None where nobody has said: unpriced is not free."""
    values = [call.numbers[name] for call in calls if name in call.numbers]
    return sum(values) if values else None


def _p95(calls: Iterable[Event], name: str) -> float | None:
    values = sorted(call.numbers[name] for call in calls if name in call.numbers)
    return 1000 * values[round(0.95 * (len(values) - 1))] if values else None


def _probes(view: View, views: Sequence[ComponentHealth]) -> Table:
    used = {each.component_name: _used(view, each.component_name) for each in views}
    columns = [name for name in _NUMBERS if any(name in figures for figures in used.values())]
    return Table(
        title="Probes of auscult",
        columns=[
            Column(name="component", title="Service", kind="component"),
            Column(name="type", title="Type"),
            Column(name="probes", title="Probes", kind="number", unit="probes"),
            *(Column(name=name, title=_NUMBERS[name][0], kind="number", unit=_NUMBERS[name][1]) for name in columns),
            Column(name="cost_usd", title="Cost", kind="number", unit="USD"),
        ],
        rows=[
            (
                each.component_name,
                each.component_type,
                used[each.component_name].get("probes"),
                *(used[each.component_name].get(name) for name in columns),
                used[each.component_name].get("cost_usd"),
            )
            for each in views
        ],
    )


def _used(view: View, component: str) -> Mapping[str, float]:
    """Numbers of the whole time: of single results not all are read, so their mean stands for the others."""
    probes = sum(point.count for point in view.history(component))
    results = view.results(component)
    found = {"probes": float(probes)} if probes else {}
    for name, told in (*_MEASURED.items(), ("cost_usd", "cost_usd")):
        values = [result.measurements[name] for result in results if name in result.measurements]
        if values:
            total = sum(values) / len(results) * (probes or len(results))
            found[told] = float(round(total)) if told in _WHOLE else total
    return found
