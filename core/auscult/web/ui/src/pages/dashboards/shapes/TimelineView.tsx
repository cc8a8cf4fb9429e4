// States over time, a row for each component: bands whose height tells the state as their colour does.
import type { Timeline } from "../../../api/dashboards";
import type { Status } from "../../../api/types";
import { percent } from "../../../format/numbers";
import { clock, moment, span as length } from "../../../format/time";
import { fitted } from "../../../charts/Plot";
import { Empty } from "../../../parts/states";
import { hideTip, showTip } from "../../../parts/Tip";

const WIDE = 1000;
const HIGH = 20;
const TALL: Record<Status, number> = { healthy: 10, degraded: 15, unhealthy: 20, unknown: 4, maintenance: 4 };

type Row = Timeline["rows"][number];

export function TimelineView({ timeline: given, label }: { timeline: Timeline; label: string }) {
  if (given.rows.length === 0) return <Empty title="No data in this time." />;
  const firsts = given.rows.flatMap((row) =>
    row.spans.filter((span) => span.status !== "unknown").map((span) => span.start),
  );
  const [start, end] = fitted([given.start, given.end], firsts.length > 0 ? Math.min(...firsts) : undefined);
  const timeline = { ...given, start, end };
  return (
    <div class="timeline" role="group" aria-label={label}>
      {timeline.rows.map((row) => (
        <div key={row.name} class="timeline-row">
          <span class="timeline-name">{row.title || row.name}</span>
          <Band row={row} timeline={timeline} />
        </div>
      ))}
      <div class="timeline-row timeline-axis" aria-hidden="true">
        <span />
        <span class="between">
          <span>{moment(timeline.start)}</span>
          <span>{moment(timeline.end)}</span>
        </span>
      </div>
    </div>
  );
}

function Band({ row, timeline }: { row: Row; timeline: Timeline }) {
  const whole = timeline.end - timeline.start || 1;
  const place = (at: number) =>
    ((Math.min(Math.max(at, timeline.start), timeline.end) - timeline.start) / whole) * WIDE;
  const point = (event: PointerEvent) => {
    const box = (event.currentTarget as SVGElement).getBoundingClientRect();
    const at = timeline.start + ((event.clientX - box.left) / box.width) * whole;
    const found = row.spans.find((span) => span.start <= at && at < span.end);
    if (!found) return hideTip();
    const words = [`${found.status} for ${length(found.end - found.start)}`, ...(found.text ? [found.text] : [])];
    return showTip(
      new DOMRect(event.clientX, box.top, 0, box.height),
      `${clock(found.start)} – ${clock(found.end)}`,
      words,
    );
  };
  return (
    <svg
      class="band"
      viewBox={`0 0 ${WIDE} ${HIGH}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={inWords(row)}
      onPointerMove={point}
      onPointerLeave={hideTip}
    >
      {row.spans.map((span, n) => {
        const tall = TALL[span.status] ?? 4;
        if (span.end < timeline.start || span.start > timeline.end) return null;
        return (
          <rect
            key={n}
            class={`is-${span.status}`}
            x={place(span.start)}
            y={HIGH - tall}
            width={Math.max(place(span.end) - place(span.start), 1)}
            height={tall}
          />
        );
      })}
    </svg>
  );
}

function inWords(row: Row): string {
  const sums = new Map<string, number>();
  let whole = 0;
  for (const span of row.spans) {
    sums.set(span.status, (sums.get(span.status) ?? 0) + span.end - span.start);
    whole += span.end - span.start;
  }
  const parts = [...sums].map(([status, sum]) => `${status} ${percent((sum / (whole || 1)) * 100, 1)}`);
  return `${row.title || row.name}: ${parts.join(", ") || "no data"}`;
}
