// A dashboard that is being changed: pure steps from one definition to the next.
import type { DashboardDefinition, PanelDefinition, PanelKind, VariableDefinition } from "../../api/dashboards";
import { COLUMNS } from "./Grid";

export type Draft = DashboardDefinition;

export const TALLEST = 20;

export function changePanel(draft: Draft, id: string, change: Partial<PanelDefinition>): Draft {
  return { ...draft, panels: draft.panels.map((panel) => (panel.id === id ? { ...panel, ...change } : panel)) };
}

export function resizePanel(draft: Draft, id: string, wider: number, taller: number): Draft {
  const panel = draft.panels.find((found) => found.id === id);
  if (!panel) return draft;
  const width = Math.min(Math.max(panel.width + wider, 1), COLUMNS);
  const height = Math.min(Math.max(panel.height + taller, 1), TALLEST);
  return changePanel(draft, id, { width, height });
}

/** Put a panel in the place of another. */
export function movePanel(draft: Draft, id: string, to: number): Draft {
  const from = draft.panels.findIndex((panel) => panel.id === id);
  const panel = draft.panels[from];
  if (!panel || to < 0 || to >= draft.panels.length) return draft;
  const panels = draft.panels.filter((other) => other.id !== id);
  panels.splice(to, 0, panel);
  return { ...draft, panels };
}

export function removePanel(draft: Draft, id: string): Draft {
  return { ...draft, panels: draft.panels.filter((panel) => panel.id !== id) };
}

export function addPanel(draft: Draft, kind: PanelKind): [Draft, string] {
  const taken = new Set(draft.panels.map((panel) => panel.id));
  const stem = kind.kind.replaceAll("-", "_");
  let id = stem;
  for (let n = 2; taken.has(id); n += 1) id = `${stem}_${n}`;
  const panel = {
    id,
    title: kind.title,
    description: "",
    panel: kind.kind,
    width: kind.width,
    height: kind.height,
    options: {},
  };
  return [{ ...draft, panels: [...draft.panels, panel] }, id];
}

export function setVariables(draft: Draft, variables: VariableDefinition[]): Draft {
  return { ...draft, variables };
}

/** What the server is sent: a title that is empty means the kind's own, and is left out. */
export function written(draft: Draft): Draft {
  return { ...draft, variables: draft.variables.filter((variable) => variable.name !== "") };
}
