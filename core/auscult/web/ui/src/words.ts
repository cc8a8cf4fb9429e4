// The words for what the server names: states, severities, changes.
import type { AlertStatus, Severity, Status, Trend } from "./api/types";

export const STATUS: Record<Status, string> = {
  healthy: "healthy",
  degraded: "degraded",
  unhealthy: "unhealthy",
  unknown: "unknown",
  maintenance: "maintenance",
};

/** How bad, for what comes first. */
export const BADNESS: Record<Status, number> = { healthy: 0, maintenance: 0, unknown: 1, degraded: 2, unhealthy: 3 };

export const SEVERITIES: Severity[] = ["critical", "high", "medium", "low", "info"];

export const TREND: Record<Trend, string> = {
  improving: "improving",
  stable: "stable",
  worsening: "worsening",
  unknown: "–",
};

export const ALERT_STATUS: Record<AlertStatus, string> = {
  active: "active",
  acknowledged: "acknowledged",
  resolved: "resolved",
  suppressed: "suppressed",
};

const CHANGES: Record<string, string> = {
  fired: "fired",
  reopened: "fired again",
  updated: "went on",
  acknowledged: "was acknowledged",
  unacknowledged: "was given back",
  resolved: "was resolved",
  suppressed: "was suppressed",
  unsuppressed: "is no longer suppressed",
  noted: "got a note",
  escalated: "was escalated",
  reminded: "was told again",
};

export function change(kind: string): string {
  return CHANGES[kind] ?? kind.replaceAll("_", " ");
}

const LEVELS: Record<string, string> = {
  response_time_ms: "response time",
  success_rate_percent: "success rate",
  error_rate_percent: "error rate",
  memory_usage_percent: "memory",
  cpu_usage_percent: "CPU",
  disk_usage_percent: "disk",
};

/** A name of the API's for people: `time_to_first_token_seconds` -> `time to first token`. */
export function level(name: string): string {
  return LEVELS[name] ?? plain(name);
}

export function plain(name: string): string {
  return name.replaceAll("_", " ");
}
