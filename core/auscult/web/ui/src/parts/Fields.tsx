// Parts of forms.
import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

interface FieldProps {
  label: string;
  hint?: string | undefined;
  children: (id: string, hintId: string | undefined) => ComponentChildren;
}

/** A label above what it labels, and a hint below. */
export function Field({ label, hint, children }: FieldProps) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children(id, hint ? `${id}-hint` : undefined)}
      {hint ? (
        <span id={`${id}-hint`} class="hint">
          {hint}
        </span>
      ) : null}
    </div>
  );
}

interface TextProps {
  label: string;
  hint?: string;
  value: string;
  set: (value: string) => void;
  required?: boolean;
  rows?: number;
  type?: "text" | "number" | "password" | "search";
  focus?: boolean;
  autocomplete?: string;
  list?: string[];
}

export function TextField({
  label,
  hint,
  value,
  set,
  required = false,
  rows,
  type = "text",
  focus = false,
  autocomplete = "off",
  list,
}: TextProps) {
  const listId = useId();
  const first = (element: HTMLElement | null) => {
    if (focus && element && !element.dataset.focused) {
      element.dataset.focused = "yes";
      element.focus({ preventScroll: false });
    }
  };
  return (
    <Field label={label} hint={hint}>
      {(id, hintId) =>
        rows ? (
          <textarea
            id={id}
            ref={first}
            rows={rows}
            required={required}
            aria-describedby={hintId}
            value={value}
            onInput={(event) => set(event.currentTarget.value)}
          />
        ) : (
          <>
            <input
              id={id}
              ref={first}
              type={type as "text"}
              required={required}
              autocomplete={autocomplete as "off"}
              aria-describedby={hintId}
              value={value}
              list={list ? listId : undefined}
              onInput={(event) => set(event.currentTarget.value)}
            />
            {list ? (
              <datalist id={listId}>
                {list.map((item) => (
                  <option key={item} value={item} />
                ))}
              </datalist>
            ) : null}
          </>
        )
      }
    </Field>
  );
}

interface ChoiceProps {
  label: string;
  hint?: string;
  value: string;
  set: (value: string) => void;
  options: { value: string; title: string }[];
}

export function Choice({ label, hint, value, set, options }: ChoiceProps) {
  return (
    <Field label={label} hint={hint}>
      {(id, hintId) => (
        <select id={id} aria-describedby={hintId} value={value} onChange={(event) => set(event.currentTarget.value)}>
          {options.map((option) => (
            <option key={option.value} value={option.value}>
              {option.title}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

/** One of a few, as a row of buttons. */
export function Segments({ label, value, set, options }: ChoiceProps) {
  return (
    <div class="segments" role="group" aria-label={label}>
      {options.map((option) => (
        <button
          key={option.value}
          type="button"
          aria-pressed={value === option.value}
          onClick={() => set(option.value)}
        >
          {option.title}
        </button>
      ))}
    </div>
  );
}
