// One panel: its title, what it shows or what went wrong, and its data as files.
import { useId } from "preact/hooks";
import { url } from "../../api/client";
import type { PanelData } from "../../api/dashboards";
import { Sign } from "../../parts/Sign";
import { ROW_PX } from "./Grid";
import { ShapeView } from "./shapes/ShapeView";

interface Props {
  panel: PanelData;
  span: [number, number];
  zoom?: (start: number, end: number) => void;
  source?: string;
  parameters?: string;
}

const HEAD_PX = 52;

export function PanelBox({ panel, span, zoom, source, parameters = "" }: Props) {
  const id = useId();
  const room = Math.max(panel.layout.height * ROW_PX - HEAD_PX, 60) / Math.max(panel.data.length, 1);
  return (
    <section class="card panel" aria-labelledby={id}>
      <header class="panel-head">
        <h2 id={id} title={panel.description}>
          {panel.title}
        </h2>
        {source ? (
          <span class="panel-tools">
            <a href={url(`${source}/csv${parameters}`)} download="" aria-label={`${panel.title} as CSV`}>
              CSV
            </a>
            <a href={url(`${source}${parameters}`)} target="_blank" rel="noreferrer" aria-label={`${panel.title} as JSON`}>
              JSON
            </a>
          </span>
        ) : null}
      </header>
      {panel.error ? (
        <p class="panel-error">
          <Sign status="unhealthy" /> {panel.error}
        </p>
      ) : null}
      {panel.data.length === 0 && !panel.error ? <p class="soft">It shows nothing.</p> : null}
      <div class={`panel-body shapes-${panel.data[0]?.shape ?? "none"}`}>
        {panel.data.map((shape, n) => (
          <ShapeView key={`${n}${shape.shape}`} shape={shape} span={span} zoom={zoom} room={room} label={shape.title || panel.title} />
        ))}
      </div>
    </section>
  );
}
