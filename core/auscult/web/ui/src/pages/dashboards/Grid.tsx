// Twelve columns; panels flow from left to right and wrap.
import type { ComponentChildren } from "preact";

export const COLUMNS = 12;
export const ROW_PX = 64;

export function Grid({ children }: { children: ComponentChildren }) {
  return <div class="panel-grid">{children}</div>;
}

interface Props {
  width: number;
  height: number;
  children: ComponentChildren;
  [more: `data-${string}`]: string | undefined;
}

export function GridCell({ width, height, children, ...more }: Props) {
  const columns = Math.min(Math.max(width, 1), COLUMNS);
  return (
    <div
      class={`panel-cell ${columns <= 3 ? "narrow" : ""}`}
      style={{ "--columns": String(columns), minHeight: `${Math.max(height, 1) * ROW_PX}px` }}
      {...more}
    >
      {children}
    </div>
  );
}
