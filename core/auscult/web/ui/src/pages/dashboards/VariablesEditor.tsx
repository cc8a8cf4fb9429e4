// The variables of a dashboard.
import type { VariableDefinition } from "../../api/dashboards";
import { Choice, TextField } from "../../parts/Fields";

const QUERIES = [
  { value: "components", title: "all components" },
  { value: "groups", title: "all groups" },
  { value: "types", title: "all types" },
  { value: "", title: "these words" },
];

export function VariablesEditor({
  variables,
  set,
}: {
  variables: VariableDefinition[];
  set: (next: VariableDefinition[]) => void;
}) {
  const change = (place: number, part: Partial<VariableDefinition>) =>
    set(variables.map((variable, n) => (n === place ? { ...variable, ...part } : variable)));
  return (
    <fieldset class="variables">
      <legend>Variables</legend>
      <p class="hint">In an option of a panel, $NAME stands for what is chosen above the dashboard.</p>
      {variables.map((variable, n) => (
        <div key={n} class="variable">
          <TextField label="Name" value={variable.name} set={(name) => change(n, { name })} />
          <TextField label="Title" value={variable.title} set={(title) => change(n, { title })} />
          <Choice
            label="To choose from"
            value={variable.query}
            set={(query) => change(n, { query })}
            options={QUERIES}
          />
          {variable.query === "" ? (
            <TextField
              label="Words"
              value={variable.options.join(", ")}
              set={(text) =>
                change(n, {
                  options: text
                    .split(",")
                    .map((word) => word.trim())
                    .filter(Boolean),
                })
              }
            />
          ) : null}
          <button type="button" class="button small" onClick={() => set(variables.filter((_, m) => m !== n))}>
            Remove {variable.name || "it"}
          </button>
        </div>
      ))}
      <button
        type="button"
        class="button small"
        onClick={() => set([...variables, { name: "", title: "", query: "components", options: [], default: "" }])}
      >
        Add a variable
      </button>
    </fieldset>
  );
}
