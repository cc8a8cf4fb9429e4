// The answer to the five questions somebody has who opens this page: is it us, which, since when, who knows, what does it cost.
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import type { Alert, Component, Status } from "../../api/types";
import { count, ms, percent } from "../../format/numbers";
import { ComponentLink } from "../../parts/Link";
import { Moment } from "../../parts/Moment";
import { Sign } from "../../parts/Sign";
import { inbox } from "../../state/alerts";
import { now } from "../../state/clock";
import { causesOf, counted, known, system } from "../../state/components";
import { loadCosts, spent, spentOn } from "../../state/costs";
import { href } from "../../state/route";
import { BADNESS } from "../../words";

export function Verdict() {
  const minute = Math.floor(now.value / 60_000);
  useEffect(() => void loadCosts(), [minute]);
  const all = counted.value;
  const bad = all.filter((component) => component.status === "unhealthy" || component.status === "degraded");
  const status: Status = system.value?.status ?? "unknown";
  const shown: Status = bad.length > 0 && BADNESS[status] < BADNESS.degraded ? "degraded" : status;
  return (
    <section class={`verdict is-${shown}`} aria-label="The verdict">
      <div class="verdict-words" role="status">
        <Sign status={shown} size={44} />
        <div>
          <h1>{headline(shown, causes(bad), all)}</h1>
          <p>{reason(shown, bad, all)}</p>
        </div>
      </div>
      <dl class="facts">{bad.length > 0 ? <Trouble bad={bad} all={all} /> : <Calm all={all} />}</dl>
      <MonitorNote />
    </section>
  );
}

/** Those in trouble whose trouble is their own. */
function causes(bad: Component[]): Component[] {
  const own = bad.filter((component) => causesOf(component).length === 0);
  const found = own.length > 0 ? own : bad;
  return found.sort((a, b) => BADNESS[b.status] - BADNESS[a.status] || (a.since ?? "").localeCompare(b.since ?? ""));
}

function headline(status: Status, found: Component[], all: Component[]): string {
  const [first, second] = found;
  if (!first) {
    if (all.length === 0) return "Nothing is monitored yet";
    if (status === "healthy") return "Everything works";
    return status === "maintenance" ? "Maintenance" : "Not known yet";
  }
  const worst = found.filter((component) => component.status === first.status);
  const verb = worst.length === 1 ? "is" : "are";
  const names =
    worst.length === 1
      ? first.name
      : worst.length === 2 && second
        ? `${first.name} and ${second.name}`
        : `${first.name} and ${worst.length - 1} others`;
  return `${names} ${verb} ${first.status}`;
}

function reason(status: Status, bad: Component[], all: Component[]): string {
  const [first] = causes(bad);
  if (first) return first.message || (system.value?.message ?? "");
  if (status === "healthy") {
    const unknown = all.filter((component) => component.status === "unknown").length;
    return unknown
      ? `${count(unknown, "component")} of ${all.length} cannot be judged.`
      : `All ${count(all.length, "component")} are healthy.`.replace("All 1 component are", "The one component is");
  }
  return system.value?.message ?? "";
}

