// What the browser's tab shows: how things are, in its title and as a sign of its own for each state.
import { effect } from "@preact/signals";
import type { Status } from "./api/types";
import { counted, system } from "./state/components";
import { stale } from "./state/live";

const SIGNS: Record<Status, { colour: string; path: string }> = {
  healthy: { colour: "#1f7a58", path: "M5 17h5l2.5-7 5 13 3-9 1.5 3H27" },
  degraded: { colour: "#b86f00", path: "M16 7v11M16 24v.5" },
  unhealthy: { colour: "#c62f35", path: "M10 10l12 12M22 10L10 22" },
  unknown: { colour: "#66717d", path: "M12 13a4 4 0 1 1 5 4c-1 .4-1 1-1 2M16 24v.3" },
  maintenance: { colour: "#5a5fc0", path: "M12 10v12M20 10v12" },
};

function icon(status: Status): string {
  const { colour, path } = SIGNS[status];
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="8" fill="${colour}"/>` +
    `<path d="${path}" fill="none" stroke="#fff" stroke-width="3.2" stroke-linecap="round" stroke-linejoin="round"/></svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}

/** Keep the tab as the system is, from now on. */
export function keepTab(): void {
  const link = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
  effect(() => {
    const bad = counted.value.filter(({ status }) => status === "unhealthy" || status === "degraded").length;
    const verdict = system.value?.status;
    const words = stale.value ? "no answer" : verdict === undefined ? "" : bad > 0 ? `${bad} ${verdict}` : verdict;
    document.title = words ? `${words} · auscult` : "auscult";
    if (link && verdict !== undefined) link.href = icon(stale.value ? "unknown" : verdict);
  });
}
