// Changing a dashboard: panels are added, moved, resized, set up, removed; nothing is saved before somebody says so.
import { useEffect, useState } from "preact/hooks";
import { ApiError, path, put } from "../../api/client";
import type { DashboardDefinition, PanelKind } from "../../api/dashboards";
import { useDoing } from "../../parts/Action";
import { TextField } from "../../parts/Fields";
import { Empty, Fault, Loading } from "../../parts/states";
import { useFetched } from "../../state/fetched";
import { go, href } from "../../state/route";
import { AddPanel } from "./AddPanel";
import { addPanel, type Draft, movePanel, setVariables, written } from "./draft";
import { EditedPanel } from "./EditedPanel";
import { Grid } from "./Grid";
import { RANGES } from "./View";
import { VariablesEditor } from "./VariablesEditor";

export function Edit({ ident }: { ident: string }) {
  const found = useFetched<DashboardDefinition>(`/api/v1/dashboards${path(ident)}`);
  const kinds = useFetched<{ panels: PanelKind[] }>("/api/v1/panels");
  if (found.error) return <Fault error={found.error} retry={found.reload} />;
  if (kinds.error) return <Fault error={kinds.error} retry={kinds.reload} />;
  if (!found.data || !kinds.data) return <Loading lines={6} />;
  return <Editor key={found.data.revision} saved={found.data} kinds={kinds.data.panels} again={found.reload} />;
}

function Editor({ saved, kinds, again }: { saved: DashboardDefinition; kinds: PanelKind[]; again: () => void }) {
  const [draft, setDraft] = useState<Draft>(saved);
  const [open, setOpen] = useState("");
  const [dragged, setDragged] = useState("");
  const [told, setTold] = useState("");
  const doing = useDoing();
  const changed = JSON.stringify(draft) !== JSON.stringify(saved);
  useUnsaved(changed);

  const change = (next: Draft, words: string) => {
    setDraft(next);
    setTold(words);
  };
  const save = () =>
    void doing
      .run(() => put(`/api/v1/dashboards${path(saved.id)}`, written(draft)))
      .then((worked) => worked && go(href("dashboards", saved.id)));
  const add = (kind: PanelKind) => {
    const [next, id] = addPanel(draft, kind);
    change(next, `${kind.title} added at the end`);
    setOpen(id);
  };
  return (
    <div class="editor">
      <header class="dashboard-head">
        <h1 class="page-title">Edit {saved.title}</h1>
        <div class="dashboard-tools">
          <span class="soft">{changed ? "not saved yet" : "no change"}</span>
          <button type="button" class="button primary" disabled={!changed || doing.busy} onClick={save}>
            Save
          </button>
          <a class="button" href={href("dashboards", saved.id)}>
            {changed ? "Discard" : "Back"}
          </a>
        </div>
      </header>
      {doing.error ? <SaveFault error={doing.error} again={again} /> : null}
      <Settings draft={draft} set={(next) => change(next, "")} />
      <p class="visually-hidden" role="status">
        {told}
      </p>
      {draft.panels.length === 0 ? <Empty title="No panel yet.">Choose one below.</Empty> : null}
      <Grid>
        {draft.panels.map((panel, place) => (
          <EditedPanel
            key={panel.id}
            panel={panel}
            place={place}
            draft={draft}
            kind={kinds.find((kind) => kind.kind === panel.panel)}
            change={change}
            open={open === panel.id}
            toggle={() => setOpen(open === panel.id ? "" : panel.id)}
            drag={{
              dragged,
              start: () => setDragged(panel.id),
              end: () => setDragged(""),
              over: () => {
                if (dragged && dragged !== panel.id) setDraft(movePanel(draft, dragged, place));
              },
            }}
          />
        ))}
      </Grid>
      <AddPanel kinds={kinds} add={add} />
    </div>
  );
}

/** Leaving with changes that are not saved asks first. */
function useUnsaved(changed: boolean): void {
  useEffect(() => {
    if (!changed) return;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    addEventListener("beforeunload", ask);
    return () => removeEventListener("beforeunload", ask);
  }, [changed]);
}

function SaveFault({ error, again }: { error: ApiError; again: () => void }) {
  if (error.status !== 409) return <Fault error={error} />;
  return (
    <div class="fault" role="alert">
      <p>
        Somebody else has saved this dashboard meanwhile. Your changes are still here, but cannot be saved over theirs.
      </p>
      <button type="button" class="button" onClick={again}>
        Begin anew from what they saved
      </button>
    </div>
  );
}

function Settings({ draft, set }: { draft: Draft; set: (next: Draft) => void }) {
  return (
    <details class="card settings-card">
      <summary>Title, time range, variables</summary>
      <div class="form">
        <TextField label="Title" value={draft.title} set={(title) => set({ ...draft, title })} required />
        <TextField
          label="Description"
          value={draft.description}
          set={(description) => set({ ...draft, description })}
        />
        <TextField
          label="Time range"
          value={draft.time_range}
          set={(time_range) => set({ ...draft, time_range })}
          list={RANGES.map((range) => range.value)}
          hint="How far back from now: 15m, 1h, 6h, 7d."
        />
        <TextField
          label="Asked for again every"
          value={draft.refresh_interval === null ? "" : String(draft.refresh_interval)}
          set={(text) => set({ ...draft, refresh_interval: text === "" ? null : text })}
          hint="Like 10s or 1m; empty: as configured."
        />
        <VariablesEditor variables={draft.variables} set={(variables) => set(setVariables(draft, variables))} />
      </div>
    </details>
  );
}
