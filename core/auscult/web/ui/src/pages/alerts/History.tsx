// All alerts, the newest first, and older ones on request.
import { useEffect, useState } from "preact/hooks";
import { get } from "../../api/client";
import type { Alert, AlertList } from "../../api/types";
import { span } from "../../format/time";
import { Action } from "../../parts/Action";
import { Choice, TextField } from "../../parts/Fields";
import { ComponentLink } from "../../parts/Link";
import { Moment } from "../../parts/Moment";
import { SeverityTag } from "../../parts/Sign";
import { Empty, Fault, Loading } from "../../parts/states";
import { alertsRevision } from "../../state/alerts";
import { known } from "../../state/components";
import { useFetched } from "../../state/fetched";
import { href, route, setQuery } from "../../state/route";
import { ALERT_STATUS, SEVERITIES } from "../../words";

const LIMIT = 50;

export function History() {
  const { query } = route.value;
  const asked = new URLSearchParams({ limit: String(LIMIT) });
  for (const name of ["severity", "status", "component"]) {
    const value = query.get(name);
    if (value) asked.set(name, value);
  }
  const where = `/api/v1/alerts?${asked}`;
  const found = useFetched<AlertList>(where, [alertsRevision.value]);
  const [kept, setKept] = useState<AlertList | null>(null);
  const [older, setOlder] = useState<Alert[]>([]);
  const [next, setNext] = useState<string | null>(null);
  const [nextId, setNextId] = useState<string | null>(null);
  const follow = (page: AlertList) => {
    setNext(page.next_before);
    setNextId(page.next_before_id);
  };
  useEffect(() => setOlder([]), [where]);
  useEffect(() => {
    if (!found.data) return;
    setKept(found.data);
    if (older.length === 0) follow(found.data);
  }, [found.data]);
  const more = async () => {
    const page = await get<AlertList>(
      `${where}&before=${Date.parse(next ?? "")}&before_id=${encodeURIComponent(nextId ?? "")}`,
    );
    setOlder([...older, ...page.alerts]);
    follow(page);
  };
  const alerts = [...new Map([...older, ...(kept?.alerts ?? [])].map((alert) => [alert.id, alert])).values()].sort(
    (a, b) => b.created_at.localeCompare(a.created_at),
  );
  return (
    <>
      <div class="toolbar">
        <Choice
          label="Severity"
          value={query.get("severity") ?? ""}
          set={(severity) => setQuery({ severity })}
          options={[{ value: "", title: "any" }, ...SEVERITIES.map((value) => ({ value, title: value }))]}
        />
        <Choice
          label="State"
          value={query.get("status") ?? ""}
          set={(status) => setQuery({ status })}
          options={[
            { value: "", title: "any" },
            ...Object.entries(ALERT_STATUS).map(([value, title]) => ({ value, title })),
          ]}
        />
        <TextField
          label="Component"
          value={query.get("component") ?? ""}
          set={(component) => setQuery({ component })}
          list={[...known.value.keys()]}
        />
      </div>
      {!kept && found.error ? <Fault error={found.error} retry={found.reload} /> : null}
      {!kept && !found.error ? <Loading lines={4} /> : null}
      {kept && alerts.length === 0 ? <Empty title="No alert fits." /> : null}
      {alerts.length > 0 ? <AlertTable alerts={alerts} /> : null}
      {next && alerts.length > 0 ? (
        <p class="card-foot">
          <Action small act={more}>
            Older alerts
          </Action>
        </p>
      ) : null}
    </>
  );
}

function AlertTable({ alerts }: { alerts: Alert[] }) {
  return (
    <div class="card flush">
      <div class="table-box" tabIndex={0} role="region" aria-label="Alerts, scrollable">
        <table class="table">
          <thead>
            <tr>
              <th scope="col">Began</th>
              <th scope="col">Severity</th>
              <th scope="col">Alert</th>
              <th scope="col">Component</th>
              <th scope="col">State</th>
              <th scope="col" class="number">
                Lasted
              </th>
              <th scope="col">What it said</th>
            </tr>
          </thead>
          <tbody>
            {alerts.map((alert) => (
              <tr key={alert.id}>
                <td class="nowrap">
                  <Moment at={alert.created_at} as="clock" />
                </td>
                <td class="nowrap">
                  <SeverityTag severity={alert.severity} />
                </td>
                <td>
                  <a href={href("alerts", alert.id)}>{alert.name}</a>
                </td>
                <td>{alert.component ? <ComponentLink name={alert.component} /> : <span class="soft">system</span>}</td>
                <td class="nowrap">{ALERT_STATUS[alert.status] ?? alert.status}</td>
                <td class="number nowrap">
                  {alert.resolved_at ? (
                    span(Date.parse(alert.resolved_at) - Date.parse(alert.created_at))
                  ) : (
                    <Moment at={alert.created_at} as="for" />
                  )}
                </td>
                <td class="wrap wide">{alert.message}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </div>
  );
}
