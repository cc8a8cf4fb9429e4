// What the status page is told.
import type { Status } from "../api/types";

export interface Day {
  date: string;
  status: Status;
  uptime: number | null;
}

export interface PublicComponent {
  id: string;
  name: string;
  status: Status;
  since: string | null;
  uptime_90d: number | null;
  days: Day[];
}

export interface PublicGroup {
  name: string;
  status: Status;
  components: PublicComponent[];
}

export interface Incident {
  id: string;
  kind: string;
  title: string;
  state: string;
  components: string[];
  started_at: string;
  ended_at: string | null;
  updates: { at: string; state: string; text: string }[];
}

export interface Announcement {
  id: string;
  title: string;
  text: string;
  starts_at: string | null;
  ends_at: string | null;
}

export interface PublicStatus {
  title: string;
  description: string;
  status: Status;
  message: string;
  updated_at: string;
  groups: PublicGroup[];
  incidents: Incident[];
  announcements: Announcement[];
}
