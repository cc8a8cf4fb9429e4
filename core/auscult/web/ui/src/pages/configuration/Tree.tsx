// A part of the configuration, as one reads it: tables with titles, the rest as pairs.
import type { ComponentChildren } from "preact";
import { Card } from "../../parts/Card";

export type Value = string | number | boolean | null | Value[] | { [key: string]: Value };

function isTable(value: Value): value is Record<string, Value> {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

/** Whether a key or a value somewhere below has the text in it. */
export function holds(key: string, value: Value, wanted: string): boolean {
  if (!wanted || key.toLowerCase().includes(wanted)) return true;
  if (Array.isArray(value)) return value.some((item) => holds("", item, wanted));
  if (isTable(value)) return Object.entries(value).some(([name, item]) => holds(name, item, wanted));
  return String(value).toLowerCase().includes(wanted);
}

interface Props {
  name: string;
  value: Value;
  wanted: string;
  bare?: boolean;
}

export function Table({ name, value, wanted, bare = false }: Props) {
  if (!holds(name, value, wanted)) return null;
  const below = wanted && name.toLowerCase().includes(wanted) ? "" : wanted;
  if (Array.isArray(value) && value.length === 0) return null;
  if (isTable(value) && Object.keys(value).length === 0) return null;
  const content = isTable(value) ? <Pairs value={value} wanted={below} path={name} /> : <Plain value={value} />;
  return bare ? content : <Card title={name}>{content}</Card>;
}

function Pairs({ value, wanted, path }: { value: Record<string, Value>; wanted: string; path: string }) {
  const entries = Object.entries(value).filter(([name, item]) => holds(name, item, wanted));
  const tables = entries.filter(([, item]) => isTable(item) && Object.keys(item).length > 0);
  const plain = entries.filter(([, item]) => !(isTable(item) && Object.keys(item).length > 0));
  return (
    <>
      {plain.length > 0 ? (
        <dl class="settings">
          {plain.map(([name, item]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>
                <Plain value={item} />
              </dd>
            </div>
          ))}
        </dl>
      ) : null}
      {tables.map(([name, item]) => (
        <details key={name} class="settings-table" open={wanted !== "" || path.includes(".")}>
          <summary>
            <code>
              {path ? `${path}.` : ""}
              {name}
            </code>
            <Gist value={item as Record<string, Value>} />
          </summary>
          <Pairs
            value={item as Record<string, Value>}
            wanted={name.toLowerCase().includes(wanted) ? "" : wanted}
            path={path ? `${path}.${name}` : name}
          />
        </details>
      ))}
    </>
  );
}

const KINDS = ["check", "channel", "exporter", "source", "url", "base_url", "condition", "role"];

/** What a closed table is about. */
function Gist({ value }: { value: Record<string, Value> }) {
  const words = KINDS.map((key) => value[key]).filter(
    (item): item is string => typeof item === "string" && item !== "",
  );
  return words.length > 0 ? <span class="soft gist">{words.join(" · ")}</span> : null;
}

function Plain({ value }: { value: Value }): ComponentChildren {
  if (value === null) return <span class="soft">not set</span>;
  if (value === "") return <span class="soft">empty</span>;
  if (typeof value === "string")
    return value === "***" ? (
      <span class="secret" title="A secret">
        ***
      </span>
    ) : (
      <span class="wrap">{value}</span>
    );
  if (Array.isArray(value)) {
    if (value.length === 0) return <span class="soft">none</span>;
    return value.map((item, n) => (
      <div key={n}>
        {typeof item === "object" && item !== null ? (
          <code class="wrap">{JSON.stringify(item)}</code>
        ) : (
          <Plain value={item} />
        )}
      </div>
    ));
  }
  if (typeof value === "object") return <span class="soft">none</span>;
  return <>{String(value)}</>;
}
