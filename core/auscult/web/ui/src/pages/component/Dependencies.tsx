// What the component needs, and what needs it.
import type { Component } from "../../api/types";
import { Card } from "../../parts/Card";
import { ComponentLink } from "../../parts/Link";
import { State } from "../../parts/Sign";
import { known } from "../../state/components";

export function Dependencies({ component }: { component: Component }) {
  const needing = [...known.value.values()]
    .map((held) => held.value.component)
    .filter((other) => other.depends_on.includes(component.name))
    .map((other) => other.name);
  if (component.depends_on.length === 0 && needing.length === 0) return null;
  return (
    <Card title="Dependencies">
      <Names title="It needs" names={component.depends_on} />
      <Names title="It is needed by" names={needing} />
    </Card>
  );
}

function Names({ title, names }: { title: string; names: string[] }) {
  if (names.length === 0) return null;
  return (
    <>
      <h3>{title}</h3>
      <ul class="plain-list">
        {names.map((name) => (
          <li key={name} class="between">
            <ComponentLink name={name} />
            <State status={known.value.get(name)?.value.component.status ?? "unknown"} />
          </li>
        ))}
      </ul>
    </>
  );
}
