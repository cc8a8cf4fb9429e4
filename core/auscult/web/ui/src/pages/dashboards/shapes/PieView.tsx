// Shares of a whole: a ring, and beside it what each part is in words and numbers.
import type { Pie } from "../../../api/dashboards";
import { lineToken } from "../../../charts/palette";
import { quantity } from "../../../format/numbers";
import { Empty } from "../../../parts/states";

const RADIUS = 38;
const ROUND = 2 * Math.PI * RADIUS;

export function PieView({ pie, label }: { pie: Pie; label: string }) {
  const total = pie.slices.reduce((sum, slice) => sum + Math.max(slice.value ?? 0, 0), 0);
  if (total === 0) return <Empty title="Nothing to share out in this time." />;
  let before = 0;
  const parts = pie.slices.map((slice, n) => {
    const share = Math.max(slice.value ?? 0, 0) / total;
    const part = { slice, share, start: before, paint: `var(${lineToken(n, slice.color)})` };
    before += share;
    return part;
  });
  const words = parts.map((part) => `${part.slice.name} ${Math.round(part.share * 100)} %`).join(", ");
  return (
    <div class="pie">
      <svg viewBox="0 0 100 100" role="img" aria-label={`${label}: ${words}`}>
        {parts.map((part) => (
          <circle
            key={part.slice.name}
            cx="50"
            cy="50"
            r={RADIUS}
            style={{ stroke: part.paint }}
            stroke-dasharray={`${Math.max(part.share * ROUND - 1, 0.5)} ${ROUND}`}
            stroke-dashoffset={-part.start * ROUND}
          />
        ))}
      </svg>
      <ul class="pie-legend">
        {parts.map((part) => (
          <li key={part.slice.name}>
            <span class="swatch" style={{ background: part.paint }} aria-hidden="true" />
            <span class="wrap">{part.slice.name}</span>
            <span class="figure">{quantity(part.slice.value, pie.unit)}</span>
            <span class="figure soft">{Math.round(part.share * 100)} %</span>
          </li>
        ))}
      </ul>
    </div>
  );
}
