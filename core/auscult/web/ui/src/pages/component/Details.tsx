// The numbers of the latest result, and the labels.
import type { Component } from "../../api/types";
import { number, quantity } from "../../format/numbers";
import { Card } from "../../parts/Card";
import { plain } from "../../words";

const SUFFIXES: [string, string][] = [
  ["_seconds", "s"],
  ["_ms", "ms"],
  ["_bytes", "bytes"],
  ["_percent", "%"],
  ["_usd", "USD"],
];

/** A measurement in the unit that its name ends with. */
function shown(name: string, value: number): [string, string] {
  for (const [suffix, unit] of SUFFIXES) {
    if (name.endsWith(suffix)) return [plain(name.slice(0, -suffix.length)), quantity(value, unit)];
  }
  return [plain(name), number(value)];
}

export function Details({ component }: { component: Component }) {
  const measurements = Object.entries(component.measurements);
  const labels = Object.entries(component.labels);
  if (measurements.length === 0 && labels.length === 0) return null;
  return (
    <Card title="Measured">
      <dl class="pairs">
        {measurements.map(([name, value]) => {
          const [title, words] = shown(name, value);
          return (
            <div key={name}>
              <dt title={name}>{title}</dt>
              <dd>{words}</dd>
            </div>
          );
        })}
      </dl>
      {labels.length > 0 ? (
        <p class="labels">
          {labels.map(([name, value]) => (
            <span key={name} class="label-tag">
              {name}={value}
            </span>
          ))}
        </p>
      ) : null}
    </Card>
  );
}
