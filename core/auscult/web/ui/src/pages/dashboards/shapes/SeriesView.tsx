// Lines, areas or bars over time.
import type { Colour, Series } from "../../../api/dashboards";
import { Plot } from "../../../charts/Plot";
import { exact, moment } from "../../../format/time";
import { Empty } from "../../../parts/states";

interface Props {
  series: Series;
  span: [number, number];
  zoom?: ((start: number, end: number) => void) | undefined;
  room: number;
  label: string;
}

const LEGEND_PX = 30;

export function SeriesView({ series, span, zoom, room, label }: Props) {
  if (series.times.length === 0 || series.lines.length === 0) return <Empty title="No data in this time." />;
  const levels: { value: number; color: Colour; title: string }[] = [];
  if (series.threshold_warning !== null)
    levels.push({ value: series.threshold_warning, color: "yellow", title: "warning" });
  if (series.threshold_critical !== null)
    levels.push({ value: series.threshold_critical, color: "red", title: "critical" });
  return (
    <>
      <Plot
        label={label}
        times={series.times}
        lines={series.lines.map((line) => ({ title: line.title || line.name, values: line.values, color: line.color }))}
        unit={series.unit}
        height={Math.max(Math.round(room - LEGEND_PX), 110)}
        stacked={series.stacked}
        chart={series.chart}
        levels={levels}
        marks={series.marks}
        span={span}
        {...(zoom ? { onZoom: zoom } : {})}
      />
      {series.marks.length > 0 ? (
        <ul class="marks">
          {series.marks.slice(0, 5).map((mark, n) => (
            <li key={n} title={exact(mark.start)}>
              {moment(mark.start)} {mark.title}
            </li>
          ))}
        </ul>
      ) : null}
    </>
  );
}
