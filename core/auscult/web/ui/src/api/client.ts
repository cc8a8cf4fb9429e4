// Requests: one way to ask, one kind of error, the session's CSRF token on every change.

const meta = document.querySelector<HTMLMetaElement>('meta[name="auscult-root"]');
const told = meta?.content ?? "";

/** The path that auscult is mounted at, without a slash at its end. */
export const root = told.startsWith("{{") ? "" : told;

/** What the client needs to know of the session; state/session.ts sets it. */
export const credentials = { csrf: null as string | null, onUnauthorized: () => {} };

const PATIENCE_MS = 20_000;

export class ApiError extends Error {
  constructor(
    /** The HTTP status; 0 when the server could not be reached. */
    readonly status: number,
    message: string,
    readonly findings: { key: string; message: string }[] = [],
  ) {
    super(message);
  }
}

/** The address of a path of auscult's. */
export function url(path: string): string {
  return root + path;
}

/** Joins path segments, each encoded. */
export function path(...segments: string[]): string {
  return segments.map((segment) => `/${encodeURIComponent(segment)}`).join("");
}

export function get<T>(where: string): Promise<T> {
  return request<T>("GET", where);
}

export function post<T>(where: string, body: unknown = {}): Promise<T> {
  return request<T>("POST", where, body);
}

export function put<T>(where: string, body: unknown): Promise<T> {
  return request<T>("PUT", where, body);
}

export function remove<T>(where: string): Promise<T> {
  return request<T>("DELETE", where);
}

async function request<T>(method: string, where: string, body?: unknown): Promise<T> {
  const headers: Record<string, string> = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (method !== "GET" && credentials.csrf) headers["X-CSRF-Token"] = credentials.csrf;
  let reply: Response;
  try {
    reply = await fetch(url(where), {
      method,
      headers,
      credentials: "same-origin",
      cache: "no-store",
      body: body === undefined ? null : JSON.stringify(body),
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
  } catch {
    throw new ApiError(0, "The server does not answer.");
  }
  if (reply.ok) return (reply.status === 204 ? undefined : await reply.json()) as T;
  if (reply.status === 401) credentials.onUnauthorized();
  throw await failure(reply);
}

async function failure(reply: Response): Promise<ApiError> {
  try {
    const problem = (await reply.json()) as { detail?: string; errors?: { key: string; message: string }[] };
    return new ApiError(reply.status, problem.detail ?? `The server answered ${reply.status}.`, problem.errors ?? []);
  } catch {
    return new ApiError(reply.status, `The server answered ${reply.status}.`);
  }
}
