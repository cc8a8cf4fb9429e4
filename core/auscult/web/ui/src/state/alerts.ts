// Alerts that are not over, silences and channels: as the stream tells them, or as they were asked for.
import { computed, signal } from "@preact/signals";
import { get } from "../api/client";
import type { Alert, AlertList, Channel, Severity, Silence } from "../api/types";
import { SEVERITIES } from "../words";

const RANK = Object.fromEntries(SEVERITIES.map((severity, n) => [severity, n])) as Record<Severity, number>;

/** By id; those that are over leave. */
export const open = signal<ReadonlyMap<string, Alert>>(new Map());
export const silences = signal<Silence[]>([]);
export const channels = signal<Channel[]>([]);
/** Grows whenever something about alerts has changed, for what has to be asked for again. */
export const alertsRevision = signal(0);

/** The loudest first, then the newest. */
export const inbox = computed(() =>
  [...open.value.values()]
    .filter((alert) => alert.status !== "suppressed")
    .sort((a, b) => RANK[a.severity] - RANK[b.severity] || b.created_at.localeCompare(a.created_at)),
);

export const suppressed = computed(() => [...open.value.values()].filter((alert) => alert.status === "suppressed"));
export const unattended = computed(() => inbox.value.filter((alert) => alert.status === "active").length);

/** Alerts that are over and the number of the change that ended them: an answer that is late must not bring them back. */
const over = new Map<string, number>();

/** Take in one alert, unless a later state of it is known. */
export function takeAlert(alert: Alert): void {
  told?.add(`alert ${alert.id}`);
  const held = open.value.get(alert.id);
  if (held && held.number > alert.number) return;
  const next = new Map(open.value);
  if (alert.status === "resolved") {
    next.delete(alert.id);
    over.set(alert.id, alert.number);
  } else next.set(alert.id, alert);
  open.value = next;
  alertsRevision.value += 1;
}

/** What a stream that tells everything anew has told so far. */
let told: Set<string> | null = null;

/** Everything follows; what is known stays where it is meanwhile. */
export function beginAnew(): void {
  told = new Set();
}

/** Everything has been told: what was not is there no more. */
export function endAnew(): void {
  const known = told;
  told = null;
  if (!known) return;
  open.value = new Map([...open.value].filter(([id]) => known.has(`alert ${id}`)));
  silences.value = silences.value.filter(({ id }) => known.has(`silence ${id}`));
  channels.value = channels.value.filter(({ name }) => known.has(`channel ${name}`));
}

export function takeSilence(silence: Silence): void {
  told?.add(`silence ${silence.id}`);
  const others = silences.value.filter((held) => held.id !== silence.id);
  const over = Date.parse(silence.ends_at) <= Date.now();
  silences.value = over ? others : [...others, silence].sort((a, b) => a.ends_at.localeCompare(b.ends_at));
  alertsRevision.value += 1;
}

export function takeChannel(channel: Channel): void {
  told?.add(`channel ${channel.name}`);
  const others = channels.value.filter((held) => held.name !== channel.name);
  channels.value = [...others, channel].sort((a, b) => a.name.localeCompare(b.name));
}

function newer(alert: Alert): Alert {
  const held = open.value.get(alert.id);
  return held && held.number > alert.number ? held : alert;
}

/** Everything of the above by requests, for the start and where there is no stream. */
export async function loadAlerts(): Promise<void> {
  const states = ["active", "acknowledged", "suppressed"];
  const lists = await Promise.all(
    states.map((state) => get<AlertList>(`/api/v1/alerts?status=${state}&limit=500`).catch(() => ({ alerts: [] }))),
  );
  const found = lists.flatMap((list) => list.alerts).filter((alert) => (over.get(alert.id) ?? -1) < alert.number);
  open.value = new Map(found.map((alert) => [alert.id, newer(alert)]));
  silences.value = (await get<{ silences: Silence[] }>("/api/v1/silences")).silences;
  alertsRevision.value += 1;
}

export async function loadChannels(): Promise<void> {
  channels.value = (await get<{ channels: Channel[] }>("/api/v1/channels")).channels;
}
