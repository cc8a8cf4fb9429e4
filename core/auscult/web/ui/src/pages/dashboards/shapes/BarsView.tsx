// Named numbers side by side.
import type { Bars } from "../../../api/dashboards";
import { lineToken, MEANING } from "../../../charts/palette";
import { quantity } from "../../../format/numbers";
import { Sign } from "../../../parts/Sign";
import { Empty } from "../../../parts/states";

export function BarsView({ bars }: { bars: Bars }) {
  if (bars.bars.length === 0) return <Empty title="No data in this time." />;
  const most = Math.max(...bars.bars.map((bar) => Math.abs(bar.value ?? 0)), 0) || 1;
  return (
    <dl class="hbars">
      {bars.bars.map((bar, n) => {
        const meaning = MEANING[bar.color];
        return (
          <div key={`${n}${bar.name}`} title={bar.detail}>
            <dt>
              {meaning && meaning !== "unknown" ? <Sign status={meaning} size={12} /> : null} {bar.name}
            </dt>
            <dd>
              <span class="hbar-track" aria-hidden="true">
                <span
                  class="hbar"
                  style={{
                    width: `${(Math.abs(bar.value ?? 0) / most) * 100}%`,
                    background: `var(${lineToken(0, bar.color)})`,
                  }}
                />
              </span>
              <span class="hbar-value">
                {quantity(bar.value, bars.unit)}
                {bar.detail ? <small> {bar.detail}</small> : null}
              </span>
            </dd>
          </div>
        );
      })}
    </dl>
  );
}
