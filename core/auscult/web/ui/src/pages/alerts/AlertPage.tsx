// One alert and its life.
import { useEffect, useState } from "preact/hooks";
import { path } from "../../api/client";
import type { AlertDetail, Delivery } from "../../api/types";
import { AlertCard } from "../../parts/AlertCard";
import { Card } from "../../parts/Card";
import { Moment } from "../../parts/Moment";
import { Fault, Loading } from "../../parts/states";
import { alertsRevision } from "../../state/alerts";
import { useFetched } from "../../state/fetched";
import { change as word, plain } from "../../words";
import { DeliveryTable } from "./Deliveries";

export function AlertPage({ ident }: { ident: string }) {
  const found = useFetched<AlertDetail>(`/api/v1/alerts${path(ident)}`, [alertsRevision.value]);
  const sent = useFetched<{ deliveries: Delivery[] }>(`/api/v1/deliveries?alert=${encodeURIComponent(ident)}`, [
    alertsRevision.value,
  ]);
  const [kept, setKept] = useState<AlertDetail | null>(null);
  useEffect(() => {
    if (found.data) setKept(found.data);
  }, [found.data]);
  if (!kept) return found.error ? <Fault error={found.error} retry={found.reload} /> : <Loading lines={4} />;
  const values = Object.entries(kept.alert.values);
  return (
    <div class="stack">
      <AlertCard alert={kept.alert} linked={false} />
      <div class="columns">
        <div class="column-main">
          <Card title="What happened to it">
            <ol class="life">
              {[...kept.changes].reverse().map((change) => (
                <li key={change.number}>
                  <span class="change-time">
                    <Moment at={change.at} as="clock" />
                  </span>
                  <div>
                    It <b>{word(change.kind)}</b>
                    {change.by ? <> by {change.by}</> : null}
                    {change.note ? <div class="quote">{change.note}</div> : null}
                  </div>
                </li>
              ))}
            </ol>
          </Card>
          <Card title="Who was told" flush>
            <DeliveryTable
              deliveries={sent.data?.deliveries ?? []}
              loading={sent.loading}
              named={false}
              reload={sent.reload}
            />
          </Card>
        </div>
        <div class="column-side">
          <Card title="Values when it fired">
            <dl class="pairs">
              {values.map(([name, value]) => (
                <div key={name}>
                  <dt>{plain(name)}</dt>
                  <dd class="wrap">{typeof value === "number" ? Number(value.toPrecision(6)) : value}</dd>
                </div>
              ))}
              <div>
                <dt>began</dt>
                <dd>
                  <Moment at={kept.alert.created_at} as="clock" />
                </dd>
              </div>
            </dl>
            {Object.entries(kept.alert.labels).map(([name, value]) => (
              <span key={name} class="label-tag">
                {name}={value}
              </span>
            ))}
          </Card>
        </div>
      </div>
    </div>
  );
}
