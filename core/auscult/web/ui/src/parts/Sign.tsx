// A state as a shape: each has an outline of its own, so that colour is never needed to tell them apart.
import type { Severity, Status } from "../api/types";
import { STATUS } from "../words";

const DRAWN: Record<Status, { outline: string; inner: string }> = {
  healthy: { outline: "M10 1.5a8.5 8.5 0 1 0 0 17a8.5 8.5 0 0 0 0-17z", inner: "M6.2 10.4l2.6 2.6 5-5.6" },
  degraded: { outline: "M10 1.6l9 16.2H1z", inner: "M10 7.4v4.8M10 14.9v.2" },
  unhealthy: { outline: "M6.4 1.5h7.2l4.9 4.9v7.2l-4.9 4.9H6.4l-4.9-4.9V6.4z", inner: "M7 7l6 6M13 7l-6 6" },
  unknown: { outline: "M10 1.5l8.5 8.5-8.5 8.5L1.5 10z", inner: "M8 8.4a2 2 0 1 1 2.6 1.9c-.4.2-.6.5-.6 1M10 13.4v.2" },
  maintenance: { outline: "M2 4.5h16v11H2z", inner: "M8 7.6v4.8M12 7.6v4.8" },
};

/** The shape alone; its meaning must stand beside it in words. */
export function Sign({ status, size = 16 }: { status: Status; size?: number }) {
  const { outline, inner } = DRAWN[status] ?? DRAWN.unknown;
  return (
    <svg class={`sign is-${status}`} width={size} height={size} viewBox="0 0 20 20" aria-hidden="true">
      <path class="sign-outline" d={outline} />
      <path class="sign-inner" d={inner} />
    </svg>
  );
}

/** Shape and word. */
export function State({ status, note }: { status: Status; note?: string | undefined }) {
  return (
    <span class={`state is-${status}`}>
      <Sign status={status} />
      {STATUS[status] ?? status}
      {note ? <span class="soft"> · {note}</span> : null}
    </span>
  );
}

const MARKS: Record<Severity, number> = { critical: 4, high: 3, medium: 2, low: 1, info: 0 };

/** How loud an alert is: bars like those of a phone's reception, and the word. */
export function SeverityTag({ severity }: { severity: Severity }) {
  const filled = MARKS[severity] ?? 0;
  return (
    <span class={`severity severity-${severity}`}>
      <svg width="14" height="12" viewBox="0 0 14 12" aria-hidden="true">
        {[0, 1, 2, 3].map((n) => (
          <rect
            key={n}
            x={n * 3.6}
            y={9 - n * 3}
            width="2.6"
            height={3 + n * 3}
            rx="0.8"
            class={n < filled ? "on" : "off"}
          />
        ))}
      </svg>
      {severity}
    </span>
  );
}
