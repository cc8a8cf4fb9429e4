// What came after what, and how long each took.
import type { Waterfall } from "../../../api/dashboards";
import { lineToken } from "../../../charts/palette";
import { quantity } from "../../../format/numbers";
import { Empty } from "../../../parts/states";

export function WaterfallView({ waterfall }: { waterfall: Waterfall }) {
  const { spans, unit } = waterfall;
  if (spans.length === 0) return <Empty title="No data in this time." />;
  const whole = waterfall.total ?? (Math.max(...spans.map((span) => span.start + span.duration), 0) || 1);
  return (
    <dl class="waterfall">
      {spans.map((span, n) => (
        <div key={n} title={span.detail}>
          <dt>{span.name}</dt>
          <dd>
            <span class="waterfall-track" aria-hidden="true">
              <span
                style={{
                  marginLeft: `${Math.min((span.start / whole) * 100, 100)}%`,
                  width: `${Math.min(Math.max((span.duration / whole) * 100, 0.4), 100)}%`,
                  background: `var(${lineToken(n, span.color)})`,
                }}
              />
            </span>
            <span class="hbar-value">
              {quantity(span.duration, unit)}
              {span.detail ? <small> {span.detail}</small> : null}
            </span>
          </dd>
        </div>
      ))}
      {waterfall.total !== null ? (
        <div class="waterfall-total">
          <dt>in all</dt>
          <dd>
            <span />
            <span class="hbar-value">{quantity(waterfall.total, unit)}</span>
          </dd>
        </div>
      ) : null}
    </dl>
  );
}
