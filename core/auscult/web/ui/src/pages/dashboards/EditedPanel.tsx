// A panel in the editor: with its data as it would be, and what moves, sizes and sets it up.
import { useEffect, useState } from "preact/hooks";
import { ApiError, post } from "../../api/client";
import type { PanelData, PanelDefinition, PanelKind } from "../../api/dashboards";
import { TextField } from "../../parts/Fields";
import { Empty, Fault, Loading } from "../../parts/states";
import { plain } from "../../words";
import { changePanel, type Draft, movePanel, removePanel, resizePanel } from "./draft";
import { COLUMNS, GridCell } from "./Grid";
import { OptionsForm } from "./OptionsForm";
import { PanelBox } from "./PanelBox";

export interface Drag {
  dragged: string;
  start: () => void;
  end: () => void;
  over: () => void;
}

interface Props {
  panel: PanelDefinition;
  place: number;
  draft: Draft;
  kind: PanelKind | undefined;
  change: (next: Draft, words: string) => void;
  open: boolean;
  toggle: () => void;
  drag: Drag;
}

export function EditedPanel({ panel, place, draft, kind, change, open, toggle, drag }: Props) {
  const missing = (kind?.schema.required ?? []).filter((name) => panel.options[name] === undefined);
  const preview = usePreview(panel, draft, missing.length === 0);
  const title = panel.title || kind?.title || panel.id;
  return (
    <GridCell width={panel.width} height={panel.height} data-panel={panel.id}>
      <div
        class={`edited ${drag.dragged === panel.id ? "dragged" : ""}`}
        onDragOver={(event) => {
          event.preventDefault();
          drag.over();
        }}
        onDrop={(event) => event.preventDefault()}
      >
        <div class="edit-bar" role="toolbar" aria-label={`Edit ${title}`}>
          <span
            class="grip"
            draggable
            title="Drag to another place"
            aria-hidden="true"
            onDragStart={(event) => {
              event.dataTransfer?.setData("text/plain", panel.id);
              drag.start();
            }}
            onDragEnd={drag.end}
          >
            ⠿
          </span>
          <Tool
            label={`Move ${title} before`}
            sign="←"
            disabled={place === 0}
            act={() => change(movePanel(draft, panel.id, place - 1), `${title} is now number ${place}`)}
          />
          <Tool
            label={`Move ${title} after`}
            sign="→"
            disabled={place === draft.panels.length - 1}
            act={() => change(movePanel(draft, panel.id, place + 1), `${title} is now number ${place + 2}`)}
          />
          <span class="edit-gap" />
          <Tool
            label={`Make ${title} narrower`}
            sign="⇥"
            disabled={panel.width <= 1}
            act={() => change(resizePanel(draft, panel.id, -1, 0), `${title}: ${panel.width - 1} columns`)}
            mirrored
          />
          <Tool
            label={`Make ${title} wider`}
            sign="⇥"
            disabled={panel.width >= COLUMNS}
            act={() => change(resizePanel(draft, panel.id, 1, 0), `${title}: ${panel.width + 1} columns`)}
          />
          <Tool
            label={`Make ${title} lower`}
            sign="↥"
            disabled={panel.height <= 1}
            act={() => change(resizePanel(draft, panel.id, 0, -1), `${title}: ${panel.height - 1} rows`)}
          />
          <Tool
            label={`Make ${title} taller`}
            sign="↧"
            disabled={false}
            act={() => change(resizePanel(draft, panel.id, 0, 1), `${title}: ${panel.height + 1} rows`)}
          />
          <span class="edit-size soft">
            {panel.width} × {panel.height}
          </span>
          <span class="edit-gap" />
          <button type="button" class="button small" aria-expanded={open} onClick={toggle}>
            Set up
          </button>
          <Tool
            label={`Remove ${title}`}
            sign="×"
            disabled={false}
            act={() => change(removePanel(draft, panel.id), `${title} removed`)}
          />
        </div>
        {open ? (
          <div class="card form edit-form">
            <TextField
              label="Title"
              value={panel.title}
              set={(next) => change(changePanel(draft, panel.id, { title: next }), "")}
            />
            <TextField
              label="Description"
              value={panel.description}
              set={(next) => change(changePanel(draft, panel.id, { description: next }), "")}
            />
            {kind ? (
              <OptionsForm
                schema={kind.schema}
                options={panel.options}
                set={(options) => change(changePanel(draft, panel.id, { options }), "")}
              />
            ) : (
              <p class="soft">No plugin brings a panel of the kind “{panel.panel}”.</p>
            )}
          </div>
        ) : null}
        {missing.length > 0 ? (
          <div class="card">
            <Empty title={title}>It still needs: {missing.map(plain).join(", ")}.</Empty>
          </div>
        ) : null}
        {preview.error ? <Fault error={preview.error} /> : null}
        {missing.length > 0 ? null : preview.data ? (
          <PanelBox
            panel={{ ...preview.data, title, layout: { width: panel.width, height: panel.height } }}
            span={preview.span}
          />
        ) : preview.error ? null : (
          <div class="card">
            <Loading lines={2} />
          </div>
        )}
      </div>
    </GridCell>
  );
}

interface ToolProps {
  label: string;
  sign: string;
  disabled: boolean;
  mirrored?: boolean;
  act: () => void;
}

function Tool({ label, sign, disabled, mirrored = false, act }: ToolProps) {
  return (
    <button type="button" class="tool" aria-label={label} title={label} disabled={disabled} onClick={act}>
      <span class={mirrored ? "mirrored" : ""} aria-hidden="true">
        {sign}
      </span>
    </button>
  );
}

interface Preview {
  data: PanelData | null;
  error: ApiError | null;
  span: [number, number];
}

const LENGTHS: Record<string, number> = { s: 1e3, m: 6e4, h: 36e5, d: 864e5 };

function lengthOf(range: string): number {
  const match = /^(\d+)([smhd])$/.exec(range);
  return match ? Number(match[1]) * (LENGTHS[match[2] ?? "h"] ?? 36e5) : 6 * 36e5;
}

/** The data of a panel that is not saved, once somebody has stopped typing. */
function usePreview(panel: PanelDefinition, draft: Draft, complete: boolean): Preview {
  const [state, setState] = useState<Preview>({ data: null, error: null, span: [0, 1] });
  const { title: _title, width: _width, height: _height, ...asked } = panel;
  const key = JSON.stringify([asked, draft.time_range, complete]);
  useEffect(() => {
    if (!complete) return;
    let wanted = true;
    const variables = Object.fromEntries(draft.variables.map((variable) => [variable.name, variable.default]));
    const timer = setTimeout(
      () => {
        post<PanelData>("/api/v1/dashboards/preview", { panel, range: draft.time_range, variables }).then(
          (data) => {
            const now = Date.now();
            if (wanted) setState({ data, error: null, span: [now - lengthOf(draft.time_range), now] });
          },
          (thrown: unknown) => {
            if (wanted)
              setState((before) => ({
                ...before,
                error: thrown instanceof ApiError ? thrown : new ApiError(0, String(thrown)),
              }));
          },
        );
      },
      state.data ? 400 : 0,
    );
    return () => {
      wanted = false;
      clearTimeout(timer);
    };
  }, [key]);
  return state;
}
