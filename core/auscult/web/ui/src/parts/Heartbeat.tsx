// Recent results as bars: height and colour tell the state. Pointer or arrow keys choose one, and its words are shown.
import type { Signal } from "@preact/signals";
import { useRef, useState } from "preact/hooks";
import type { Status } from "../api/types";
import { ms } from "../format/numbers";
import { clock } from "../format/time";
import { BEATS, type Beat, type Known, loadMessages } from "../state/components";
import { hideTip, showTip } from "./Tip";

const STEP = 5;
const HIGH = 24;
const TALL: Record<Status, number> = { healthy: 15, degraded: 20, unhealthy: 24, unknown: 6, maintenance: 6 };

/** One path for each state instead of one element for each bar: two hundred components stay cheap. */
function drawn(beats: Beat[], offset: number): [Status, string][] {
  const paths = new Map<Status, string>();
  beats.forEach((beat, n) => {
    const path = bar(offset + n, TALL[beat.status] ?? 6);
    paths.set(beat.status, (paths.get(beat.status) ?? "") + path);
  });
  return [...paths];
}

function bar(place: number, tall: number): string {
  return `M${place * STEP} ${HIGH - tall}h${STEP - 1.4}v${tall}h-${STEP - 1.4}z`;
}

function emptyBars(n: number): string {
  return Array.from({ length: n }, (_, place) => bar(place, 2)).join("");
}

export function words(beat: Beat): string[] {
  const time = beat.ms === null ? [] : [ms(beat.ms)];
  return [[beat.status, ...time].join(" · "), ...(beat.message ? [beat.message] : [])];
}

interface Props {
  name: string;
  held: Signal<Known>;
  /** How many bars there is room for. */
  room?: number;
}

export function Heartbeat({ name, held, room = BEATS }: Props) {
  const beats = held.value.beats.slice(-room);
  const [chosen, setChosen] = useState(-1);
  const box = useRef<SVGSVGElement>(null);
  const offset = room - beats.length;

  function choose(index: number): void {
    const at = Math.min(Math.max(index, 0), beats.length - 1);
    const beat = beats[at];
    if (!beat || !box.current) return;
    setChosen(at);
    tell(beat, at);
    if (beat.message === null) {
      void loadMessages(name).then(
        () => {
          const now = held.value.beats.find((other) => other.at === beat.at);
          if (now && box.current?.matches(":hover, :focus")) tell(now, held.value.beats.slice(-room).indexOf(now));
        },
        () => {},
      );
    }
  }

  function tell(beat: Beat, at: number): void {
    const rect = box.current?.getBoundingClientRect();
    if (!rect) return;
    const x = rect.left + ((offset + at + 0.5) / room) * rect.width;
    showTip(new DOMRect(x, rect.top, 0, rect.height), clock(beat.at), words(beat));
  }

  function onMove(event: PointerEvent): void {
    const rect = box.current?.getBoundingClientRect();
    if (!rect) return;
    const index = Math.floor(((event.clientX - rect.left) / rect.width) * room) - offset;
    if (index < 0) leave();
    else choose(index);
  }

  function onKey(event: KeyboardEvent): void {
    const from = chosen < 0 ? beats.length : chosen;
    const to = { ArrowLeft: from - 1, ArrowRight: from + 1, Home: 0, End: beats.length - 1 }[event.key];
    if (event.key === "Escape") leave();
    if (to === undefined) return;
    event.preventDefault();
    choose(to);
  }

  function leave(): void {
    setChosen(-1);
    hideTip();
  }

  const selected = beats[chosen < 0 ? beats.length - 1 : chosen];
  return (
    <svg
      ref={box}
      class="beats"
      viewBox={`0 0 ${room * STEP} ${HIGH}`}
      preserveAspectRatio="none"
      role="slider"
      tabIndex={0}
      aria-label={`Recent results of ${name}`}
      aria-valuemin={0}
      aria-valuemax={Math.max(beats.length - 1, 0)}
      aria-valuenow={chosen < 0 ? Math.max(beats.length - 1, 0) : chosen}
      aria-valuetext={selected ? [clock(selected.at), ...words(selected)].join(", ") : "no results yet"}
      aria-orientation="horizontal"
      aria-readonly="true"
      onPointerMove={onMove}
      onPointerDown={onMove}
      onPointerLeave={leave}
      onKeyDown={onKey}
      onBlur={leave}
      onFocus={() => box.current?.matches(":focus-visible") && choose(beats.length - 1)}
    >
      <rect class="beats-ground" width="100%" height="100%" />
      <path class="beat is-none" d={emptyBars(offset)} />
      {drawn(beats, offset).map(([status, path]) => (
        <path key={status} class={`beat is-${status}`} d={path} />
      ))}
      {chosen >= 0 ? <path class="beat-chosen" d={bar(offset + chosen, HIGH)} /> : null}
    </svg>
  );
}
