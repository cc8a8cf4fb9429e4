// How long it took over time: percentiles, and in which stage the time went.
import { useEffect, useState } from "preact/hooks";
import type { Percentiles } from "../../api/types";
import { Plot } from "../../charts/Plot";
import { Card } from "../../parts/Card";
import { Segments } from "../../parts/Fields";
import { Empty, Fault, Loading } from "../../parts/states";
import { useFetched } from "../../state/fetched";
import { route, setQuery } from "../../state/route";
import { plain } from "../../words";

const HOUR = 3_600_000;
const RANGES = [
  { value: "15m", title: "15 min", ms: HOUR / 4 },
  { value: "1h", title: "1 h", ms: HOUR },
  { value: "6h", title: "6 h", ms: 6 * HOUR },
  { value: "24h", title: "24 h", ms: 24 * HOUR },
  { value: "48h", title: "48 h", ms: 48 * HOUR },
];
const POINTS = 240;

export function Latency({ name, last }: { name: string; last: string | null }) {
  const chosen = route.value.query.get("range") ?? "1h";
  const length = RANGES.find((range) => range.value === chosen)?.ms ?? HOUR;
  // Asked for anew no more often than the picture can change: a point's width, but at least 5 s.
  const step = Math.max(length / POINTS, 5000);
  const [end, setEnd] = useState(Date.now());
  useEffect(() => {
    setEnd((before) => (Date.now() - before > step ? Date.now() : before));
  }, [last, step]);
  const found = useFetched<Percentiles>(
    `/api/v1/components/${encodeURIComponent(name)}/percentiles?start=${end - length}&end=${end}&points=${POINTS}`,
  );
  const [kept, setKept] = useState<{ data: Percentiles; length: number } | null>(null);
  useEffect(() => {
    if (found.data) setKept({ data: found.data, length });
  }, [found.data]);
  const shown = kept && kept.length === length ? kept.data : null;
  const tools = <Segments label="Time range" value={chosen} set={(range) => setQuery({ range })} options={RANGES} />;
  return (
    <>
      <Card title="Response time" tools={tools}>
        {shown ? (
          <Times found={shown} name={name} />
        ) : found.error ? (
          <Fault error={found.error} retry={found.reload} />
        ) : (
          <Loading lines={4} />
        )}
      </Card>
      {shown ? <Stages found={shown} name={name} /> : null}
    </>
  );
}

function spanOf(found: Percentiles): [number, number] {
  return [Date.parse(found.start), Date.parse(found.end)];
}

function Times({ found, name }: { found: Percentiles; name: string }) {
  const { points } = found;
  if (points.length === 0) return <Empty title="No result in this time." />;
  return (
    <Plot
      label={`Response time of ${name}`}
      times={points.map((point) => Date.parse(point.time))}
      lines={[
        { title: "p50", values: points.map((point) => point.p50_ms) },
        { title: "p95", values: points.map((point) => point.p95_ms) },
        { title: "p99", values: points.map((point) => point.p99_ms) },
      ]}
      unit="ms"
      height={240}
      span={spanOf(found)}
    />
  );
}

function Stages({ found, name }: { found: Percentiles; name: string }) {
  const names = [...new Set(found.points.flatMap((point) => Object.keys(point.stages)))];
  if (names.length === 0) return null;
  return (
    <Card title="Where the time goes" note="median of each stage">
      <Plot
        label={`Stages of ${name}`}
        times={found.points.map((point) => Date.parse(point.time))}
        lines={names.map((stage) => ({
          title: plain(stage),
          values: found.points.map((point) => (stage in point.stages ? (point.stages[stage] ?? 0) * 1000 : null)),
        }))}
        unit="ms"
        height={200}
        stacked
        chart="area"
        span={spanOf(found)}
      />
    </Card>
  );
}
