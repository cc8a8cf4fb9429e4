// What is installed, and what is wrong with it.
import type { Plugin, Plugins, Problem } from "../api/types";
import { count } from "../format/numbers";
import { Card } from "../parts/Card";
import { Sign } from "../parts/Sign";
import { Fault, Loading } from "../parts/states";
import { useFetched } from "../state/fetched";
import { beginnings } from "../state/live";

export function PluginsPage() {
  const found = useFetched<Plugins>("/api/v1/plugins", [beginnings.value]);
  return (
    <>
      <h1 class="page-title">Plugins</h1>
      {found.data ? (
        <Inventory found={found.data} />
      ) : found.error ? (
        <Fault error={found.error} retry={found.reload} />
      ) : (
        <Loading lines={6} />
      )}
    </>
  );
}

function Inventory({ found }: { found: Plugins }) {
  const distributions = new Map<string, Plugin[]>();
  for (const plugin of found.plugins) {
    const title = `${plugin.distribution || "beside the configuration"} ${plugin.version}`.trim();
    distributions.set(title, [...(distributions.get(title) ?? []), plugin]);
  }
  return (
    <div class="stack">
      {found.problems.length > 0 ? (
        <Card title={count(found.problems.length, "problem")} class="problems">
          {found.problems.map((problem, n) => (
            <ProblemLine key={n} problem={problem} />
          ))}
        </Card>
      ) : (
        <p class="calm">
          <Sign status="healthy" /> {count(found.plugins.length, "plugin")}, no problem.
        </p>
      )}
      {[...distributions].map(([title, plugins]) => (
        <Card key={title} title={title} note={count(plugins.length, "plugin")} flush>
          <PluginTable title={title} plugins={plugins} />
        </Card>
      ))}
    </div>
  );
}

function ProblemLine({ problem }: { problem: Problem }) {
  return (
    <div class="problem">
      <Sign status="unhealthy" />
      <div>
        <p>
          <b>{problem.plugin}</b>
          {problem.distribution ? (
            <span class="soft">
              {" "}
              of {problem.distribution} {problem.version}
            </span>
          ) : null}
          <span class="soft"> · {problem.stage}</span>
        </p>
        <p class="wrap">{problem.message}</p>
        {problem.remedy ? (
          <p>
            <span class="soft">What helps:</span> {problem.remedy}
          </p>
        ) : null}
      </div>
    </div>
  );
}

function PluginTable({ title, plugins }: { title: string; plugins: Plugin[] }) {
  return (
    <div class="table-box" tabIndex={0} role="region" aria-label={`Plugins of ${title}, scrollable`}>
      <table class="table stacking">
        <thead>
          <tr>
            <th scope="col">Plugin</th>
            <th scope="col">State</th>
            <th scope="col">Brings</th>
          </tr>
        </thead>
        <tbody>
          {plugins.map((plugin) => (
            <tr key={plugin.name}>
              <th scope="row">{plugin.name}</th>
              <td class="wrap">
                <PluginState plugin={plugin} />
              </td>
              <td class="wrap">
                {Object.entries(plugin.kinds).map(([role, kinds]) => (
                  <div key={role}>
                    <span class="soft">{role}</span> {kinds.join(", ")}
                  </div>
                ))}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function PluginState({ plugin }: { plugin: Plugin }) {
  if (plugin.missing.length > 0)
    return (
      <>
        <span class="state is-unknown">
          <Sign status="unknown" /> unavailable until
        </span>
        {plugin.missing.map((command) => (
          <code key={command}>{command}</code>
        ))}
      </>
    );
  return (
    <span class={`state is-${plugin.ok ? "healthy" : "unhealthy"}`}>
      <Sign status={plugin.ok ? "healthy" : "unhealthy"} /> {plugin.ok ? "ready" : "has a problem"}
    </span>
  );
}
