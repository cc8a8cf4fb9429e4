// What the lines are, and their values: where somebody points, else the latest. A click hides a line.
import { useState } from "preact/hooks";
import { quantity } from "../format/numbers";
import { clock, moment } from "../format/time";
import { lineToken } from "./palette";
import type { Line } from "./Plot";

interface Props {
  times: number[];
  lines: Line[];
  unit: string;
  pointed: number | null;
  hidden: ReadonlySet<number>;
  toggle: (line: number) => void;
}

const DAY_MS = 86_400_000;
/** Lines that are named at once; a wall of two hundred would hide its chart. */
const NAMED = 14;

export function Legend({ times, lines, unit, pointed, hidden, toggle }: Props) {
  const [all, setAll] = useState(false);
  const time = pointed === null ? undefined : times[pointed];
  return (
    <div class="legend">
      {(all ? lines : lines.slice(0, NAMED)).map((line, n) => (
        <button
          key={`${n}${line.title}`}
          type="button"
          class="legend-item"
          aria-pressed={!hidden.has(n)}
          title={hidden.has(n) ? "Show it" : "Hide it"}
          onClick={() => toggle(n)}
        >
          <span class="legend-swatch" style={{ background: `var(${lineToken(n, line.color)})` }} aria-hidden="true" />
          {line.title} <b>{quantity(value(line, pointed), unit)}</b>
        </button>
      ))}
      {lines.length > NAMED ? (
        <button type="button" class="legend-item" aria-expanded={all} onClick={() => setAll(!all)}>
          {all ? "fewer" : `and ${lines.length - NAMED} more`}
        </button>
      ) : null}
      {time === undefined ? null : (
        <span class="legend-time">{Date.now() - time > DAY_MS ? moment(time) : clock(time)}</span>
      )}
    </div>
  );
}

function value(line: Line, pointed: number | null): number | null {
  if (pointed !== null) return line.values[pointed] ?? null;
  return line.values.findLast((known) => known !== null) ?? null;
}
