// From the shape of data to what draws it.
import type { Shape } from "../../../api/dashboards";
import { BarsView } from "./BarsView";
import { GaugeView } from "./GaugeView";
import { HeatmapView } from "./HeatmapView";
import { PieView } from "./PieView";
import { SeriesView } from "./SeriesView";
import { StatView } from "./StatView";
import { TableView } from "./TableView";
import { TextView, WaitingView } from "./TextView";
import { TimelineView } from "./TimelineView";
import { WaterfallView } from "./WaterfallView";

interface Props {
  shape: Shape;
  span: [number, number];
  zoom?: ((start: number, end: number) => void) | undefined;
  /** Pixels that there are for it. */
  room: number;
  /** The panel's title, which names what has no title of its own. */
  panel: string;
}

const TITLE_PX = 20;
/** A table of more columns than these has a row of its own, also where drawings stand side by side. */
const NARROW_COLUMNS = 5;

export function ShapeView({ shape, span, zoom, room, panel }: Props) {
  const titled = shape.title !== "" && shape.title !== panel;
  const label = titled ? `${panel}: ${shape.title}` : panel;
  const wide = shape.shape === "table" && shape.columns.length > NARROW_COLUMNS;
  return (
    <div class={`shape shape-${shape.shape} ${wide ? "wide" : ""}`}>
      {titled ? <h3>{shape.title}</h3> : null}
      {drawn({ shape, span, zoom, room: titled ? room - TITLE_PX : room, label })}
    </div>
  );
}

function drawn({ shape, span, zoom, room, label }: Omit<Props, "panel"> & { label: string }) {
  switch (shape.shape) {
    case "stat":
      return <StatView stat={shape} label={label} />;
    case "gauge":
      return <GaugeView gauge={shape} label={label} />;
    case "series":
      return <SeriesView series={shape} span={span} zoom={zoom} room={room} label={label} />;
    case "bar":
      return <BarsView bars={shape} />;
    case "pie":
      return <PieView pie={shape} label={label} />;
    case "heatmap":
      return <HeatmapView heatmap={shape} label={label} room={room} />;
    case "table":
      return <TableView table={shape} label={label} />;
    case "timeline":
      return <TimelineView timeline={shape} label={label} />;
    case "text":
      return <TextView text={shape} />;
    case "waterfall":
      return <WaterfallView waterfall={shape} />;
    case "waiting":
      return <WaitingView waiting={shape} />;
    default:
      return <p class="soft">This page is older than the server and cannot draw this. Load it again.</p>;
  }
}
