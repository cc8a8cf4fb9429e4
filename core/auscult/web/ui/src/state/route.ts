// Where the page is: everything behind the `#`, so that it works wherever auscult is mounted.
import { computed, signal } from "@preact/signals";

export interface Route {
  /** Decoded segments: `#/components/redis` -> `["components", "redis"]`. */
  segments: string[];
  query: URLSearchParams;
}

function parse(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#?\/?/, "").split("?", 2);
  return { segments: path.split("/").filter(Boolean).map(decoded), query: new URLSearchParams(query) };
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

export const route = signal<Route>(parse(location.hash));

/** The first segment: which page. */
export const page = computed(() => route.value.segments[0] ?? "overview");

addEventListener("hashchange", () => {
  route.value = parse(location.hash);
});

/** `href` of a place in the page. */
export function href(...segments: string[]): string {
  return `#/${segments.map(encodeURIComponent).join("/")}`;
}

export function go(where: string): void {
  location.hash = where;
}

/** Set parameters of the present place without a new entry in the history. */
export function setQuery(changes: Record<string, string | null>): void {
  const query = new URLSearchParams(route.value.query);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === "") query.delete(name);
    else query.set(name, value);
  }
  const text = query.toString();
  const place = href(...route.value.segments);
  history.replaceState(null, "", text ? `${place}?${text}` : place);
  route.value = { segments: route.value.segments, query };
}
