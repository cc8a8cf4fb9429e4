// The component's alerts, those that are over included.
import { useEffect, useState } from "preact/hooks";
import type { AlertList } from "../../api/types";
import { Card } from "../../parts/Card";
import { Moment } from "../../parts/Moment";
import { SeverityTag } from "../../parts/Sign";
import { Empty, Fault, Loading } from "../../parts/states";
import { useFetched } from "../../state/fetched";
import { alertsRevision } from "../../state/alerts";
import { href } from "../../state/route";

export function PastAlerts({ name }: { name: string }) {
  const found = useFetched<AlertList>(`/api/v1/alerts?component=${encodeURIComponent(name)}&limit=10`, [
    alertsRevision.value,
  ]);
  const [kept, setKept] = useState<AlertList | null>(null);
  useEffect(() => {
    if (found.data) setKept(found.data);
  }, [found.data]);
  return (
    <Card title="Its alerts">
      {!kept && found.error ? <Fault error={found.error} retry={found.reload} /> : null}
      {!kept && !found.error ? <Loading lines={2} /> : null}
      {kept?.alerts.length === 0 ? <Empty title="It has never had one." /> : null}
      <ul class="plain-list">
        {kept?.alerts.map((alert) => (
          <li key={alert.id} class="between">
            <span>
              <SeverityTag severity={alert.severity} /> <a href={href("alerts", alert.id)}>{alert.name}</a>
            </span>
            <span class="soft">
              {alert.status === "resolved" ? <Moment at={alert.created_at} as="clock" /> : alert.status}
            </span>
          </li>
        ))}
      </ul>
    </Card>
  );
}
