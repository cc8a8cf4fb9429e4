// The first page: the verdict, what to do about it, every component, and what changed.
import type { Alert } from "../../api/types";
import { AlertCard } from "../../parts/AlertCard";
import { Card } from "../../parts/Card";
import { Changes } from "../../parts/Changes";
import { SeverityTag } from "../../parts/Sign";
import { Loading } from "../../parts/states";
import { inbox, suppressed } from "../../state/alerts";
import { known, loaded } from "../../state/components";
import { href } from "../../state/route";
import { Components } from "./Components";
import { FirstSteps } from "./FirstSteps";
import { Verdict } from "./Verdict";

const ALERTS_SHOWN = 5;

export function Overview() {
  if (!loaded.value) return <Loading lines={6} label="The components are being asked for" />;
  return (
    <div class="overview">
      <Verdict />
      <div class="columns">
        <div class="column-main">
          {known.value.size <= 1 ? <FirstSteps /> : null}
          <Components />
        </div>
        <div class="column-side">
          <OpenAlerts />
          <Card title="Changed in the last hour">
            <Changes hours={1} />
          </Card>
        </div>
      </div>
    </div>
  );
}

function OpenAlerts() {
  const alerts = inbox.value;
  const quiet = suppressed.value.length;
  const own = alerts.filter((alert) => alert.component !== "");
  // What is wrong as a whole follows from what is wrong in particular: one line says so.
  const following = own.length > 0 ? alerts.filter((alert) => alert.component === "") : [];
  const cards = following.length > 0 ? own : alerts;
  return (
    <Card
      title="Active alerts"
      note={alerts.length ? `${alerts.length}` : undefined}
      tools={<a href={href("alerts")}>All alerts</a>}
      class={`alerts-card ${alerts.length === 0 ? "is-calm" : ""}`}
    >
      {alerts.length === 0 ? (
        <p class="calm">No alert is open.</p>
      ) : (
        cards.slice(0, ALERTS_SHOWN).map((alert) => <AlertCard key={alert.id} alert={alert} />)
      )}
      {following.map((alert) => (
        <Following key={alert.id} alert={alert} />
      ))}
      {cards.length > ALERTS_SHOWN ? (
        <p>
          <a href={href("alerts")}>and {cards.length - ALERTS_SHOWN} more</a>
        </p>
      ) : null}
      {quiet > 0 ? (
        <p class="soft">
          {quiet} more {quiet === 1 ? "is" : "are"} kept quiet.
        </p>
      ) : null}
    </Card>
  );
}

/** An alert about the whole system in one line, and all of it when it is opened. */
function Following({ alert }: { alert: Alert }) {
  return (
    <details class="following">
      <summary>
        <SeverityTag severity={alert.severity} />
        <span>
          <span class="alert-rule">{alert.name}</span> <span class="soft">follows from the above</span>
        </span>
      </summary>
      <AlertCard alert={alert} />
    </details>
  );
}
