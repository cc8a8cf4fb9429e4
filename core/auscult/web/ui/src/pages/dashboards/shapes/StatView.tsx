// One number, large.
import { MEANING } from "../../../charts/palette";
import type { Stat } from "../../../api/dashboards";
import { quantity } from "../../../format/numbers";
import { Sign } from "../../../parts/Sign";
import { Sparkline } from "../../../parts/Sparkline";

export function StatView({ stat, label }: { stat: Stat; label: string }) {
  const meaning = MEANING[stat.color];
  const value = typeof stat.value === "string" ? stat.value : quantity(stat.value, stat.unit);
  return (
    <div class="stat">
      <div class="stat-value">
        {meaning && meaning !== "unknown" ? <Sign status={meaning} size={20} /> : null}
        <span>{value}</span>
      </div>
      {stat.detail ? <div class="soft">{stat.detail}</div> : null}
      {stat.spark.length > 1 ? <Sparkline values={stat.spark.map(([, known]) => known)} label={`${label} over time`} /> : null}
    </div>
  );
}
