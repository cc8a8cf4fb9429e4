// What happened, newest first: components that changed their state, alerts that somebody or something touched.
import { useEffect, useState } from "preact/hooks";
import type { Change } from "../api/types";
import { count } from "../format/numbers";
import { changed } from "../state/live";
import { now } from "../state/clock";
import { useFetched } from "../state/fetched";
import { href } from "../state/route";
import { change as changeWord } from "../words";
import { ComponentLink } from "./Link";
import { Moment } from "./Moment";
import { SeverityTag, Sign } from "./Sign";
import { Empty, Fault, Loading } from "./states";

interface Props {
  component?: string;
  hours: number;
  shown?: number;
}

export function Changes({ component, hours, shown = 12 }: Props) {
  const [all, setAll] = useState(false);
  const [start, setStart] = useState(() => Date.now() - hours * 3_600_000);
  const minute = Math.floor(now.value / 60_000);
  useEffect(() => setStart(Date.now() - hours * 3_600_000), [minute, changed.value, hours]);
  const about = component === undefined ? "" : `&component=${encodeURIComponent(component)}`;
  const where = `/api/v1/changes?limit=200${about}`;
  const found = useFetched<{ changes: Change[] }>(`${where}&start=${start}`);
  const [kept, setKept] = useState<Change[] | null>(null);
  useEffect(() => {
    if (found.data) setKept(found.data.changes);
  }, [found.data]);
  if (!kept) return found.error ? <Fault error={found.error} retry={found.reload} /> : <Loading lines={3} />;
  if (kept.length === 0)
    return <Empty title={`Nothing changed in the last ${hours === 1 ? "hour" : `${hours} hours`}.`} />;
  const visible = all ? kept : kept.slice(0, shown);
  return (
    <>
      <ol class="changes">
        {visible.map((change, n) => (
          <ChangeLine
            key={`${change.time}${change.component}${change.change ?? ""}${n}`}
            change={change}
            named={component === undefined}
          />
        ))}
      </ol>
      {kept.length > shown ? (
        <button type="button" class="button small more" onClick={() => setAll(!all)}>
          {all ? "Show fewer" : `Show ${count(kept.length - shown, "more", "more")}`}
        </button>
      ) : null}
    </>
  );
}

function ChangeLine({ change, named }: { change: Change; named: boolean }) {
  return (
    <li>
      <span class="change-time">
        <Moment at={change.time} as="clock" />
      </span>
      {change.kind === "status" ? (
        <StatusLine change={change} named={named} />
      ) : (
        <AlertLine change={change} named={named} />
      )}
    </li>
  );
}

function StatusLine({ change, named }: { change: Change; named: boolean }) {
  const status = change.new ?? "unknown";
  return (
    <div>
      <Sign status={status} size={14} /> {named ? <ComponentLink name={change.component} /> : null} is{" "}
      <b class={`is-${status}`}>{status}</b>
      {change.old ? <span class="soft"> (was {change.old})</span> : null}
      {change.message ? <div class="soft clamp">{change.message}</div> : null}
    </div>
  );
}

function AlertLine({ change, named }: { change: Change; named: boolean }) {
  return (
    <div>
      {change.severity ? <SeverityTag severity={change.severity} /> : null}{" "}
      <a href={href("alerts", change.alert ?? "")}>{change.rule}</a>{" "}
      {named && change.component ? <ComponentLink name={change.component} /> : null} {changeWord(change.change ?? "")}
      {change.by && !["", "rule", "auscult"].includes(change.by) ? <> by {change.by}</> : null}
    </div>
  );
}
