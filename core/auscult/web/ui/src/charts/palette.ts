// Colours of lines: told apart by people who see colours differently (after Okabe and Ito), in light and dark.
import { signal } from "@preact/signals";
import type { Colour } from "../api/dashboards";

/** Grows when light becomes dark or the reverse: canvases have to be drawn again. */
export const themed = signal(0);

const query = matchMedia("(prefers-color-scheme: dark)");
query.addEventListener("change", () => (themed.value += 1));
document.documentElement.addEventListener("themechange", () => (themed.value += 1));

/** The value that a custom property has now; `light-dark()` is resolved by asking an element for its colour. */
export function token(name: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  probe.hidden = true;
  document.body.append(probe);
  const colour = getComputedStyle(probe).color;
  probe.remove();
  return colour;
}

const NAMED: Partial<Record<Colour, string>> = {
  green: "--healthy-fill",
  yellow: "--degraded-fill",
  red: "--unhealthy-fill",
  blue: "--line-1",
  gray: "--unknown-fill",
};

const LINES = 8;

/** The custom property for the colour of the nth line, bar or slice. */
export function lineToken(n: number, colour: Colour = ""): string {
  return NAMED[colour] ?? `--line-${(n % LINES) + 1}`;
}

/** The word for a colour that means a state, so that it is never colour alone. */
export const MEANING: Partial<Record<Colour, "healthy" | "degraded" | "unhealthy" | "unknown">> = {
  green: "healthy",
  yellow: "degraded",
  red: "unhealthy",
  gray: "unknown",
};
