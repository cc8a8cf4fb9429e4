// Every component in its group; with a filter where there are many.
import { useComputed, useSignal } from "@preact/signals";
import type { Component, Status } from "../../api/types";
import { Sign } from "../../parts/Sign";
import { Empty } from "../../parts/states";
import { counted, type Group, groups, known, MONITOR } from "../../state/components";
import { route, setQuery } from "../../state/route";
import { ComponentRow } from "./ComponentRow";

const FILTER_FROM = 12;

export function Components() {
  const text = useSignal("");
  const state = route.value.query.get("status") ?? "";
  const shown = useComputed(() => {
    const wanted = text.value.trim().toLowerCase();
    const status = route.value.query.get("status") ?? "";
    if (!wanted && !status) return groups.value;
    return groups.value
      .map((group) => ({ ...group, members: group.members.filter((name) => fits(name, group, wanted, status)) }))
      .filter((group) => group.members.length > 0);
  });
  return (
    <section aria-label="Components">
      {counted.value.length >= FILTER_FROM || state ? (
        <Toolbar text={text.value} set={(value) => (text.value = value)} state={state} />
      ) : null}
      {shown.value.length === 0 ? (
        <Empty title="No component fits." />
      ) : (
        shown.value.map((group) => <GroupCard key={group.name} group={group} />)
      )}
    </section>
  );
}

function fits(name: string, group: Group, wanted: string, status: string): boolean {
  const component = known.value.get(name)?.value.component;
  if (!component || (status && component.status !== status)) return false;
  return (
    !wanted ||
    [name, group.name, component.type, component.message].some((field) => field.toLowerCase().includes(wanted))
  );
}

const ORDER: Status[] = ["unhealthy", "degraded", "unknown", "maintenance", "healthy"];

function Toolbar({ text, set, state }: { text: string; set: (value: string) => void; state: string }) {
  const sums = new Map<Status, number>();
  for (const component of counted.value) sums.set(component.status, (sums.get(component.status) ?? 0) + 1);
  return (
    <div class="toolbar">
      <input
        type="search"
        aria-label="Filter by name, group, type or message"
        placeholder="Filter"
        value={text}
        onInput={(event) => set(event.currentTarget.value)}
      />
      <div class="chips" role="group" aria-label="Only those in one state">
        {ORDER.filter((status) => sums.has(status) || state === status).map((status) => (
          <button
            key={status}
            type="button"
            class="chip"
            aria-pressed={state === status}
            onClick={() => setQuery({ status: state === status ? null : status })}
          >
            <Sign status={status} size={14} /> {sums.get(status) ?? 0} {status}
          </button>
        ))}
      </div>
    </div>
  );
}

function GroupCard({ group }: { group: Group }) {
  const members = group.members
    .map((name) => known.value.get(name)?.peek().component)
    .filter((member): member is Component => member !== undefined);
  const healthy = members.filter((member) => member.status === "healthy").length;
  const named = groups.value.some((other) => other.name !== "" && other.name !== MONITOR);
  const title = group.name || (named ? "other" : "components");
  return (
    <section class="card flush group" aria-label={`Group ${title}`}>
      <header class="group-head">
        <span class="group-title">
          <h2>{title}</h2>
          <span class="soft">{healthy === members.length ? "" : `${healthy} of ${members.length} healthy`}</span>
        </span>
        <span class="soft" aria-hidden="true">
          recent results
        </span>
        <span class="soft" aria-hidden="true">
          response
        </span>
        <span class="soft head-p95" aria-hidden="true">
          p95
        </span>
        <span class="soft" aria-hidden="true">
          up 24 h
        </span>
        <span aria-hidden="true" />
      </header>
      <ul class="rows">
        {group.members.map((name) => {
          const held = known.value.get(name);
          return held ? <ComponentRow key={name} name={name} held={held} /> : null;
        })}
      </ul>
    </section>
  );
}
