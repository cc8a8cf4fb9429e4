// Silences in force and to come; a new one is shown whom it would keep quiet.
import { useEffect, useState } from "preact/hooks";
import { path, remove } from "../../api/client";
import type { Silence } from "../../api/types";
import { Action } from "../../parts/Action";
import { Card } from "../../parts/Card";
import { Moment } from "../../parts/Moment";
import { SilenceForm } from "../../parts/SilenceForm";
import { Empty } from "../../parts/states";
import { loadAlerts, silences, takeSilence } from "../../state/alerts";
import { may } from "../../state/session";
import { now } from "../../state/clock";
import { span } from "../../format/time";

export function Silences() {
  const [adding, setAdding] = useState(false);
  useEffect(() => void loadAlerts().catch(() => {}), []);
  return (
    <>
      {may("operator") && !adding ? (
        <p>
          <button type="button" class="button primary" onClick={() => setAdding(true)}>
            New silence
          </button>
        </p>
      ) : null}
      {adding ? (
        <Card title="New silence">
          <SilenceForm initial={[]} done={() => setAdding(false)} />
        </Card>
      ) : null}
      {silences.value.length === 0 ? (
        <Empty title="Nothing is silenced.">Alerts reach everybody they should reach.</Empty>
      ) : null}
      <div class="stack">
        {silences.value.map((silence) => (
          <SilenceCard key={silence.id} silence={silence} />
        ))}
      </div>
    </>
  );
}

function SilenceCard({ silence }: { silence: Silence }) {
  const end = async () => takeSilence(await remove<Silence>(`/api/v1/silences${path(silence.id)}`));
  const starts = Date.parse(silence.starts_at);
  const pending = starts > now.value;
  return (
    <article class="card silence" aria-label={`Silence: ${silence.comment}`}>
      <div class="between">
        <p class="silence-what">
          {silence.matchers.map((matcher, n) => (
            <span key={n} class="label-tag">
              {matcher.name} {matcher.negative ? "is not" : "is"} <b>{matcher.value}</b>
            </span>
          ))}
        </p>
        {may("operator") ? (
          <Action small sure="End it now?" act={end}>
            End
          </Action>
        ) : null}
      </div>
      <p>{silence.comment}</p>
      <p class="soft">
        {silence.author}, <Moment at={silence.created_at} /> ·{" "}
        {pending ? (
          <>
            begins <Moment at={silence.starts_at} as="clock" />
          </>
        ) : (
          <>ends in {span(Date.parse(silence.ends_at) - now.value)}</>
        )}{" "}
        (<Moment at={silence.ends_at} as="clock" />)
      </p>
    </article>
  );
}
