// Moments and spans in words: in the viewer's zone, and exactly where somebody asks.

const CLOCK = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
});
const SHORT = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const DAY = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const EXACT = new Intl.DateTimeFormat(undefined, {
  weekday: "short",
  day: "numeric",
  month: "short",
  year: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  fractionalSecondDigits: 3,
  hourCycle: "h23",
  timeZoneName: "short",
});

export function milliseconds(at: string | number): number {
  return typeof at === "number" ? at : Date.parse(at);
}

/** 14:03:07 */
export function clock(at: number): string {
  return CLOCK.format(at);
}

/** 14:03 today, else 24 Nov, 14:03. */
export function moment(at: number, now = Date.now()): string {
  const today = new Date(at).toDateString() === new Date(now).toDateString();
  return today ? SHORT.format(at) : `${DAY.format(at)}, ${SHORT.format(at)}`;
}

/** With the date, milliseconds and the name of the zone. */
export function exact(at: number): string {
  return EXACT.format(at);
}

/** 3 s, 5 min, 2 h, 4 d: one unit, or two where the first is small. */
export function span(ms: number): string {
  const s = Math.max(Math.round(ms / 1000), 0);
  if (s < 60) return `${s} s`;
  const min = Math.floor(s / 60);
  if (min < 60) return `${min} min`;
  const h = Math.floor(min / 60);
  if (h < 24) return h < 10 && min % 60 ? `${h} h ${min % 60} min` : `${h} h`;
  const d = Math.floor(h / 24);
  return d < 10 && h % 24 ? `${d} d ${h % 24} h` : `${d} d`;
}

export function ago(ms: number): string {
  return ms < 1500 ? "just now" : `${span(ms)} ago`;
}
