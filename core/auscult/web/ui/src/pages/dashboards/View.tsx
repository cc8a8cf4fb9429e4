// One dashboard with its data, asked for again as often as it wants.
import { useEffect, useState } from "preact/hooks";
import { path, post, remove, get, url } from "../../api/client";
import type { Dashboard, DashboardDefinition } from "../../api/dashboards";
import { Action } from "../../parts/Action";
import { Segments } from "../../parts/Fields";
import { Empty, Fault, Loading } from "../../parts/states";
import { useFetched } from "../../state/fetched";
import { beginnings } from "../../state/live";
import { go, href, route, setQuery } from "../../state/route";
import { may } from "../../state/session";
import { moment } from "../../format/time";
import { Grid, GridCell } from "./Grid";
import { PanelBox } from "./PanelBox";

export const RANGES = ["15m", "1h", "6h", "24h", "7d", "30d"].map((value) => ({
  value,
  title: value.replace(/(\d+)/, "$1 ").replace(/m$/, "min"),
}));

/** The parameters of the address that the server takes. */
function asked(query: URLSearchParams): string {
  const wanted = new URLSearchParams();
  for (const [name, value] of query)
    if (["range", "start", "end"].includes(name) || name.startsWith("var_")) wanted.set(name, value);
  const text = wanted.toString();
  return text ? `?${text}` : "";
}

export function View({ ident }: { ident: string }) {
  const parameters = asked(route.value.query);
  const [turn, setTurn] = useState(0);
  const found = useFetched<Dashboard>(`/dashboard${path(ident)}${parameters}`, [turn, beginnings.value]);
  const [kept, setKept] = useState<Dashboard | null>(null);
  useEffect(() => {
    if (found.data) setKept(found.data);
  }, [found.data]);
  const seconds = kept?.refresh_interval ?? 30;
  useEffect(() => {
    const timer = setInterval(() => !document.hidden && setTurn((n) => n + 1), Math.max(seconds, 2) * 1000);
    return () => clearInterval(timer);
  }, [seconds]);
  if (!kept) return found.error ? <Fault error={found.error} retry={found.reload} /> : <Loading lines={6} />;
  const zoom = (start: number, end: number) => setQuery({ range: null, start: String(start), end: String(end) });
  return (
    <div class="dashboard">
      <Head dashboard={kept} reload={() => setTurn((n) => n + 1)} />
      <Variables dashboard={kept} />
      {found.error ? <Fault error={found.error} retry={found.reload} /> : null}
      {kept.panels.length === 0 ? (
        <Empty title="This dashboard has no panel yet.">
          {kept.editable && may("operator") ? <a href={href("dashboards", ident, "edit")}>Add some</a> : null}
        </Empty>
      ) : null}
      <Grid>
        {kept.panels.map((panel) => (
          <GridCell key={panel.id} width={panel.layout.width} height={panel.layout.height}>
            <PanelBox
              panel={panel}
              span={[kept.time_range.start_ms, kept.time_range.end_ms]}
              zoom={zoom}
              source={`/api/v1/dashboards${path(ident)}/panels${path(panel.id)}`}
              parameters={parameters}
            />
          </GridCell>
        ))}
      </Grid>
    </div>
  );
}

function Head({ dashboard, reload }: { dashboard: Dashboard; reload: () => void }) {
  const { id, time_range: time } = dashboard;
  const copy = async () => {
    const definition = await get<DashboardDefinition>(`/api/v1/dashboards${path(id)}`);
    const { id: _id, revision: _revision, ...rest } = definition;
    const made = await post<DashboardDefinition>("/api/v1/dashboards", {
      ...rest,
      title: `${definition.title} (copy)`,
    });
    go(href("dashboards", made.id));
  };
  const drop = async () => {
    await remove(`/api/v1/dashboards${path(id)}`);
    if (dashboard.origin === "custom") go(href("dashboards"));
    else reload();
  };
  return (
    <header class="dashboard-head">
      <div>
        <nav class="crumbs" aria-label="Where you are">
          <a href={href("dashboards")}>← Dashboards</a>
        </nav>
        <h1 class="page-title">{dashboard.title}</h1>
        {dashboard.description ? <p class="soft">{dashboard.description}</p> : null}
      </div>
      <div class="dashboard-tools">
        <Segments
          label="Time range"
          value={time.range ?? ""}
          set={(range) => setQuery({ range, start: null, end: null })}
          options={RANGES}
        />
        {time.range === null ? (
          <span class="soft">
            {moment(time.start_ms)} – {moment(time.end_ms)}
          </span>
        ) : null}
        <a class="button small" href={url(`/api/v1/dashboards${path(id)}`)} download={`${id}.json`}>
          Export
        </a>
        {may("operator") ? (
          <>
            <Action small act={copy}>
              Copy
            </Action>
            {dashboard.editable && dashboard.changed ? (
              <Action small sure="Take back all changes?" act={drop}>
                Take back changes
              </Action>
            ) : null}
            {dashboard.editable && dashboard.origin === "custom" ? (
              <Action small sure="Remove it for good?" act={drop}>
                Remove
              </Action>
            ) : null}
            {dashboard.editable ? (
              <a class="button small primary" href={href("dashboards", id, "edit")}>
                Edit
              </a>
            ) : null}
          </>
        ) : null}
      </div>
    </header>
  );
}

function Variables({ dashboard }: { dashboard: Dashboard }) {
  if (dashboard.variables.length === 0) return null;
  return (
    <div class="toolbar">
      {dashboard.variables.map((variable) => (
        <label key={variable.name} class="inline-label">
          {variable.title || variable.name}
          <select
            value={variable.value}
            onChange={(event) => setQuery({ [`var_${variable.name}`]: event.currentTarget.value })}
          >
            <option value="">all</option>
            {variable.options.map((option) => (
              <option key={option} value={option}>
                {option}
              </option>
            ))}
          </select>
        </label>
      ))}
    </div>
  );
}
