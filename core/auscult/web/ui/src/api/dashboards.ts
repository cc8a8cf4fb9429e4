// Dashboards: definitions, data, and the shapes that panels give.
import type { Severity, Status } from "./types";

export type Origin = "plugin" | "configuration" | "code" | "custom";
export type Colour = "green" | "yellow" | "red" | "blue" | "gray" | "";

export interface DashboardSummary {
  id: string;
  title: string;
  description: string;
  updated_at: string;
  origin: Origin;
  editable: boolean;
  changed: boolean;
}

export interface Variable {
  name: string;
  title: string;
  value: string;
  options: string[];
}

export interface Dashboard extends DashboardSummary {
  refresh_interval: number;
  created_at: string;
  revision: number;
  time_range: { range: string | null; start_ms: number; end_ms: number; points: number };
  variables: Variable[];
  panels: PanelData[];
}

export interface PanelData {
  id: string;
  title: string;
  description: string;
  panel_type: string;
  layout: { width: number; height: number };
  kind: string;
  data: Shape[];
  error: string | null;
}

export interface PanelDefinition {
  id: string;
  title: string;
  description: string;
  panel: string;
  width: number;
  height: number;
  options: Record<string, unknown>;
}

export interface VariableDefinition {
  name: string;
  title: string;
  query: string;
  options: string[];
  default: string;
}

export interface DashboardDefinition {
  id: string;
  title: string;
  description: string;
  refresh_interval: string | number | null;
  time_range: string;
  revision?: number;
  variables: VariableDefinition[];
  panels: PanelDefinition[];
}

export interface PanelKind {
  kind: string;
  title: string;
  description: string;
  plugin: string;
  width: number;
  height: number;
  schema: JsonSchema;
}

export interface JsonSchema {
  type?: string | string[];
  title?: string;
  description?: string;
  default?: unknown;
  enum?: unknown[];
  anyOf?: JsonSchema[];
  items?: JsonSchema;
  properties?: Record<string, JsonSchema>;
  required?: string[];
  minimum?: number;
  maximum?: number;
}

interface Titled {
  title: string;
}

export interface Stat extends Titled {
  shape: "stat";
  name: string;
  value: number | string | null;
  unit: string;
  detail: string;
  color: Colour;
  threshold_warning: number | null;
  threshold_critical: number | null;
  spark: [number, number | null][];
}

export interface Gauge extends Titled {
  shape: "gauge";
  name: string;
  value: number | null;
  unit: string;
  detail: string;
  color: Colour;
  min: number;
  max: number;
  threshold_warning: number | null;
  threshold_critical: number | null;
}

export interface Series extends Titled {
  shape: "series";
  unit: string;
  chart: "line" | "area" | "bars";
  stacked: boolean;
  times: number[];
  lines: { name: string; title: string; values: (number | null)[]; color: Colour }[];
  threshold_warning: number | null;
  threshold_critical: number | null;
  marks: { start: number; end: number | null; title: string; color: Colour }[];
}

export interface Bars extends Titled {
  shape: "bar";
  unit: string;
  bars: { name: string; value: number | null; detail: string; color: Colour }[];
}

export interface Pie extends Titled {
  shape: "pie";
  unit: string;
  slices: { name: string; value: number | null; color: Colour }[];
}

export interface Heatmap extends Titled {
  shape: "heatmap";
  unit: string;
  times: number[];
  bounds: (number | null)[];
  counts: number[][];
}

export interface Column {
  name: string;
  title: string;
  kind: "text" | "number" | "status" | "severity" | "time" | "component" | "bool";
  unit: string;
}

export type Cell = string | number | boolean | null | Status | Severity;

export interface Table extends Titled {
  shape: "table";
  columns: Column[];
  rows: Cell[][];
}

export interface Timeline extends Titled {
  shape: "timeline";
  start: number;
  end: number;
  rows: { name: string; title: string; spans: { start: number; end: number; status: Status; text: string }[] }[];
}

export interface TextShape extends Titled {
  shape: "text";
  text: string;
  tone: "normal" | "good" | "warning" | "bad";
}

export interface Waterfall extends Titled {
  shape: "waterfall";
  unit: string;
  total: number | null;
  spans: { name: string; start: number; duration: number; detail: string; color: Colour }[];
}

export interface Waiting extends Titled {
  shape: "waiting";
  message: string;
  connect: string;
  language: string;
  link: string;
}

export type Shape = Stat | Gauge | Series | Bars | Pie | Heatmap | Table | Timeline | TextShape | Waterfall | Waiting;
