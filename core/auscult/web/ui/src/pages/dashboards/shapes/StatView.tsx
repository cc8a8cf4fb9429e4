// One number, large; a noun stands beside it in small, unless the title says it.
import type { Stat } from "../../../api/dashboards";
import { MEANING } from "../../../charts/palette";
import { isNoun, noun, onAxis } from "../../../format/numbers";
import { Sign } from "../../../parts/Sign";
import { Sparkline } from "../../../parts/Sparkline";

export function StatView({ stat, label }: { stat: Stat; label: string }) {
  const meaning = MEANING[stat.color];
  const value = typeof stat.value === "string" ? stat.value : onAxis(stat.value, stat.unit);
  const word = typeof stat.value === "number" && isNoun(stat.unit) ? noun(stat.value, stat.unit) : "";
  const said = label.toLowerCase().includes(stat.unit.toLowerCase());
  return (
    <div class="stat">
      <div class="stat-value">
        {meaning && meaning !== "unknown" ? <Sign status={meaning} size={16} /> : null}
        <span>{value}</span>
        {word && !said ? <small>{word}</small> : null}
      </div>
      {stat.detail ? <div class="soft">{stat.detail}</div> : null}
      {stat.spark.length > 1 ? (
        <Sparkline values={stat.spark.map(([, known]) => known)} label={`${label} over time`} />
      ) : null}
    </div>
  );
}
