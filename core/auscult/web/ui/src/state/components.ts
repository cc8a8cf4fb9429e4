// What is known of the system and its components. One signal for each component, so that a result redraws one row.
import { batch, computed, type Signal, signal } from "@preact/signals";
import { get } from "../api/client";
import type { Component, RecentResults, Result, Status, System } from "../api/types";
import { BADNESS } from "../words";

/** One recent result, as the bars show it. */
export interface Beat {
  at: number;
  status: Status;
  ms: number | null;
  /** `null`: not asked for yet. */
  message: string | null;
}

export interface Known {
  component: Component;
  /** The oldest first. */
  beats: Beat[];
}

/** Bars in a row of the first page. */
export const BEATS = 40;
/** Kept for the page of one component. */
export const MANY_BEATS = 90;

export const system = signal<System | null>(null);
/** The signals by name; replaced when a component comes or goes. */
export const known = signal<ReadonlyMap<string, Signal<Known>>>(new Map());
/** Whether the first answer is there. */
export const loaded = signal(false);

export interface Group {
  name: string;
  status: Status;
  members: string[];
}

/** The group of what does not count: the monitor itself. */
export const MONITOR = "the monitor itself";

/** Groups and their members, what is broken first; the same object as long as nothing has moved. */
export const groups = computed<Group[]>((previous = []) => {
  const found = new Map<string, Component[]>();
  for (const held of known.value.values()) {
    const { component } = held.value;
    const name = component.group || (component.counted ? "" : MONITOR);
    const members = found.get(name);
    if (members) members.push(component);
    else found.set(name, [component]);
  }
  const list = [...found].map(([name, members]) => {
    members.sort((a, b) => BADNESS[b.status] - BADNESS[a.status]);
    return { name, status: members[0]?.status ?? "unknown", members: members.map((member) => member.name) };
  });
  list.sort((a, b) => BADNESS[b.status] - BADNESS[a.status] || Number(isMonitor(a)) - Number(isMonitor(b)));
  return same(previous, list) ? previous : list;
});

function isMonitor(group: Group): boolean {
  return group.name === MONITOR;
}

function same(a: Group[], b: Group[]): boolean {
  return (
    a.length === b.length &&
    a.every((group, n) => {
      const other = b[n];
      return (
        other !== undefined &&
        group.name === other.name &&
        group.status === other.status &&
        group.members.length === other.members.length &&
        group.members.every((member, m) => member === other.members[m])
      );
    })
  );
}

/** All components that count, for sums. */
export const counted = computed(() =>
  [...known.value.values()].map((held) => held.value.component).filter((component) => component.counted),
);

/** The unhealthy components that one depends on, directly or through others: its likely causes, the deepest first. */
export function causesOf(component: Component): string[] {
  const found: string[] = [];
  const seen = new Set([component.name]);
  const look = (names: string[]): void => {
    for (const name of names) {
      if (seen.has(name)) continue;
      seen.add(name);
      const needed = known.value.get(name)?.value.component;
      if (!needed) continue;
      look(needed.depends_on);
      if (needed.status === "unhealthy") found.push(name);
    }
  };
  if (component.status !== "healthy") look(component.depends_on);
  return found;
}

export function setComponents(components: Component[]): void {
  batch(() => {
    const next = new Map<string, Signal<Known>>();
    for (const component of components) {
      const held = known.value.get(component.name);
      if (held) held.value = { component: newer(held.value.component, component), beats: held.value.beats };
      next.set(component.name, held ?? signal({ component, beats: [] }));
    }
    const names = [...next.keys()];
    const before = [...known.value.keys()];
    if (names.length !== before.length || names.some((name, n) => name !== before[n])) known.value = next;
    loaded.value = true;
  });
}

const TOLD = [
  "status",
  "message",
  "last_check",
  "since",
  "response_time_ms",
  "success_rate",
  "p50_ms",
  "p95_ms",
  "p99_ms",
  "consecutive_failures",
  "reasons",
  "flapping",
  "stale",
] as const satisfies readonly (keyof Component)[];

