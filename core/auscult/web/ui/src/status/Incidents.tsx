// Incidents and what was said about each, the latest first.
import { exact, moment, span } from "../format/time";
import type { Incident } from "./types";

export function Incidents({ incidents, title }: { incidents: Incident[]; title: string }) {
  if (incidents.length === 0) return null;
  return (
    <section class="incidents" aria-label={`Incidents: ${title}`}>
      <h2 class="section-title">{title}</h2>
      {incidents.map((incident) => (
        <article
          key={incident.id}
          class={`card incident ${incident.ended_at === null ? "open" : ""}`}
          aria-label={incident.title}
        >
          <h3>{incident.title}</h3>
          <p class="soft">
            {incident.state} · {lasted(incident)}
            {incident.components.length > 0 ? ` · ${incident.components.join(", ")}` : ""}
          </p>
          <ol class="life">
            {incident.updates.map((update) => (
              <li key={update.at}>
                <span class="change-time">
                  <time dateTime={update.at} title={exact(Date.parse(update.at))}>
                    {moment(Date.parse(update.at))}
                  </time>
                </span>
                <div>
                  <b>{update.state}</b>
                  {update.text ? <div class="pre-line">{update.text}</div> : null}
                </div>
              </li>
            ))}
          </ol>
        </article>
      ))}
    </section>
  );
}

function lasted({ started_at, ended_at }: Incident): string {
  const start = Date.parse(started_at);
  return ended_at === null
    ? `since ${moment(start)}`
    : `${moment(start)}, lasted ${span(Date.parse(ended_at) - start)}`;
}
