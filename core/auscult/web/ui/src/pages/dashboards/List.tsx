// All dashboards, and ways to make another.
import { useRef, useState } from "preact/hooks";
import { ApiError, post } from "../../api/client";
import type { DashboardDefinition, DashboardSummary } from "../../api/dashboards";
import { useDoing } from "../../parts/Action";
import { TextField } from "../../parts/Fields";
import { Moment } from "../../parts/Moment";
import { Empty, Fault, Loading } from "../../parts/states";
import { useFetched } from "../../state/fetched";
import { beginnings } from "../../state/live";
import { go, href } from "../../state/route";
import { may } from "../../state/session";

const ORIGIN: Record<string, string> = {
  plugin: "shipped",
  configuration: "from the configuration",
  code: "made in code",
  custom: "made here",
};

export function List() {
  const found = useFetched<{ dashboards: DashboardSummary[] }>("/dashboards", [beginnings.value]);
  return (
    <>
      <div class="between">
        <h1 class="page-title">Dashboards</h1>
        {may("operator") ? <Making /> : null}
      </div>
      {found.error && !found.data ? <Fault error={found.error} retry={found.reload} /> : null}
      {found.loading ? <Loading lines={4} /> : null}
      {found.data?.dashboards.length === 0 ? <Empty title="There is no dashboard yet." /> : null}
      <div class="grid-cards">
        {found.data?.dashboards.map((dashboard) => (
          <a key={dashboard.id} class="card dashboard-card" href={href("dashboards", dashboard.id)}>
            <h2>{dashboard.title}</h2>
            <p>{dashboard.description}</p>
            <p class="soft">
              {ORIGIN[dashboard.origin] ?? dashboard.origin}
              {dashboard.changed ? ", changed" : ""}
              {dashboard.origin === "custom" || dashboard.changed ? (
                <>
                  {" · "}
                  <Moment at={dashboard.updated_at} />
                </>
              ) : null}
            </p>
          </a>
        ))}
      </div>
    </>
  );
}

function Making() {
  const [naming, setNaming] = useState(false);
  const [title, setTitle] = useState("");
  const doing = useDoing();
  const file = useRef<HTMLInputElement>(null);
  const create = (event: Event) => {
    event.preventDefault();
    void doing.run(async () =>
      open(await post<DashboardDefinition>("/api/v1/dashboards", { title, panels: [] }), true),
    );
  };
  const take = () => {
    const chosen = file.current?.files?.[0];
    if (!chosen) return;
    void doing.run(async () =>
      open(await post<DashboardDefinition>("/api/v1/dashboards", parsed(await chosen.text())), false),
    );
  };
  return (
    <div class="making">
      {naming ? (
        <form class="inline-form" onSubmit={create} aria-label="New dashboard">
          <TextField label="Title" value={title} set={setTitle} required focus />
          <button type="submit" class="button primary" disabled={doing.busy}>
            Make it
          </button>
          <button type="button" class="button" onClick={() => setNaming(false)}>
            Cancel
          </button>
        </form>
      ) : (
        <>
          <button type="button" class="button primary" onClick={() => setNaming(true)}>
            New dashboard
          </button>
          <button type="button" class="button" onClick={() => file.current?.click()}>
            Import
          </button>
          <input
            ref={file}
            class="visually-hidden"
            type="file"
            accept="application/json,.json"
            aria-label="File with a dashboard"
            tabIndex={-1}
            onChange={take}
          />
        </>
      )}
      {doing.error ? <Fault error={doing.error} /> : null}
    </div>
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ApiError(0, "The file is not JSON.");
  }
}

function open(made: DashboardDefinition, edit: boolean): void {
  go(edit ? href("dashboards", made.id, "edit") : href("dashboards", made.id));
}
