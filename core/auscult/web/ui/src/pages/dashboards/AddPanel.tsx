// All kinds of panels there are, to choose one from.
import { useState } from "preact/hooks";
import type { PanelKind } from "../../api/dashboards";
import { Card } from "../../parts/Card";
import { Empty } from "../../parts/states";

export function AddPanel({ kinds, add }: { kinds: PanelKind[]; add: (kind: PanelKind) => void }) {
  const [wanted, setWanted] = useState("");
  const text = wanted.trim().toLowerCase();
  const fitting = kinds.filter((kind) =>
    [kind.title, kind.kind, kind.description].some((words) => words.toLowerCase().includes(text)),
  );
  return (
    <Card
      title="Add a panel"
      tools={
        <input
          type="search"
          aria-label="Filter the kinds of panels"
          placeholder="Filter"
          value={wanted}
          onInput={(event) => setWanted(event.currentTarget.value)}
        />
      }
    >
      {fitting.length === 0 ? <Empty title="No kind of panel fits." /> : null}
      <ul class="kinds">
        {fitting.map((kind) => (
          <li key={kind.kind}>
            <button type="button" class="kind" onClick={() => add(kind)}>
              <b>{kind.title}</b>
              <span class="soft">{kind.description}</span>
            </button>
          </li>
        ))}
      </ul>
    </Card>
  );
}
