// One component in one row: state, reason, recent results, response time, uptime, where it is heading.
import type { Signal } from "@preact/signals";
import type { Component, Trend } from "../../api/types";
import { ms, percent } from "../../format/numbers";
import { Heartbeat } from "../../parts/Heartbeat";
import { ComponentLink } from "../../parts/Link";
import { Moment } from "../../parts/Moment";
import { Sign } from "../../parts/Sign";
import { Sparkline } from "../../parts/Sparkline";
import { BEATS, causesOf, type Known } from "../../state/components";
import { STATUS, TREND } from "../../words";

export function ComponentRow({ name, held }: { name: string; held: Signal<Known> }) {
  const { component, beats } = held.value;
  return (
    <li class={`row is-${component.status}`}>
      <div class="row-name">
        <Sign status={component.status} size={18} />
        <div class="row-words">
          <div class="row-title">
            <ComponentLink name={name} />
            <span class={`row-state is-${component.status}`}>
              {STATUS[component.status]}
              {component.since && component.status !== "healthy" ? (
                <>
                  {" for "}
                  <Moment at={component.since} as="for" />
                </>
              ) : null}
              {component.stale ? " · no results" : ""}
              {component.flapping ? " · flapping" : ""}
            </span>
          </div>
          <div class="row-message" title={component.message}>
            {component.message}
            <Blame component={component} />
          </div>
        </div>
      </div>
      <Heartbeat name={name} held={held} />
      <div class="row-time">
        <Sparkline values={beats.slice(-BEATS).map((beat) => beat.ms)} label={`Response time of ${name}`} />
        <span class="figure">
          <span class="figure-name">now </span>
          {ms(component.response_time_ms)}
        </span>
      </div>
      <span class="figure row-p95">
        <span class="figure-name">p95 </span>
        {ms(component.p95_ms)}
      </span>
      <span class="figure row-uptime">
        <span class="figure-name">24 h </span>
        {percent(component.uptime["24h"])}
      </span>
      <TrendMark trend={component.trend} />
    </li>
  );
}

function Blame({ component }: { component: Component }) {
  const causes = causesOf(component);
  return causes.length > 0 ? <b> · likely cause: {causes.join(", ")}</b> : null;
}

const ARROWS: Record<Trend, string> = {
  improving: "M3 5l5 5 2-2 4 4M14 8v4h-4",
  stable: "M3 9h11M11 6l3 3-3 3",
  worsening: "M3 13l5-5 2 2 4-4M14 10V6h-4",
  unknown: "M4 9h.1M8.500 9h.1M13 9h.1",
};

/** Where response time and failures are heading: an arrow and a word. */
export function TrendMark({ trend }: { trend: Trend }) {
  return (
    <span
      class={`trend trend-${trend}`}
      title={trend === "unknown" ? "Too few results for a trend" : `Response time and success: ${trend}`}
    >
      <svg width="17" height="18" viewBox="0 0 17 18" aria-hidden="true">
        <path d={ARROWS[trend] ?? ARROWS.unknown} />
      </svg>
      <span class={trend === "improving" || trend === "worsening" ? "trend-word" : "visually-hidden"}>
        {trend === "unknown" ? "no trend yet" : TREND[trend]}
      </span>
    </span>
  );
}
