// The latest results, and older ones on request.
import { useEffect, useState } from "preact/hooks";
import { get } from "../../api/client";
import type { Result, ResultList } from "../../api/types";
import { ms } from "../../format/numbers";
import { Action } from "../../parts/Action";
import { Card } from "../../parts/Card";
import { Moment } from "../../parts/Moment";
import { State } from "../../parts/Sign";
import { Empty, Fault, Loading } from "../../parts/states";
import { useFetched } from "../../state/fetched";

const SHOWN = 15;

export function Results({ name, last }: { name: string; last: string | null }) {
  const where = `/api/v1/components/${encodeURIComponent(name)}/results`;
  const [kept, setKept] = useState<ResultList | null>(null);
  const [older, setOlder] = useState<Result[]>([]);
  const [next, setNext] = useState<number | null>(null);
  const found = useFetched<ResultList>(`${where}?limit=${SHOWN}`, [last]);
  useEffect(() => {
    if (!found.data) return;
    setKept(found.data);
    if (older.length === 0) setNext(found.data.next);
  }, [found.data]);
  const more = async () => {
    const page = await get<ResultList>(`${where}?limit=50&before=${next}`);
    setOlder([...older, ...page.results]);
    setNext(page.next);
  };
  const results = kept ? unique([...kept.results, ...older]) : [];
  return (
    <Card title="Recent results" flush>
      {!kept && found.error ? <Fault error={found.error} retry={found.reload} /> : null}
      {!kept && !found.error ? <Loading /> : null}
      {kept && results.length === 0 ? <Empty title="No results yet." /> : null}
      {results.length > 0 ? (
        <div class="table-box" tabIndex={0} role="region" aria-label="Recent results, scrollable">
          <table class="table">
            <thead>
              <tr>
                <th scope="col">Time</th>
                <th scope="col">State</th>
                <th scope="col" class="number">
                  Took
                </th>
                <th scope="col">What it said</th>
              </tr>
            </thead>
            <tbody>
              {results.map((result) => (
                <Line key={result.id ?? result.time} result={result} />
              ))}
            </tbody>
          </table>
        </div>
      ) : null}
      {next !== null && results.length > 0 ? (
        <div class="card-foot">
          <Action small act={more}>
            Older results
          </Action>
        </div>
      ) : null}
    </Card>
  );
}

function unique(results: Result[]): Result[] {
  const seen = new Set<unknown>();
  return results.filter((result) => {
    const key = result.id ?? result.time;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

function Line({ result }: { result: Result }) {
  return (
    <tr>
      <td class="nowrap">
        <Moment at={result.time} />
      </td>
      <td class="nowrap">
        <State status={result.status} note={result.origin === "probe" ? undefined : result.origin} />
      </td>
      <td class="number nowrap">{ms(result.response_time_ms)}</td>
      <td class="wrap">{result.message}</td>
    </tr>
  );
}
