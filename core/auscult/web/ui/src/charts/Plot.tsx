// uPlot in a box that knows its size, the theme, and how to say in words what it draws.
import "uplot/dist/uPlot.min.css";
import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import type { Colour } from "../api/dashboards";
import { onAxis, quantity } from "../format/numbers";
import { clock, exact, moment } from "../format/time";
import { Legend } from "./Legend";
import { lineToken, themed, token } from "./palette";

export interface Line {
  title: string;
  values: (number | null)[];
  color?: Colour;
}

export interface Mark {
  start: number;
  end: number | null;
  title: string;
  color: Colour;
}

interface Props {
  label: string;
  times: number[];
  lines: Line[];
  unit: string;
  height: number;
  stacked?: boolean;
  chart?: "line" | "area" | "bars";
  levels?: { value: number; color: Colour; title: string }[];
  marks?: Mark[];
  /** Show this span, whether or not there is data in all of it. */
  span?: [number, number] | undefined;
  onZoom?: (start: number, end: number) => void;
}

/** Beside its colour, every second line is told apart by its dashes. */
const DASHES = [[], [6, 3], [], [2, 3], [], [8, 3, 2, 3], [], [4, 2]];

export function Plot(props: Props) {
  const box = useRef<HTMLDivElement>(null);
  const theme = themed.value;
  const { times, lines, label, unit } = props;
  const key = JSON.stringify([
    lines.map((line) => [line.title, line.color]),
    unit,
    props.stacked,
    props.chart,
    props.height,
    props.levels,
  ]);
  const held = useRef<uPlot | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const [pointed, setPointed] = useState<number | null>(null);
  const [hidden, setHidden] = useState<ReadonlySet<number>>(new Set());

  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const plot = new uPlot(options(element.clientWidth, latest, setPointed), data(latest.current), element);
    held.current = plot;
    const watch = new ResizeObserver(() => {
      const width = element.clientWidth;
      if (width > 0 && width !== plot.width) plot.setSize({ width, height: latest.current.height });
    });
    watch.observe(element);
    return () => {
      watch.disconnect();
      held.current = null;
      plot.destroy();
    };
  }, [key, theme]);

  useEffect(() => {
    held.current?.setData(data(props));
  }, [times, lines, props.span?.[0]]);

  const toggle = (n: number) => {
    const next = new Set(hidden);
    if (!next.delete(n)) next.add(n);
    setHidden(next);
  };
  useEffect(() => {
    const plot = held.current;
    lines.forEach((_, n) => plot?.setSeries(props.stacked ? lines.length - n : n + 1, { show: !hidden.has(n) }));
  }, [hidden, key, theme]);

  return (
    <div class="plot" role="group" aria-label={label}>
      <div ref={box} class="plot-canvas" aria-hidden="true" />
      <Legend times={times} lines={lines} unit={unit} pointed={pointed} hidden={hidden} toggle={toggle} />
      <p class="visually-hidden">{inWords(times, lines, unit)}</p>
    </div>
  );
}

/** What a screen reader is told: each line's latest, least and greatest value. */
function inWords(times: number[], lines: Line[], unit: string): string {
  const first = times[0];
  const last = times.at(-1);
  if (first === undefined || last === undefined) return "No data.";
  const each = lines.map((line) => {
    const known = line.values.filter((value): value is number => value !== null);
    if (known.length === 0) return `${line.title}: no data`;
    const latest = known.at(-1) ?? null;
    return `${line.title}: latest ${quantity(latest, unit)}, least ${quantity(Math.min(...known), unit)}, greatest ${quantity(Math.max(...known), unit)}`;
  });
  return `From ${exact(first)} to ${exact(last)}. ${each.join(". ")}.`;
}

function data({ times, lines, stacked }: Props): uPlot.AlignedData {
  const seconds = times.map((time) => time / 1000);
  if (!stacked) return [seconds, ...lines.map((line) => line.values)];
  const sums: (number | null)[][] = [];
  let below = times.map(() => 0);
  for (const line of lines) {
    const sum = line.values.map((value, n) => (value === null ? null : value + (below[n] ?? 0)));
    below = sum.map((value, n) => value ?? below[n] ?? 0);
    sums.push(sum);
  }
  return [seconds, ...sums.reverse()]; // the tallest is drawn first, the others in front of it
}

function options(width: number, latest: { current: Props }, point: (index: number | null) => void): uPlot.Options {
  const { lines, unit, height, stacked = false, chart = "line" } = latest.current;
  const soft = token("--soft");
  const grid = token("--line");
  const order = lines.map((_, n) => (stacked ? lines.length - 1 - n : n));
  const axis = {
    stroke: soft,
    font: "11px system-ui, sans-serif",
    grid: { stroke: grid, width: 1 },
    ticks: { show: false },
  };
  return {
    width,
    height,
    padding: [8, 20, 0, 0],
    scales: {
      x: { time: true, range: (_, least, most) => spanOf(latest.current, least, most) },
      y: { range: (_, least, most) => heightOf(latest.current, least, most) },
    },
    axes: [
      {
        ...axis,
        size: 26,
        values: (_, at, _axis, _space, step) =>
          at.map((second) => (step < 60 ? clock(second * 1000) : moment(second * 1000))),
        space: 90,
      },
      {
        ...axis,
        size: 58,
        values: (_, at) => at.map((value) => onAxis(Number(value.toPrecision(12)), unit)),
        space: 34,
      },
    ],
    series: [{}, ...order.map((n) => series(latest, n, { stacked, chart }))],
    cursor: {
      points: { size: 6 },
      drag: { x: true, y: false, setScale: latest.current.onZoom === undefined },
      sync: { key: "auscult" },
      focus: { prox: 24 },
    },
    focus: { alpha: 0.45 },
    legend: { show: false },
    hooks: {
      drawClear: [(plot) => drawMarks(plot, latest.current)],
      draw: [(plot) => drawLevels(plot, latest.current)],
      setCursor: [(plot) => point(plot.cursor.idx ?? null)],
      setSelect: [
        (plot) => {
          const { onZoom } = latest.current;
          if (!onZoom || plot.select.width < 5) return;
          const at = (x: number) => plot.posToVal(x, "x") * 1000;
          const { left, width: wide } = plot.select;
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          onZoom(Math.round(at(left)), Math.round(at(left + wide)));
        },
      ],
    },
  };
}

