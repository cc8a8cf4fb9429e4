// What the server says, as docs/reference has it. Times are RFC 3339 unless a name ends in _ms.

export type Status = "healthy" | "degraded" | "unhealthy" | "unknown" | "maintenance";
export type Severity = "critical" | "high" | "medium" | "low" | "info";
export type Trend = "improving" | "stable" | "worsening" | "unknown";
export type Role = "viewer" | "operator" | "admin";
export type AlertStatus = "active" | "acknowledged" | "resolved" | "suppressed";
export type DeliveryState = string;

export interface System {
  status: Status;
  message: string;
  last_check: string | null;
  healthy_components: number;
  total_components: number;
  health_percentage: number;
  health_score: number;
}

export interface Component {
  name: string;
  type: string;
  group: string;
  status: Status;
  message: string;
  last_check: string | null;
  since: string | null;
  response_time_ms: number | null;
  success_rate: number | null;
  error_rate: number | null;
  p50_ms: number | null;
  p95_ms: number | null;
  p99_ms: number | null;
  window_results: number;
  consecutive_failures: number;
  consecutive_successes: number;
  reasons: string[];
  trend: Trend;
  trends: Record<string, Trend>;
  flapping: boolean;
  stale: boolean;
  uptime: Record<string, number | null>;
  measurements: Record<string, number>;
  stages: Record<string, number>;
  origin: string | null;
  labels: Record<string, string>;
  runbook: string;
  critical: boolean;
  weight: number;
  depends_on: string[];
  blamed_on: string[];
  counted: boolean;
}

export interface Result {
  id?: number | null;
  time: string;
  status: Status;
  response_time_ms: number | null;
  message: string;
  origin: string;
  duration?: number;
  measurements?: Record<string, number>;
  stages?: Record<string, number>;
}

export interface ResultList {
  results: Result[];
  next: number | null;
}

/** The recent results of one component, the oldest first; `messages` has those of results that are not healthy. */
export interface RecentResults {
  name: string;
  times_ms: number[];
  statuses: Status[];
  response_times_ms: (number | null)[];
  messages: Record<string, string>;
}

export interface Acknowledgement {
  author: string;
  at: string;
  note: string;
  until: string | null;
}

export interface Alert {
  id: string;
  name: string;
  severity: Severity;
  status: AlertStatus;
  message: string;
  component: string;
  component_type: string;
  created_at: string;
  updated_at: string;
  labels: Record<string, string>;
  resolved_at: string | null;
  resolution: string;
  number: number;
  episodes: number;
  values: Record<string, number | string>;
  acknowledged: Acknowledgement | null;
  suppressed_by: string;
  cause: string;
  affected: string[];
  runbook: string;
  generator: string;
}

export interface AlertList {
  alerts: Alert[];
  next_before: string | null;
  next_before_id: string | null;
}

/** One thing that somebody did. */
export interface Audit {
  id: number;
  at: string;
  who: string;
  action: string;
  target: string;
  details: string;
}

export interface AlertChange {
  kind: string;
  number: number;
  at: string;
  by: string;
  note: string;
  status?: AlertStatus;
  severity?: Severity;
  message?: string;
}

export interface AlertDetail {
  alert: Alert;
  changes: AlertChange[];
}

export interface Matcher {
  name: string;
  value: string;
  negative: boolean;
}

export interface Silence {
  id: string;
  matchers: Matcher[];
  starts_at: string;
  ends_at: string;
  created_at: string;
  author: string;
  comment: string;
  ended_by: string;
}

export interface Delivery {
  key: string;
  alert: string;
  number: number;
  channel: string;
  state: DeliveryState;
  attempts: number;
  due: string;
  done_at: string | null;
  error: string;
  into: string;
  change: string;
  at: string;
  rule: string;
  component: string;
  labels: Record<string, string>;
  severity: Severity;
  message: string;
}

export interface Channel {
  name: string;
  kind: string;
  best_effort: boolean;
  delivered: number;
  failed: number;
  given_up: number;
  in_flight: number;
  waiting: number;
  last_error: string;
  failing_since: string | null;
  paused: boolean;
}

export interface Tested {
  delivered: boolean;
  seconds: number | null;
  error: string;
}

export interface Change {
  time: string;
  kind: "status" | "alert";
  component: string;
  message: string;
  old?: Status;
  new?: Status;
  alert?: string;
  rule?: string;
  severity?: Severity;
  change?: string;
  by?: string;
}

export interface PercentilePoint {
  time: string;
  count: number;
  p50_ms: number | null;
  p95_ms: number | null;
  p99_ms: number | null;
  stages: Record<string, number>;
}

export interface Percentiles {
  component: string;
  start: string;
  end: string;
  points: PercentilePoint[];
}

export interface Plugin {
  name: string;
  distribution: string;
  version: string;
  ok: boolean;
  kinds: Record<string, string[]>;
  missing: string[];
}

export interface Problem {
  plugin: string;
  distribution: string;
  version: string;
  stage: string;
  message: string;
  remedy: string;
}

export interface Plugins {
  plugins: Plugin[];
  problems: Problem[];
}

export interface Finding {
  key: string;
  message: string;
}

export interface ReloadPlan {
  added: string[];
  changed: string[];
  removed: string[];
  other: string[];
  errors?: Finding[];
}

export interface Session {
  authenticated: boolean;
  name: string | null;
  role: Role | null;
  via: "session" | "token" | "local" | "host" | null;
  csrf: string | null;
  expires_at: string | null;
  login: { password: boolean; oidc: string | null };
  status_page: boolean;
  version: string;
  now_ms: number;
}
