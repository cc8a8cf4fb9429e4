// The configuration in force, secrets masked, and what reading it again would change.
import { useState } from "preact/hooks";
import { Card } from "../../parts/Card";
import { Fault, Loading } from "../../parts/states";
import { useFetched } from "../../state/fetched";
import { beginnings } from "../../state/live";
import { may } from "../../state/session";
import { Reload } from "./Reload";
import { Table, type Value } from "./Tree";

export function ConfigurationPage() {
  const [turn, setTurn] = useState(0);
  const found = useFetched<Record<string, Value>>("/api/v1/config", [beginnings.value, turn]);
  const [wanted, setWanted] = useState("");
  return (
    <>
      <h1 class="page-title">Configuration</h1>
      {may("admin") ? <Reload done={() => setTurn(turn + 1)} /> : null}
      {found.data ? (
        <>
          <div class="toolbar">
            <input
              type="search"
              aria-label="Filter by key or value"
              placeholder="Filter"
              value={wanted}
              onInput={(event) => setWanted(event.currentTarget.value)}
            />
            <span class="soft">
              {typeof found.data["file"] === "string" ? (
                <code>{found.data["file"]}</code>
              ) : (
                "no file: what your environment names is monitored"
              )}{" "}
              · secrets show as ***
            </span>
          </div>
          <Tables config={found.data} wanted={wanted.trim().toLowerCase()} />
        </>
      ) : found.error ? (
        <Fault error={found.error} retry={found.reload} />
      ) : (
        <Loading lines={6} />
      )}
    </>
  );
}

const NAMED = ["components", "channels", "exporters", "sources", "rules", "dashboards", "groups"];

/** Tables of named tables first, each name in a section of its own; then the global settings. */
function Tables({ config, wanted }: { config: Record<string, Value>; wanted: string }) {
  const entries = Object.entries(config).filter(([name]) => name !== "file");
  const rank = (name: string) => (NAMED.includes(name) ? NAMED.indexOf(name) : NAMED.length);
  entries.sort(([a], [b]) => rank(a) - rank(b));
  const loose = entries.filter(([, value]) => value === null || typeof value !== "object");
  const tables = entries.filter(([, value]) => value !== null && typeof value === "object");
  return (
    <div class="stack">
      {tables.map(([name, value]) => (
        <Table key={name} name={name} value={value} wanted={wanted} />
      ))}
      {loose.length > 0 ? (
        <Card title="general">
          <Table name="" value={Object.fromEntries(loose)} wanted={wanted} bare />
        </Card>
      ) : null}
    </div>
  );
}
