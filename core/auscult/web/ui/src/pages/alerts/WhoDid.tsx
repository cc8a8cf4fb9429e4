// Who did what: acknowledgements, silences, notes and everything else that people changed.
import { useEffect, useState } from "preact/hooks";
import { get } from "../../api/client";
import type { Audit } from "../../api/types";
import { Action } from "../../parts/Action";
import { Moment } from "../../parts/Moment";
import { Empty, Fault, Loading } from "../../parts/states";
import { alertsRevision } from "../../state/alerts";
import { useFetched } from "../../state/fetched";
import { plain } from "../../words";

interface Page {
  rows: Audit[];
  next_before: number | null;
}

const WHERE = "/api/v1/audit?limit=100";

export function WhoDid() {
  const found = useFetched<Page>(WHERE, [alertsRevision.value]);
  const [kept, setKept] = useState<Page | null>(null);
  const [older, setOlder] = useState<Audit[]>([]);
  useEffect(() => {
    if (found.data && older.length === 0) setKept(found.data);
  }, [found.data]);
  if (!kept) return found.error ? <Fault error={found.error} retry={found.reload} /> : <Loading lines={4} />;
  const rows = [...kept.rows, ...older];
  if (rows.length === 0) return <Empty title="Nobody has changed anything yet." />;
  const more = async () => {
    const page = await get<Page>(`${WHERE}&before=${kept.next_before}`);
    setOlder([...older, ...page.rows]);
    setKept({ ...kept, next_before: page.next_before });
  };
  return (
    <div class="card flush">
      <div class="table-box" tabIndex={0} role="region" aria-label="Who did what, scrollable">
        <table class="table">
          <thead>
            <tr>
              <th scope="col">When</th>
              <th scope="col">Who</th>
              <th scope="col">What</th>
              <th scope="col">To what</th>
              <th scope="col">Details</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={row.id}>
                <td class="nowrap">
                  <Moment at={row.at} as="clock" />
                </td>
                <td>{row.who}</td>
                <td class="nowrap">{plain(row.action)}</td>
                <td class="wrap">{row.target}</td>
                <td class="wrap">{row.details}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {kept.next_before === null ? null : (
        <p class="card-foot">
          <Action small act={more}>
            Older ones
          </Action>
        </p>
      )}
    </div>
  );
}
