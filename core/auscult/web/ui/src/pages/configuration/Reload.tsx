// What reading the configuration again would change, and doing it.
import { useState } from "preact/hooks";
import { post } from "../../api/client";
import type { ReloadPlan } from "../../api/types";
import { Action } from "../../parts/Action";
import { Card } from "../../parts/Card";
import { Sign } from "../../parts/Sign";
import { Fault, Loading } from "../../parts/states";
import { useFetched } from "../../state/fetched";

export function Reload({ done }: { done: () => void }) {
  const found = useFetched<ReloadPlan>("/api/v1/config/changes");
  const [made, setMade] = useState<ReloadPlan | null>(null);
  const reload = async () => {
    setMade(await post<ReloadPlan>("/-/reload"));
    found.reload();
    done();
  };
  const plan = found.data;
  const wrong = (plan?.errors?.length ?? 0) > 0;
  return (
    <Card
      title="If it were read again now"
      tools={
        <>
          <button type="button" class="button small" onClick={found.reload}>
            Look again
          </button>
          {plan && !wrong && !isEmpty(plan) ? (
            <Action small kind="primary" act={reload}>
              Reload
            </Action>
          ) : null}
        </>
      }
    >
      {found.loading ? <Loading lines={1} /> : null}
      {found.error ? <Fault error={found.error} retry={found.reload} /> : null}
      {plan && !found.error ? <Plan plan={plan} none="Nothing would change." /> : null}
      {made ? (
        <div class="good" role="status">
          <b>Done.</b> <Plan plan={made} none="Nothing has changed." />
        </div>
      ) : null}
    </Card>
  );
}

function isEmpty(plan: ReloadPlan): boolean {
  return [plan.added, plan.changed, plan.removed, plan.other].every((names) => names.length === 0);
}

function Plan({ plan, none }: { plan: ReloadPlan; none: string }) {
  const errors = plan.errors ?? [];
  if (errors.length > 0)
    return (
      <>
        <p>
          <Sign status="unhealthy" /> The file has mistakes; the configuration in force stays as it is.
        </p>
        <ul class="findings">
          {errors.map((error, n) => (
            <li key={n}>
              <code>{error.key}</code> {error.message}
            </li>
          ))}
        </ul>
      </>
    );
  if (isEmpty(plan)) return <p class="calm">{none}</p>;
  return (
    <ul class="plan">
      <Names sign="+" word="added" names={plan.added} />
      <Names sign="~" word="changed" names={plan.changed} />
      <Names sign="−" word="removed" names={plan.removed} />
      <Names sign="~" word="other settings" names={plan.other} />
    </ul>
  );
}

function Names({ sign, word, names }: { sign: string; word: string; names: string[] }) {
  if (names.length === 0) return null;
  return (
    <li>
      <span class="plan-sign" aria-hidden="true">
        {sign}
      </span>{" "}
      {word}: {names.join(", ")}
    </li>
  );
}
