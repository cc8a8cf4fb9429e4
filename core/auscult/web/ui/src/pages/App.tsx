// Which page is shown: the login to those who have to, else what the address names.
import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Empty, Loading } from "../parts/states";
import { follow, unfollow } from "../state/live";
import { page } from "../state/route";
import { loadSession, session, sessionError } from "../state/session";
import { AlertsPage } from "./alerts/AlertsPage";
import { ConfigurationPage } from "./configuration/ConfigurationPage";
import { Login } from "./Login";
import { Overview } from "./overview/Overview";
import { PluginsPage } from "./PluginsPage";
import { Shell } from "./Shell";

const PAGES: Record<string, ComponentType> = {
  overview: Overview,
  alerts: AlertsPage,
  plugins: PluginsPage,
  configuration: ConfigurationPage,
};

// What draws charts is as large as all the rest, and comes when it is wanted.
const LATER: Record<string, () => Promise<ComponentType>> = {
  components: () => import("./component/ComponentPage").then((part) => part.ComponentPage),
  dashboards: () => import("./dashboards/DashboardsPage").then((part) => part.DashboardsPage),
};

export function App() {
  const who = session.value;
  const inside = who?.authenticated === true;
  useEffect(() => {
    if (!inside) return;
    follow();
    return unfollow;
  }, [inside, who?.name]);
  if (who === null) return <Unreachable />;
  if (!inside) return <Login />;
  return (
    <Shell>
      <Page />
    </Shell>
  );
}

function Page() {
  const name = page.value;
  const Part = PAGES[name];
  if (Part) return <Part />;
  const load = LATER[name];
  if (!load)
    return <Empty title="There is no such page.">The address may be misspelt; the pages are named above.</Empty>;
  return <Later key={name} name={name} load={load} />;
}

const arrived = new Map<string, ComponentType>();

function Later({ name, load }: { name: string; load: () => Promise<ComponentType> }) {
  const [Part, setPart] = useState<ComponentType | null>(() => arrived.get(name) ?? null);
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    if (Part) return;
    load().then(
      (found) => {
        arrived.set(name, found);
        setPart(() => found);
      },
      () => setFailed(true),
    );
  }, []);
  // After an upgrade of the server the parts have other names: loading the page anew brings them.
  if (failed)
    return (
      <Empty title="This part of the page could not be loaded.">
        <button type="button" class="button" onClick={() => location.reload()}>
          Load the page again
        </button>
      </Empty>
    );
  return Part ? <Part /> : <Loading lines={4} />;
}

/** Before the server has said who is looking. */
function Unreachable() {
  const error = sessionError.value;
  useEffect(() => {
    if (!error) return;
    const timer = setInterval(() => void loadSession(), 3000);
    return () => clearInterval(timer);
  }, [error]);
  if (!error)
    return (
      <div class="boot" role="status">
        <span class="visually-hidden">The page is loading</span>
      </div>
    );
  return (
    <main class="lone">
      <Empty title={error}>It is asked again every 3 s.</Empty>
    </main>
  );
}
