// A moment: how long ago in words, exactly when somebody points at it.
import { useComputed } from "@preact/signals";
import { ago, exact, milliseconds, moment, span } from "../format/time";
import { now } from "../state/clock";

interface Props {
  at: string | number | null;
  /** `ago`: 3 min ago; `for`: 3 min; `clock`: 14:03. */
  as?: "ago" | "for" | "clock";
}

export function Moment({ at, as = "ago" }: Props) {
  if (at === null) return <span class="soft">–</span>;
  const ms = milliseconds(at);
  return (
    <time dateTime={new Date(ms).toISOString()} title={exact(ms)}>
      {as === "clock" ? moment(ms) : <Age key={`${ms}${as}`} ms={ms} as={as} />}
    </time>
  );
}

function Age({ ms, as }: { ms: number; as: "ago" | "for" }) {
  const words = useComputed(() => {
    const since = now.value - ms;
    return as === "ago" ? ago(since) : span(since);
  });
  return <>{words}</>;
}
