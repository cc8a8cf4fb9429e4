// How often a value fell between which bounds, over time: the darker, the more often.
import type { Heatmap } from "../../../api/dashboards";
import { number, quantity } from "../../../format/numbers";
import { clock, moment } from "../../../format/time";
import { Empty } from "../../../parts/states";
import { hideTip, showTip } from "../../../parts/Tip";

function rowName(bounds: (number | null)[], row: number, unit: string): string {
  const upper = bounds[row] ?? null;
  const lower = row > 0 ? (bounds[row - 1] ?? null) : null;
  if (upper === null) return `over ${quantity(lower, unit)}`;
  return lower === null ? `up to ${quantity(upper, unit)}` : `${quantity(lower, unit)} to ${quantity(upper, unit)}`;
}

export function HeatmapView({ heatmap, label, room }: { heatmap: Heatmap; label: string; room: number }) {
  const { times, bounds, counts, unit } = heatmap;
  const most = Math.max(...counts.flat(), 0);
  if (times.length === 0 || most === 0) return <Empty title="No data in this time." />;
  const rows = bounds.length;
  const total = counts.flat().reduce((sum, n) => sum + n, 0);
  const perRow = bounds.map((_, row) => counts.reduce((sum, column) => sum + (column[row] ?? 0), 0));
  const high = Math.max(Math.round(room - 26), 90);
  const every = Math.ceil((rows * 15) / high);
  const common = perRow.indexOf(Math.max(...perRow));
  const point = (event: PointerEvent) => {
    const box = (event.currentTarget as SVGElement).getBoundingClientRect();
    const column = Math.floor(((event.clientX - box.left) / box.width) * times.length);
    const row = rows - 1 - Math.floor(((event.clientY - box.top) / box.height) * rows);
    const time = times[column];
    if (time === undefined) return;
    showTip(new DOMRect(event.clientX, event.clientY - 4, 0, 8), clock(time), [
      `${rowName(bounds, row, unit)}: ${number(counts[column]?.[row] ?? 0)}`,
    ]);
  };
  return (
    <div class="heatmap">
      <div class="heatmap-axis" style={{ height: `${high}px` }} aria-hidden="true">
        {bounds
          .map((bound, row) => (
            <span key={row}>{row % every > 0 ? "" : bound === null ? "more" : quantity(bound, unit)}</span>
          ))
          .reverse()}
      </div>
      <div class="heatmap-area">
        <svg
          viewBox={`0 0 ${times.length} ${rows}`}
          preserveAspectRatio="none"
          style={{ height: `${high}px` }}
          role="img"
          aria-label={`${label}: ${number(total)} values, most often ${rowName(bounds, common, unit)}`}
          onPointerMove={point}
          onPointerLeave={hideTip}
        >
          {counts.flatMap((column, x) =>
            column.map((n, row) =>
              n > 0 ? (
                <rect
                  key={`${x}-${row}`}
                  x={x}
                  y={rows - 1 - row}
                  width="1"
                  height="1"
                  fill-opacity={0.12 + 0.88 * Math.sqrt(n / most)}
                />
              ) : null,
            ),
          )}
        </svg>
        <div class="heatmap-times" aria-hidden="true">
          <span>{moment(times[0] ?? 0)}</span>
          <span>{moment(times.at(-1) ?? 0)}</span>
        </div>
      </div>
    </div>
  );
}
