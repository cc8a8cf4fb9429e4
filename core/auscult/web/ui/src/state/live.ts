// The stream of events: opened, resumed, given up while nobody looks, and asked for by requests where there is none.
import { batch, computed, signal } from "@preact/signals";
import { url } from "../api/client";
import type { Alert, Channel, Component, Result, Silence, System } from "../api/types";
import { beginAnew, endAnew, loadAlerts, loadChannels, takeAlert, takeChannel, takeSilence } from "./alerts";
import { now } from "./clock";
import {
  dropComponent,
  known,
  loadBeats,
  loadComponents,
  loaded,
  loadSystem,
  mergeComponent,
  system,
} from "./components";
import { loadSession, session } from "./session";

/** When the server was last heard, by this machine's clock; 0 before the first time. */
export const heard = signal(0);
/** Grows whenever the server has been restarted or the stream began anew. */
export const beginnings = signal(0);
/** Grows at most once a second, when a status or an alert has changed: what happened is to be asked for again. */
export const changed = signal(0);

/** Seconds without a word after which what is shown counts as old. The stream speaks every 5 s. */
export const STALE_S = 12;

export const age = computed(() => (heard.value ? Math.max(now.value - heard.value, 0) : 0));
export const stale = computed(() => heard.value > 0 && age.value > STALE_S * 1000);

const POLL_MS = 5000;
const SLOW_MS = 60_000;
const RETRY_MS = 3000;
const HIDDEN_MS = 60_000;
/** What was asked for within this time need not be asked for again because the stream begins. */
const ASKED_MS = 5000;

let source: EventSource | null = null;
let lastId = "";
let polling: ReturnType<typeof setTimeout> | undefined;
let retrying: ReturnType<typeof setTimeout> | undefined;
let closing: ReturnType<typeof setTimeout> | undefined;
let telling: ReturnType<typeof setTimeout> | undefined;
let slow: ReturnType<typeof setInterval> | undefined;
let started = false;
let asked = 0;

/** Begin to follow the server: everything once by requests, then what the stream says. */
export function follow(): void {
  if (started) return;
  started = true;
  void ask().then(() => connect());
  slow = setInterval(() => {
    if (!document.hidden && !stale.value) void quietly(loadComponents()); // uptime and trends are not in the stream
  }, SLOW_MS);
  document.addEventListener("visibilitychange", onVisibility);
  addEventListener("online", connect);
}

export function unfollow(): void {
  started = false;
  source?.close();
  source = null;
  for (const timer of [polling, retrying, closing, slow]) clearTimeout(timer);
  document.removeEventListener("visibilitychange", onVisibility);
  removeEventListener("online", connect);
}

/** A browser has six connections for all its tabs: those that nobody looks at give theirs back. */
function onVisibility(): void {
  clearTimeout(closing);
  if (document.hidden) {
    closing = setTimeout(() => {
      source?.close();
      source = null;
    }, HIDDEN_MS);
  } else if (!source) {
    connect();
  }
}

async function quietly(asked: Promise<unknown>): Promise<boolean> {
  try {
    await asked;
    hear();
    return true;
  } catch {
    return false; // the age says so
  }
}

async function ask(): Promise<boolean> {
  asked = Date.now();
  const found = await quietly(Promise.all([loadComponents(), loadSystem(), loadAlerts()]));
  if (found) await Promise.all([quietly(loadBeats()), quietly(loadChannels())]);
  return found;
}

function hear(): void {
  heard.value = Date.now();
  now.value = Math.max(now.value, heard.value);
}

function connect(): void {
  if (!started || (source && source.readyState !== EventSource.CLOSED)) return;
  clearTimeout(retrying);
  const opened = new EventSource(url(`/api/v1/events${lastId ? `?since=${encodeURIComponent(lastId)}` : ""}`));
  source = opened;
  let first = true;
  opened.addEventListener("error", () => {
    if (opened.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
    source = null;
    if (first) lastId = ""; // what we had to resume from may be what was refused
    void loadSession();
    poll();
    retrying = setTimeout(connect, RETRY_MS + Math.random() * 2000);
  });
  for (const [name, take] of Object.entries(takers)) {
    opened.addEventListener(name, (event) => {
      first = false;
      clearTimeout(polling);
      if (event.lastEventId) lastId = event.lastEventId;
      enqueue(() => take(JSON.parse(event.data as string) as never));
    });
  }
}

function poll(): void {
  clearTimeout(polling);
  polling = setTimeout(async () => {
    if (session.value?.authenticated && !document.hidden && (await ask())) tellChange();
    if (started && !source) poll();
  }, POLL_MS);
}

// A storm of events is drawn once for each frame.

let queue: (() => void)[] = [];

function enqueue(change: () => void): void {
  hear();
  queue.push(change);
  if (queue.length > 1) return;
  if (document.hidden) setTimeout(drain, 250);
  else requestAnimationFrame(drain);
}

function drain(): void {
  const taken = queue;
  queue = [];
  batch(() => {
    for (const change of taken) change();
  });
}

function tellChange(): void {
  telling ??= setTimeout(() => {
    telling = undefined;
    changed.value += 1;
  }, 400);
}

interface Hello {
  mode: "snapshot" | "replay" | "live";
}

type Summary = Partial<Component> & { name: string; result?: Result | null };

const takers: Record<string, (data: never) => void> = {
  hello: (data: Hello) => begin(data),
  gap: (data: Hello) => begin(data),
  ready: () => endAnew(),
  alive: () => {},
  bye: () => {},
  system: (data: System) => {
    system.value = { ...(system.value ?? data), ...data };
  },
  component: (data: Summary) => {
    const before = known.value.get(data.name)?.value.component.status;
    mergeComponent(data);
    if (data.status && data.status !== before) tellChange();
  },
  component_removed: (data: { name: string }) => dropComponent(data.name),
  alert: (data: { alert: Alert }) => {
    takeAlert(data.alert);
    tellChange();
  },
  delivery: () => tellChange(),
  channel: (data: Channel) => takeChannel(data),
  silence: (data: Silence) => takeSilence(data),
};

function begin({ mode }: Hello): void {
  beginnings.value += 1;
  if (mode !== "snapshot") return;
  beginAnew(); // alerts that are open, silences and channels follow
  if (loaded.value && Date.now() - asked > ASKED_MS) {
    void quietly(loadComponents().then(loadBeats)); // who has left is not told
    tellChange();
  }
}
