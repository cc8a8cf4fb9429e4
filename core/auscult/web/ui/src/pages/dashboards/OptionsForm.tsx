// The options of a panel, as the form that its JSON Schema describes.
import { useId, useState } from "preact/hooks";
import type { JsonSchema } from "../../api/dashboards";
import { Choice, TextField } from "../../parts/Fields";
import { known } from "../../state/components";
import { plain } from "../../words";

interface Props {
  schema: JsonSchema;
  options: Record<string, unknown>;
  set: (options: Record<string, unknown>) => void;
}

export function OptionsForm({ schema, options, set }: Props) {
  const properties = Object.entries(schema.properties ?? {});
  if (properties.length === 0) return <p class="soft">It has no options.</p>;
  const change = (name: string, value: unknown) => {
    const next = { ...options };
    if (value === undefined) delete next[name];
    else next[name] = value;
    set(next);
  };
  return (
    <>
      {properties.map(([name, property]) => (
        <Option key={name} name={name} schema={property} value={options[name]} set={(value) => change(name, value)} />
      ))}
    </>
  );
}

interface OptionProps {
  name: string;
  schema: JsonSchema;
  value: unknown;
  set: (value: unknown) => void;
}

/** Of several allowed types, the first that is not null. */
function narrowed(schema: JsonSchema): JsonSchema {
  const chosen = schema.anyOf?.find((option) => option.type !== "null");
  return chosen ? { ...schema, ...chosen } : schema;
}

function typeOf(schema: JsonSchema): string {
  return Array.isArray(schema.type) ? (schema.type.find((type) => type !== "null") ?? "") : (schema.type ?? "");
}

function Option({ name, schema: given, value, set }: OptionProps) {
  const schema = narrowed(given);
  const label = plain(name);
  const hint = given.description ?? "";
  const standard = given.default;
  const type = typeOf(schema);
  if (schema.enum) {
    const options = schema.enum.map((item) => ({ value: String(item), title: String(item) }));
    return (
      <Choice
        label={label}
        hint={hint}
        value={String(value ?? standard ?? "")}
        set={(next) => set(schema.enum?.find((item) => String(item) === next))}
        options={standard === undefined ? [{ value: "", title: "–" }, ...options] : options}
      />
    );
  }
  if (type === "boolean")
    return <Check label={label} hint={hint} value={Boolean(value ?? standard ?? false)} set={set} />;
  if (type === "array" && typeOf(narrowed(schema.items ?? {})) === "string") {
    const list = Array.isArray(value) ? value.join(", ") : "";
    return (
      <Words
        label={label}
        hint={`${hint} Several, with commas between them.`.trim()}
        value={list}
        name={name}
        set={set}
      />
    );
  }
  if (type === "number" || type === "integer") {
    const shown = value === undefined || value === null ? "" : String(value);
    return (
      <TextField
        label={label}
        hint={withDefault(hint, standard)}
        value={shown}
        type="number"
        set={(text) => set(text === "" ? undefined : Number(text))}
      />
    );
  }
  if (type === "string") {
    return (
      <TextField
        label={label}
        hint={withDefault(hint, standard)}
        value={typeof value === "string" ? value : ""}
        set={(text) => set(text === "" ? undefined : text)}
        {...(name === "component" ? { list: [...known.value.keys()] } : {})}
      />
    );
  }
  return <Json label={label} hint={hint} value={value} set={set} />;
}

function withDefault(hint: string, standard: unknown): string {
  return standard === undefined || standard === null || standard === ""
    ? hint
    : `${hint} Default: ${String(standard)}.`.trim();
}

/** Keeps what is typed, commas at the end included. */
function Words({
  label,
  hint,
  value,
  name,
  set,
}: {
  label: string;
  hint: string;
  value: string;
  name: string;
  set: (value: unknown) => void;
}) {
  const [text, setText] = useState(value);
  return (
    <TextField
      label={label}
      hint={hint}
      value={text}
      set={(typed) => {
        setText(typed);
        const words = typed
          .split(",")
          .map((word) => word.trim())
          .filter(Boolean);
        set(words.length > 0 ? words : undefined);
      }}
      {...(name === "components" ? { list: [...known.value.keys()] } : {})}
    />
  );
}

function Check({
  label,
  hint,
  value,
  set,
}: {
  label: string;
  hint: string;
  value: boolean;
  set: (value: boolean) => void;
}) {
  const id = useId();
  return (
    <div class="field check">
      <input id={id} type="checkbox" checked={value} onChange={(event) => set(event.currentTarget.checked)} />
      <label for={id}>{label}</label>
      {hint ? <span class="hint">{hint}</span> : null}
    </div>
  );
}

function Json({
  label,
  hint,
  value,
  set,
}: {
  label: string;
  hint: string;
  value: unknown;
  set: (value: unknown) => void;
}) {
  const [text, setText] = useState(value === undefined ? "" : JSON.stringify(value, null, 1));
  const [wrong, setWrong] = useState(false);
  const take = (typed: string) => {
    setText(typed);
    try {
      set(typed.trim() === "" ? undefined : JSON.parse(typed));
      setWrong(false);
    } catch {
      setWrong(true);
    }
  };
  return (
    <TextField
      label={label}
      hint={wrong ? "This is not JSON yet." : `${hint} As JSON.`.trim()}
      value={text}
      rows={3}
      set={take}
    />
  );
}