/** What was asked for; but the stream may have told of later results while the answer was on its way. */
function newer(held: Component, asked: Component): Component {
  if ((held.last_check ?? "") <= (asked.last_check ?? "")) return asked;
  return { ...asked, ...Object.fromEntries(TOLD.map((name) => [name, held[name]])) };
}

/** Take in a summary: some fields of a component, and the result that it is told for. */
export function mergeComponent(summary: Partial<Component> & { name: string; result?: Result | null }): void {
  const held = known.value.get(summary.name);
  const { result, ...fields } = summary;
  if (!held) {
    void loadComponents(); // a new one: its other fields are to be asked for
    return;
  }
  const component = { ...held.value.component, ...fields };
  held.value = { component, beats: result ? appended(held.value.beats, result, component.status) : held.value.beats };
}

function appended(beats: Beat[], result: Result, verdict: Status): Beat[] {
  const at = Date.parse(result.time);
  const last = beats.at(-1);
  if (last && last.at >= at) return beats;
  const beat = { at, status: judged(result.status, verdict), ms: result.response_time_ms, message: result.message };
  return [...beats.slice(-MANY_BEATS + 1), beat];
}

/** What a bar shows: a good result of a component that is degraded by its levels is no good news. */
function judged(result: Status, verdict: Status): Status {
  return result === "healthy" && verdict === "degraded" ? "degraded" : result;
}

export function dropComponent(name: string): void {
  const next = new Map(known.value);
  if (next.delete(name)) known.value = next;
}

let loading: Promise<void> | null = null;

/** All components with all their fields; several callers share one request. */
export function loadComponents(): Promise<void> {
  loading ??= get<{ components: Component[] }>("/api/v1/components")
    .then((answer) => setComponents(answer.components))
    .finally(() => {
      loading = null;
    });
  return loading;
}

export async function loadSystem(): Promise<void> {
  system.value = await get<System>("/api/v1/system");
}

/** The recent results of all, in one answer. */
export async function loadBeats(): Promise<void> {
  const answer = await get<{ components: RecentResults[] }>(`/api/v1/recent?limit=${BEATS}`);
  batch(() => {
    for (const recent of answer.components) {
      const held = known.value.get(recent.name);
      if (!held) continue;
      const beats = recent.times_ms.map((at, n) => ({
        at,
        status: recent.statuses[n] ?? "unknown",
        ms: recent.response_times_ms[n] ?? null,
        message: recent.messages[n] ?? null,
      }));
      const first = beats[0]?.at ?? Number.POSITIVE_INFINITY;
      const older = held.value.beats.filter((beat) => beat.at < first);
      held.value = { component: held.value.component, beats: [...older, ...beats].slice(-MANY_BEATS) };
    }
  });
}

const asked = new Map<string, number>();

/** What a component's recent results said, where only their states are known: asked for when somebody looks. */
export async function loadMessages(name: string): Promise<void> {
  const held = known.value.get(name);
  const oldest = held?.value.beats.find((beat) => beat.message === null);
  if (!held || !oldest || asked.get(name) === oldest.at) return;
  asked.set(name, oldest.at);
  await loadManyBeats(name);
}

/** Many results of one component, with what they said. */
export async function loadManyBeats(name: string): Promise<void> {
  const where = `/api/v1/components/${encodeURIComponent(name)}/results?limit=${MANY_BEATS}`;
  const answer = await get<{ results: Result[] }>(where);
  const held = known.value.get(name);
  if (!held) return;
  const shown = new Map(held.value.beats.map((beat) => [beat.at, beat.status]));
  const beats = answer.results.reverse().map((result) => {
    const at = Date.parse(result.time);
    return { at, status: shown.get(at) ?? result.status, ms: result.response_time_ms, message: result.message };
  });
  const last = beats.at(-1)?.at ?? 0;
  const newer = held.value.beats.filter((beat) => beat.at > last);
  held.value = { component: held.value.component, beats: [...beats, ...newer].slice(-MANY_BEATS) };
}
