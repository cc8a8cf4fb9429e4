// What everybody may see: the verdict, what is announced, each component with its 90 days, and incidents.
import { useEffect, useState } from "preact/hooks";
import { ApiError, get } from "../api/client";
import { exact, moment, span } from "../format/time";
import { Sign, State } from "../parts/Sign";
import { Empty, Fault, Loading } from "../parts/states";
import { Tip } from "../parts/Tip";
import { ComponentDays } from "./ComponentDays";
import { Incidents } from "./Incidents";
import type { PublicStatus } from "./types";

const EVERY_MS = 30_000;
const STALE_MS = 100_000;

export function StatusPage() {
  const [page, setPage] = useState<PublicStatus | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const [heard, setHeard] = useState(0);
  const [now, setNow] = useState(Date.now());
  const ask = () =>
    get<PublicStatus>("/api/v1/status-page").then(
      (found) => {
        setPage(found);
        setError(null);
        setHeard(Date.now());
        document.title = found.title || "Status";
      },
      (thrown: unknown) => setError(thrown instanceof ApiError ? thrown : new ApiError(0, String(thrown))),
    );
  useEffect(() => {
    void ask();
    const asking = setInterval(() => !document.hidden && void ask(), EVERY_MS);
    const ticking = setInterval(() => setNow(Date.now()), 5000);
    return () => {
      clearInterval(asking);
      clearInterval(ticking);
    };
  }, []);
  if (!page)
    return (
      <main class="status-page">
        <h1 class="visually-hidden">Status</h1>
        {error ? <Missing error={error} retry={() => void ask()} /> : <Loading lines={6} />}
      </main>
    );
  const age = Math.max(now - heard, 0);
  return (
    <main class="status-page">
      <header class="status-head">
        <h1>{page.title}</h1>
        {page.description ? <p class="soft">{page.description}</p> : null}
      </header>
      <section class={`status-verdict is-${page.status}`} aria-label="The verdict">
        <Sign status={page.status} size={32} />
        <p role="status">{page.message}</p>
      </section>
      {age > STALE_MS ? (
        <p class="banner" role="status">
          No answer for {span(age)}: what you see is old.
        </p>
      ) : null}
      {page.announcements.map((announcement) => (
        <section key={announcement.id} class="card announcement" aria-label={announcement.title}>
          <h2>{announcement.title}</h2>
          <p class="pre-line">{announcement.text}</p>
          {announcement.starts_at ? (
            <p class="soft">
              {moment(Date.parse(announcement.starts_at))}
              {announcement.ends_at ? ` – ${moment(Date.parse(announcement.ends_at))}` : ""}
            </p>
          ) : null}
        </section>
      ))}
      <Incidents incidents={page.incidents.filter((incident) => incident.ended_at === null)} title="Now" />
      {page.groups.map((group) => (
        <section key={group.name} class="card" aria-label={group.name || "Components"}>
          {group.name ? (
            <h2 class="between">
              {group.name} <State status={group.status} />
            </h2>
          ) : null}
          {group.components.map((component) => (
            <ComponentDays key={component.id} component={component} />
          ))}
        </section>
      ))}
      <Incidents
        incidents={page.incidents.filter((incident) => incident.ended_at !== null)}
        title="The last two weeks"
      />
      <footer class="soft status-foot">
        <time dateTime={page.updated_at} title={exact(Date.parse(page.updated_at))}>
          As of {moment(Date.parse(page.updated_at))}
        </time>
        <span>kept by auscult</span>
      </footer>
      <Tip />
    </main>
  );
}

function Missing({ error, retry }: { error: ApiError; retry: () => void }) {
  if (error.status === 401 || error.status === 404) return <Empty title="There is no public status page here." />;
  return <Fault error={error} retry={retry} />;
}
