// One tooltip for the page, for what is drawn and has no words of its own.
import { signal } from "@preact/signals";

interface Shown {
  x: number;
  y: number;
  title: string;
  lines: string[];
}

const shown = signal<Shown | null>(null);

export function showTip(at: DOMRect, title: string, lines: string[]): void {
  shown.value = { x: at.left + at.width / 2, y: at.top, title, lines };
}

export function hideTip(): void {
  shown.value = null;
}

addEventListener("scroll", hideTip, { passive: true, capture: true });
addEventListener("hashchange", hideTip);

const WIDTH = 260;

export function Tip() {
  const tip = shown.value;
  if (!tip) return null;
  const half = WIDTH / 2;
  const left = Math.min(Math.max(tip.x, half + 8), innerWidth - half - 8);
  const below = tip.y < 120;
  return (
    <div
      class={`tip ${below ? "below" : ""}`}
      aria-hidden="true"
      style={{ left: `${left}px`, top: `${below ? tip.y + 30 : tip.y - 8}px` }}
    >
      <strong>{tip.title}</strong>
      {tip.lines.map((line, n) => (
        <div key={n}>{line}</div>
      ))}
    </div>
  );
}
