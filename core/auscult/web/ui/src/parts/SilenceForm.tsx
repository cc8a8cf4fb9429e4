// A silence in the making: whom it would keep quiet is shown before it is set.
import { useEffect, useState } from "preact/hooks";
import { post } from "../api/client";
import type { Alert, AlertList, Matcher, Silence } from "../api/types";
import { count } from "../format/numbers";
import { exact, span } from "../format/time";
import { takeSilence } from "../state/alerts";
import { useDoing } from "./Action";
import { Segments, TextField } from "./Fields";
import { SeverityTag } from "./Sign";
import { Fault } from "./states";

const HOUR = 3_600_000;
const SPANS = [0.5, 1, 4, 8, 24, 168].map((hours) => ({ value: String(hours * HOUR), title: span(hours * HOUR) }));
const NAMES = ["component", "rule", "type", "severity"];

/** Matchers that fit one alert and little else. */
export function matchersOf(alert: Alert): Matcher[] {
  const found = [{ name: "rule", value: alert.name, negative: false }];
  if (alert.component) found.unshift({ name: "component", value: alert.component, negative: false });
  return found;
}

export function SilenceForm({ initial, done }: { initial: Matcher[]; done: () => void }) {
  const [matchers, setMatchers] = useState(
    initial.length ? initial : [{ name: "component", value: "", negative: false }],
  );
  const [length, setLength] = useState(String(HOUR));
  const [comment, setComment] = useState("");
  const doing = useDoing();
  const complete = matchers.filter((matcher) => matcher.name && matcher.value);

  const set = (event: Event) => {
    event.preventDefault();
    void doing
      .run(async () => {
        const ends_at = new Date(Date.now() + Number(length)).toISOString();
        takeSilence(await post<Silence>("/api/v1/silences", { matchers: complete, ends_at, comment }));
      })
      .then((worked) => worked && done());
  };

  return (
    <form class="form silence-form" onSubmit={set} aria-label="Silence">
      <fieldset class="matchers">
        <legend>Tell nobody of alerts where all of these hold</legend>
        {matchers.map((matcher, n) => (
          <MatcherRow
            key={n}
            matcher={matcher}
            set={(next) => setMatchers(matchers.map((other, m) => (m === n ? next : other)))}
            {...(matchers.length > 1 ? { drop: () => setMatchers(matchers.filter((_, m) => m !== n)) } : {})}
          />
        ))}
        <button
          type="button"
          class="button small"
          onClick={() => setMatchers([...matchers, { name: "", value: "", negative: false }])}
        >
          Add a condition
        </button>
      </fieldset>
      <div class="field">
        <span class="label">For how long</span>
        <Segments label="For how long" value={length} set={setLength} options={SPANS} />
        <span class="hint">Until {exact(Date.now() + Number(length)).replace(/\.\d+/, "")}</span>
      </div>
      <TextField label="Why" value={comment} set={setComment} required focus hint="Others will read it." />
      <Preview matchers={complete} />
      {doing.error ? <Fault error={doing.error} /> : null}
      <div class="form-end">
        <button type="submit" class="button primary" disabled={doing.busy || complete.length === 0}>
          Set the silence
        </button>
        <button type="button" class="button" onClick={done}>
          Cancel
        </button>
      </div>
    </form>
  );
}

function MatcherRow({ matcher, set, drop }: { matcher: Matcher; set: (next: Matcher) => void; drop?: () => void }) {
  return (
    <div class="matcher">
      <input
        aria-label="Label, or component, rule, type, severity"
        list="matcher-names"
        value={matcher.name}
        onInput={(event) => set({ ...matcher, name: event.currentTarget.value })}
      />
      <select
        aria-label="is or is not"
        value={matcher.negative ? "!=" : "="}
        onChange={(event) => set({ ...matcher, negative: event.currentTarget.value === "!=" })}
      >
        <option value="=">is</option>
        <option value="!=">is not</option>
      </select>
      <input
        aria-label="Value; * stands for anything"
        placeholder="value, * for anything"
        value={matcher.value}
        onInput={(event) => set({ ...matcher, value: event.currentTarget.value })}
      />
      {drop ? (
        <button type="button" class="button small" aria-label="Remove this condition" onClick={drop}>
          ×
        </button>
      ) : null}
      <datalist id="matcher-names">
        {NAMES.map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
    </div>
  );
}

/** The open alerts that would be kept quiet, asked for while somebody types. */
function Preview({ matchers }: { matchers: Matcher[] }) {
  const [found, setFound] = useState<Alert[] | null>(null);
  const [error, setError] = useState("");
  const asked = JSON.stringify(matchers);
  useEffect(() => {
    if (matchers.length === 0) {
      setFound(null);
      return;
    }
    let wanted = true;
    const timer = setTimeout(() => {
      post<AlertList>("/api/v1/silences/preview", { matchers }).then(
        (answer) => {
          if (!wanted) return;
          setFound(answer.alerts);
          setError("");
        },
        (thrown: unknown) => wanted && setError(thrown instanceof Error ? thrown.message : String(thrown)),
      );
    }, 200);
    return () => {
      wanted = false;
      clearTimeout(timer);
    };
  }, [asked]);
  return (
    <div class="preview" aria-live="polite">
      {error ? <p class="soft">{error}</p> : null}
      {!error && found === null ? <p class="soft">Fill in a condition to see which alerts it fits.</p> : null}
      {!error && found !== null ? (
        <>
          <p>
            {found.length
              ? `Keeps ${count(found.length, "open alert")} quiet:`
              : "Fits no alert that is open now; it would fit those to come."}
          </p>
          <ul>
            {found.slice(0, 8).map((alert) => (
              <li key={alert.id}>
                <SeverityTag severity={alert.severity} /> {alert.name}{" "}
                {alert.component ? <b>{alert.component}</b> : null}
              </li>
            ))}
            {found.length > 8 ? <li class="soft">and {found.length - 8} more</li> : null}
          </ul>
        </>
      ) : null}
    </div>
  );
}