interface Look {
  stacked: boolean;
  chart: "line" | "area" | "bars";
}

function series(latest: { current: Props }, n: number, { stacked, chart }: Look): uPlot.Series {
  const line = latest.current.lines[n];
  const stroke = token(lineToken(n, line?.color));
  const filled = stacked || chart === "area";
  const made: uPlot.Series = {
    label: line?.title ?? "",
    stroke,
    width: stacked ? 1 : 1.75,
    points: { show: (line?.values.filter((value) => value !== null).length ?? 0) < 3, size: 5 },
    gaps: (plot, n, _first, _last, missing) => breaks(plot, n, missing),
  };
  if (!stacked && DASHES[n % DASHES.length]?.length) made.dash = DASHES[n % DASHES.length] ?? [];
  if (filled) made.fill = stroke.replace("rgb(", "rgba(").replace(")", stacked ? ", 0.75)" : ", 0.16)");
  if (chart === "bars" && uPlot.paths.bars) made.paths = uPlot.paths.bars({ size: [0.8, 40] });
  return made;
}

/** Times that a line may miss in a row: it breaks off where nothing came for longer. */
const MISSED = 2.5;

/** Lines share one axis of time: where only others have a value, a line goes on. */
function breaks(plot: uPlot, n: number, missing: uPlot.Series.Gaps): uPlot.Series.Gaps {
  if (missing.length === 0) return missing;
  const least = MISSED * usualDistance(plot.data[0], plot.data[n] ?? []);
  return missing.filter(([from, to]) => plot.posToVal(to, "x", true) - plot.posToVal(from, "x", true) > least);
}

function usualDistance(times: ArrayLike<number>, values: ArrayLike<number | null | undefined>): number {
  const known = Array.from(times).filter((_, n) => values[n] != null);
  const distances = known.slice(1).map((time, n) => time - (known[n] ?? time));
  return distances.sort((a, b) => a - b)[distances.length >> 1] ?? 0;
}

/** The span that was asked for; but where the data begins late in it, from there on: most of it would be empty. */
function spanOf({ span, times }: Props, least: number, most: number): [number, number] {
  if (!span) return least === most ? [least - 60, most + 60] : [least, most];
  const [start, end] = fitted(span, times[0]);
  return [start / 1000, end / 1000];
}

export function fitted([start, end]: [number, number], first: number | undefined): [number, number] {
  if (first === undefined || first < start + (end - start) * 0.6) return [start, end];
  return [Math.max(first - (end - first) * 0.03, start), end];
}

function heightOf({ unit }: Props, least: number | null, most: number | null): [number, number] {
  if (least === null || most === null) return [0, unit === "%" ? 100 : 1];
  const bottom = least < 0 ? least * 1.1 : 0;
  if (unit === "%" && most <= 100 && most > 60) return [bottom, 100];
  return [bottom, most <= 0 ? 1 : most * 1.12];
}

function drawLevels(plot: uPlot, { levels = [] }: Props): void {
  for (const level of levels) {
    const y = plot.valToPos(level.value, "y", true);
    if (y < plot.bbox.top || y > plot.bbox.top + plot.bbox.height) continue;
    const { ctx } = plot;
    ctx.save();
    ctx.strokeStyle = token(lineToken(0, level.color));
    ctx.setLineDash([4, 4]);
    ctx.lineWidth = devicePixelRatio;
    ctx.beginPath();
    ctx.moveTo(plot.bbox.left, y);
    ctx.lineTo(plot.bbox.left + plot.bbox.width, y);
    ctx.stroke();
    ctx.restore();
  }
}

function drawMarks(plot: uPlot, { marks = [] }: Props): void {
  const { ctx, bbox } = plot;
  for (const mark of marks) {
    const from = Math.max(plot.valToPos(mark.start / 1000, "x", true), bbox.left);
    const to = mark.end === null ? from : Math.min(plot.valToPos(mark.end / 1000, "x", true), bbox.left + bbox.width);
    if (to < bbox.left || from > bbox.left + bbox.width) continue;
    ctx.save();
    ctx.globalAlpha = mark.end === null ? 0.7 : 0.16;
    ctx.fillStyle = token(lineToken(0, mark.color));
    ctx.fillRect(from, bbox.top, Math.max(to - from, devicePixelRatio), bbox.height);
    ctx.restore();
  }
}