function Fact({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{title}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Trouble({ bad, all }: { bad: Component[]; all: Component[] }) {
  const found = causes(bad);
  const earliest =
    found
      .map((component) => component.since ?? "")
      .filter(Boolean)
      .sort()[0] ?? null;
  const healthy = all.filter((component) => component.status === "healthy").length;
  const first = found[0];
  return (
    <>
      <Fact title="Since">
        <Moment at={earliest} as="for" /> <small>{earliest ? <Moment at={earliest} as="clock" /> : null}</small>
      </Fact>
      <Fact title="Cause">
        <Cause bad={bad} found={found} />
      </Fact>
      <Fact title="Who knows">
        <Owner bad={bad} />
      </Fact>
      <Fact title="What it costs">
        <Spent />
        {all.length - healthy}
        <small> of {count(all.length, "component")}</small>
        {first && first.success_rate !== null && first.success_rate < 100 ? (
          <small> · success {percent(first.success_rate, 0)}</small>
        ) : null}
      </Fact>
    </>
  );
}

/** Money, where somebody records what calls cost. */
function Spent() {
  const costs = spent.value;
  const text = costs ? spentOn(costs) : null;
  if (!costs || text === null) return null;
  return (
    <>
      {text}
      <small> in the last hour{costs.unpriced > 0 ? `, ${count(costs.unpriced, "call")} unpriced` : ""} · </small>
    </>
  );
}

function Cause({ bad, found }: { bad: Component[]; found: Component[] }) {
  const blamed = [...new Set(bad.flatMap((component) => causesOf(component).slice(0, 1)))];
  if (blamed.length > 0) {
    const hit = bad.filter((component) => causesOf(component).length > 0).map((component) => component.name);
    return (
      <>
        {blamed.map((name, n) => (
          <span key={name}>
            {n > 0 ? ", " : ""}
            <ComponentLink name={name} />
          </span>
        ))}
        <small> takes {hit.join(", ")} with it</small>
      </>
    );
  }
  const [first, ...others] = found;
  if (!first) return <>–</>;
  if (others.length > 0) return <small>none in common: each by itself</small>;
  return (
    <>
      <ComponentLink name={first.name} />
      <small> {first.depends_on.length > 0 ? "itself; what it needs works" : "itself"}</small>
    </>
  );
}

function Owner({ bad }: { bad: Component[] }) {
  const names = new Set(bad.map((component) => component.name));
  const about = inbox.value.filter((alert) => names.has(alert.component) || alert.component === "");
  const taken = about.find((alert) => alert.acknowledged && alert.status === "acknowledged");
  if (taken?.acknowledged) {
    return (
      <>
        {taken.acknowledged.author}
        <small>
          {" "}
          took it on <Moment at={taken.acknowledged.at} />
        </small>
      </>
    );
  }
  if (about.length === 0) return <small>no alert has fired</small>;
  return <Unowned alerts={about} />;
}

function Unowned({ alerts }: { alerts: Alert[] }) {
  return (
    <>
      nobody yet
      <small>
        {" "}
        · <a href={href("alerts")}>{count(alerts.length, "alert")}</a>
      </small>
    </>
  );
}

function Calm({ all }: { all: Component[] }) {
  const healthy = all.filter((component) => component.status === "healthy").length;
  const since =
    all
      .map((component) => component.since ?? "")
      .sort()
      .at(-1) || null;
  const slowest = all.reduce<Component | null>(
    (worst, next) => ((next.p95_ms ?? -1) > (worst?.p95_ms ?? -1) ? next : worst),
    null,
  );
  const least = all.reduce<Component | null>(
    (worst, next) => ((next.uptime["24h"] ?? 101) < (worst?.uptime["24h"] ?? 101) ? next : worst),
    null,
  );
  return (
    <>
      <Fact title="Healthy">
        {healthy}
        <small> of {all.length}</small>
      </Fact>
      <Fact title="Nothing changed for">
        <Moment at={since} as="for" />
      </Fact>
      <Fact title="Slowest, p95">
        {slowest && slowest.p95_ms !== null ? ms(slowest.p95_ms) : "–"}
        <small> {slowest?.name}</small>
      </Fact>
      <CalmCosts />
      <Fact title="Least uptime, 24 h">
        {percent(least?.uptime["24h"])}
        <small> {least && (least.uptime["24h"] ?? 100) < 100 ? least.name : ""}</small>
      </Fact>
    </>
  );
}

function CalmCosts() {
  const costs = spent.value;
  const text = costs ? spentOn(costs) : null;
  if (!costs || text === null) return null;
  return (
    <Fact title="AI costs, 1 h">
      {text}
      <small> {costs.unpriced > 0 ? `${count(costs.unpriced, "call")} unpriced` : count(costs.calls, "call")}</small>
    </Fact>
  );
}

/** When the monitor itself is not well, the rest is to be read with care. */
function MonitorNote() {
  const self = known.value.get("auscult")?.value.component;
  if (!self || self.counted || self.status === "healthy" || self.status === "unknown") return null;
  return (
    <p class="verdict-note">
      <Sign status={self.status} /> The monitor itself is {self.status}: {self.message}{" "}
      <a href={href("components", "auscult")}>Look</a>
    </p>
  );
}
