// A number within its bounds, as an arc; its levels are ticks on the arc.
import type { Gauge } from "../../../api/dashboards";
import { MEANING } from "../../../charts/palette";
import { quantity } from "../../../format/numbers";
import { Sign } from "../../../parts/Sign";

const RADIUS = 42;
const SWEEP = Math.PI * 1.4;
const START = Math.PI / 2 + (2 * Math.PI - SWEEP) / 2;

function point(share: number, radius = RADIUS): string {
  const angle = START + SWEEP * share;
  return `${(50 + radius * Math.cos(angle)).toFixed(2)} ${(50 + radius * Math.sin(angle)).toFixed(2)}`;
}

function arc(to: number): string {
  const large = SWEEP * to > Math.PI ? 1 : 0;
  return `M${point(0)}A${RADIUS} ${RADIUS} 0 ${large} 1 ${point(to)}`;
}

export function GaugeView({ gauge, label }: { gauge: Gauge; label: string }) {
  const spread = gauge.max - gauge.min || 1;
  const share = (value: number) => Math.min(Math.max((value - gauge.min) / spread, 0), 1);
  const meaning = MEANING[gauge.color] ?? "none";
  const words = quantity(gauge.value, gauge.unit);
  const levels = [gauge.threshold_warning, gauge.threshold_critical].filter((level): level is number => level !== null);
  return (
    <div class="gauge">
      <div class="gauge-dial">
        <svg viewBox="0 0 100 84" role="img" aria-label={`${label}: ${words} of ${quantity(gauge.max, gauge.unit)}`}>
          <path class="gauge-ground" d={arc(1)} />
          {gauge.value !== null ? (
            <path class={`gauge-value is-${meaning}`} d={arc(Math.max(share(gauge.value), 0.004))} />
          ) : null}
          {levels.map((level) => (
            <path
              key={level}
              class="gauge-level"
              d={`M${point(share(level), RADIUS - 6)}L${point(share(level), RADIUS + 6)}`}
            />
          ))}
        </svg>
        <div class="gauge-words">{words}</div>
      </div>
      <div class="gauge-detail">
        {meaning !== "none" && meaning !== "unknown" ? <Sign status={meaning} size={14} /> : null} {gauge.detail}
      </div>
    </div>
  );
}
