// Alerts: what is open, what is over, what is kept quiet, what was sent, and through what.
import { Tabs } from "../../parts/Link";
import { Empty } from "../../parts/states";
import { channels, inbox, silences, suppressed } from "../../state/alerts";
import { route } from "../../state/route";
import { may } from "../../state/session";
import { AlertCard } from "../../parts/AlertCard";
import { AlertPage } from "./AlertPage";
import { Channels } from "./Channels";
import { Deliveries } from "./Deliveries";
import { History } from "./History";
import { Silences } from "./Silences";
import { WhoDid } from "./WhoDid";

export function AlertsPage() {
  const view = route.value.segments[1] ?? "inbox";
  const tabs = [
    { name: "inbox", title: "Open", count: inbox.value.length },
    { name: "history", title: "History" },
    { name: "silences", title: "Silences", count: silences.value.length },
    { name: "deliveries", title: "Deliveries" },
    { name: "channels", title: "Channels", count: channels.value.filter((channel) => channel.failing_since).length },
    ...(may("operator") ? [{ name: "who", title: "Who did what" }] : []),
  ];
  return (
    <>
      <h1 class="page-title">Alerts</h1>
      <Tabs label="Views of alerts" tabs={tabs} />
      <View name={view} />
    </>
  );
}

function View({ name }: { name: string }) {
  switch (name) {
    case "inbox":
      return <Inbox />;
    case "history":
      return <History />;
    case "silences":
      return <Silences />;
    case "deliveries":
      return <Deliveries />;
    case "channels":
      return <Channels />;
    case "who":
      return <WhoDid />;
    default:
      return <AlertPage key={name} ident={name} />;
  }
}

function Inbox() {
  const quiet = suppressed.value;
  return (
    <>
      {inbox.value.length === 0 ? (
        <Empty title="No alert is open.">Those that are over are in the history.</Empty>
      ) : null}
      <div class="stack">
        {inbox.value.map((alert) => (
          <AlertCard key={alert.id} alert={alert} />
        ))}
      </div>
      {quiet.length > 0 ? (
        <details class="quiet">
          <summary>{quiet.length} kept quiet</summary>
          <div class="stack">
            {quiet.map((alert) => (
              <AlertCard key={alert.id} alert={alert} />
            ))}
          </div>
        </details>
      ) : null}
    </>
  );
}
