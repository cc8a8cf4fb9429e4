// One component: how it is and why, how it went, what it needs, and what one can do.
import { useEffect } from "preact/hooks";
import { path, post } from "../../api/client";
import type { Component, Result } from "../../api/types";
import { ms, percent } from "../../format/numbers";
import { Action } from "../../parts/Action";
import { AlertCard } from "../../parts/AlertCard";
import { Card } from "../../parts/Card";
import { Changes } from "../../parts/Changes";
import { Heartbeat } from "../../parts/Heartbeat";
import { ComponentLink, Elsewhere } from "../../parts/Link";
import { Moment } from "../../parts/Moment";
import { Sign } from "../../parts/Sign";
import { Empty, Loading } from "../../parts/states";
import { inbox } from "../../state/alerts";
import { causesOf, known, loaded, loadManyBeats, MANY_BEATS, mergeComponent } from "../../state/components";
import { route } from "../../state/route";
import { may } from "../../state/session";
import { level, STATUS, TREND } from "../../words";
import { TrendMark } from "../overview/ComponentRow";
import { Dependencies } from "./Dependencies";
import { Details } from "./Details";
import { Latency } from "./Latency";
import { PastAlerts } from "./PastAlerts";
import { Results } from "./Results";

export function ComponentPage() {
  const name = route.value.segments[1] ?? "";
  const held = known.value.get(name);
  useEffect(() => {
    if (held) void loadManyBeats(name).catch(() => {}); // the bars of the first page stay
  }, [name, held === undefined]);
  if (!loaded.value) return <Loading lines={5} />;
  if (!held)
    return (
      <Empty title={`No component is called “${name}”.`}>
        It may have been removed from the configuration. <a href="#/">All components</a>
      </Empty>
    );
  const { component } = held.value;
  const alerts = inbox.value.filter((alert) => alert.component === name);
  return (
    <div class="component-page" key={name}>
      <Head component={component} />
      <div class="card">
        <Figures component={component} />
        <Heartbeat name={name} held={held} room={MANY_BEATS} />
      </div>
      {alerts.map((alert) => (
        <AlertCard key={alert.id} alert={alert} />
      ))}
      <div class="columns">
        <div class="column-main">
          <Latency name={name} last={component.last_check} />
          <Results name={name} last={component.last_check} />
        </div>
        <div class="column-side">
          <Dependencies component={component} />
          <Details component={component} />
          <Card title="What happened, 24 h">
            <Changes component={name} hours={24} shown={8} />
          </Card>
          <PastAlerts name={name} />
        </div>
      </div>
    </div>
  );
}

function Head({ component }: { component: Component }) {
  const { name, status } = component;
  const causes = causesOf(component);
  return (
    <header class={`component-head is-${status}`}>
      <nav class="crumbs" aria-label="Where you are">
        <a href="#/">← Overview</a>
        {component.group ? ` · ${component.group}` : ""}
      </nav>
      <div class="component-title">
        <Sign status={status} size={32} />
        <div>
          <h1>{name}</h1>
          <p>
            <b class={`is-${status}`}>{STATUS[status]}</b>
            {component.since ? (
              <>
                {" for "}
                <Moment at={component.since} as="for" />
              </>
            ) : null}
            {component.type !== name ? <span class="soft"> · {component.type}</span> : null}
            {component.flapping ? <span class="soft"> · flapping</span> : null}
            {component.critical ? null : <span class="soft"> · not critical</span>}
          </p>
        </div>
        <div class="component-tools">
          {component.runbook ? (
            <span class="runbook">
              Runbook: <Elsewhere address={component.runbook} />
            </span>
          ) : null}
          {may("operator") ? (
            <Action kind="primary" act={() => checkNow(name)}>
              Check now
            </Action>
          ) : null}
        </div>
      </div>
      <p class="component-reason" role="status">
        {component.message || "It has not said anything yet."}
        {component.reasons.length > 0 ? (
          <span class="soft"> Beyond its level: {component.reasons.map(level).join(", ")}.</span>
        ) : null}
        {causes.length > 0 ? (
          <>
            {" "}
            Likely cause:{" "}
            {causes.map((cause, n) => (
              <span key={cause}>
                {n > 0 ? ", " : ""}
                <ComponentLink name={cause} />
              </span>
            ))}
            .
          </>
        ) : null}
      </p>
    </header>
  );
}

async function checkNow(name: string): Promise<void> {
  const result = await post<Result>(`/api/v1/components${path(name)}/check`);
  mergeComponent({ name, last_check: result.time, response_time_ms: result.response_time_ms, result });
}

const WINDOWS = ["1h", "24h", "7d", "30d"];

function Figures({ component }: { component: Component }) {
  return (
    <dl class="figures">
      <Figure title="Now" value={ms(component.response_time_ms)} />
      <Figure title="p50" value={ms(component.p50_ms)} />
      <Figure title="p95" value={ms(component.p95_ms)} />
      <Figure title="p99" value={ms(component.p99_ms)} />
      <Figure title="Success" value={percent(component.success_rate, 1)} />
      {WINDOWS.map((window) => (
        <Figure
          key={window}
          title={`Uptime ${window.replace(/(\d+)/, "$1 ")}`}
          value={percent(component.uptime[window])}
        />
      ))}
      <div>
        <dt>Trend</dt>
        <dd
          title={Object.entries(component.trends)
            .map(([window, trend]) => `${window}: ${TREND[trend]}`)
            .join(", ")}
        >
          <TrendMark trend={component.trend} />
        </dd>
      </div>
    </dl>
  );
}

function Figure({ title, value }: { title: string; value: string }) {
  return (
    <div>
      <dt>{title}</dt>
      <dd>{value}</dd>
    </div>
  );
}
