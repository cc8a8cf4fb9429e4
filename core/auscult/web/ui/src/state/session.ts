// Who looks at the page, and what that person may do.
import { computed, signal } from "@preact/signals";
import { ApiError, credentials, get, post } from "../api/client";
import type { Role, Session } from "../api/types";

/** `null` until the server has said; `authenticated` false means: show the login. */
export const session = signal<Session | null>(null);
export const sessionError = signal("");

const RANK: Record<Role, number> = { viewer: 0, operator: 1, admin: 2 };

const rank = computed(() => RANK[session.value?.role ?? "viewer"]);

/** Whether the person may do what needs `role`. */
export function may(role: Role): boolean {
  return rank.value >= RANK[role];
}

let asking: Promise<void> | null = null;

/** Ask again; several callers share one request. */
export function loadSession(): Promise<void> {
  asking ??= ask().finally(() => {
    asking = null;
  });
  return asking;
}

async function ask(): Promise<void> {
  try {
    take(await get<Session>("/api/v1/session"));
    sessionError.value = "";
  } catch (error) {
    sessionError.value = error instanceof ApiError ? error.message : String(error);
  }
}

function take(found: Session): void {
  credentials.csrf = found.csrf;
  session.value = found;
}

export async function logIn(name: string, password: string): Promise<void> {
  take(await post<Session>("/api/v1/login", { name, password }));
}

export async function logOut(): Promise<void> {
  await post("/api/v1/logout");
  await loadSession();
}

credentials.onUnauthorized = () => {
  if (session.value?.authenticated) void loadSession();
};
