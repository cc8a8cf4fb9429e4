// One panel: its title, what it shows or what went wrong, and its data as files.
import { useId } from "preact/hooks";
import { url } from "../../api/client";
import type { PanelData, Shape } from "../../api/dashboards";
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
const FIGURES_PX = 74;
const LEAST_PX = 150;

function isFigure({ shape }: Shape): boolean {
  return shape === "stat" || shape === "gauge";
}

/** How many drawings stand side by side: two at most in a panel of half the width, and only when there are many. */
function across(width: number, drawings: number): number {
  if (width >= 10) return Math.min(drawings, 2) || 1;
  return width >= 5 && drawings >= 3 ? 2 : 1;
}

/** Numbers stand in a row at the top; what is drawn stands below, side by side where the panel is wide. */
export function PanelBox({ panel, span, zoom, source, parameters = "" }: Props) {
  const id = useId();
  const figures = panel.data.filter(isFigure);
  const drawings = panel.data.filter((shape) => !isFigure(shape));
  const columns = across(panel.layout.width, drawings.length);
  const rows = Math.ceil(drawings.length / columns) || 1;
  const left = panel.layout.height * ROW_PX - HEAD_PX - (figures.length > 0 ? FIGURES_PX : 0);
  const room = Math.max(left / rows, LEAST_PX);
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
            <a
              href={url(`${source}${parameters}`)}
              target="_blank"
              rel="noreferrer"
              aria-label={`${panel.title} as JSON`}
            >
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
      {figures.length > 0 ? (
        <div class={`panel-figures ${figures.length === 1 ? "single" : ""} ${drawings.length === 0 ? "alone" : ""}`}>
          {figures.map((shape, n) => (
            <ShapeView key={`${n}${shape.shape}`} shape={shape} span={span} room={FIGURES_PX} panel={panel.title} />
          ))}
        </div>
      ) : null}
      <div class={`panel-drawings ${columns > 1 ? "beside" : ""}`} style={{ "--across": String(columns) }}>
        {drawings.map((shape, n) => (
          <ShapeView key={`${n}${shape.shape}`} shape={shape} span={span} zoom={zoom} room={room} panel={panel.title} />
        ))}
      </div>
    </section>
  );
}
