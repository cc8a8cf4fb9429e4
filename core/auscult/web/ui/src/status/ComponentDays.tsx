// A component's 90 days: a bar for each, whose height tells the state as its colour does.
import { useRef, useState } from "preact/hooks";
import type { Status } from "../api/types";
import { percent } from "../format/numbers";
import { State } from "../parts/Sign";
import { hideTip, showTip } from "../parts/Tip";
import type { Day, PublicComponent } from "./types";

const STEP = 6;
const HIGH = 30;
const TALL: Record<Status, number> = { healthy: 18, degraded: 24, unhealthy: 30, unknown: 5, maintenance: 5 };
const DATE = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "long", timeZone: "UTC" });

function words(day: Day): string {
  return day.uptime === null ? "no data" : `${day.status}, up ${percent(day.uptime)}`;
}

export function ComponentDays({ component }: { component: PublicComponent }) {
  const { days } = component;
  return (
    <article class="days" aria-label={component.name}>
      <div class="between">
        <h3>{component.name}</h3>
        <State status={component.status} />
      </div>
      <Bars component={component} />
      <div class="between soft days-axis">
        <span>{days.length} days ago</span>
        <span>{component.uptime_90d === null ? "" : `${percent(component.uptime_90d)} up`}</span>
        <span>today</span>
      </div>
    </article>
  );
}

function Bars({ component: { days, name } }: { component: PublicComponent }) {
  const [chosen, setChosen] = useState(-1);
  const box = useRef<SVGSVGElement>(null);
  const choose = (index: number) => {
    const at = Math.min(Math.max(index, 0), days.length - 1);
    const day = days[at];
    const rect = box.current?.getBoundingClientRect();
    if (!day || !rect) return;
    setChosen(at);
    showTip(
      new DOMRect(rect.left + ((at + 0.5) / days.length) * rect.width, rect.top, 0, rect.height),
      DATE.format(Date.parse(day.date)),
      [words(day)],
    );
  };
  const leave = () => {
    setChosen(-1);
    hideTip();
  };
  const point = (event: PointerEvent) => {
    const rect = box.current?.getBoundingClientRect();
    if (rect) choose(Math.floor(((event.clientX - rect.left) / rect.width) * days.length));
  };
  const onKey = (event: KeyboardEvent) => {
    const from = chosen < 0 ? days.length : chosen;
    const to = { ArrowLeft: from - 1, ArrowRight: from + 1, Home: 0, End: days.length - 1 }[event.key];
    if (event.key === "Escape") leave();
    if (to === undefined) return;
    event.preventDefault();
    choose(to);
  };
  const shown = days[chosen < 0 ? days.length - 1 : chosen];
  return (
    <svg
      ref={box}
      class="beats day-bars"
      viewBox={`0 0 ${Math.max(days.length, 1) * STEP} ${HIGH}`}
      preserveAspectRatio="none"
      role="slider"
      tabIndex={0}
      aria-label={`${name}, day by day`}
      aria-valuemin={0}
      aria-valuemax={Math.max(days.length - 1, 0)}
      aria-valuenow={chosen < 0 ? Math.max(days.length - 1, 0) : chosen}
      aria-valuetext={shown ? `${DATE.format(Date.parse(shown.date))}: ${words(shown)}` : "no data"}
      aria-readonly="true"
      onPointerMove={point}
      onPointerDown={point}
      onPointerLeave={leave}
      onKeyDown={onKey}
      onBlur={leave}
    >
      <rect class="beats-ground" width="100%" height="100%" />
      {days.map((day, n) => {
        const tall = TALL[day.status] ?? 5;
        return (
          <rect
            key={day.date}
            class={`day is-${day.uptime === null ? "none" : day.status}`}
            x={n * STEP + 1}
            y={HIGH - tall}
            width={STEP - 2}
            height={tall}
            rx="1"
          />
        );
      })}
    </svg>
  );
}
