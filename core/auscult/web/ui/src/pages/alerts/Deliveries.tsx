// What is on its way to the channels, what arrived, and what was given up.
import { useEffect, useState } from "preact/hooks";
import { post } from "../../api/client";
import type { Delivery } from "../../api/types";
import { Action } from "../../parts/Action";
import { Segments } from "../../parts/Fields";
import { Moment } from "../../parts/Moment";
import { Empty, Fault, Loading } from "../../parts/states";
import { changed } from "../../state/live";
import { useFetched } from "../../state/fetched";
import { href, route, setQuery } from "../../state/route";
import { may } from "../../state/session";

const STATES = [
  { value: "", title: "All" },
  { value: "pending", title: "Waiting" },
  { value: "dead", title: "Given up" },
  { value: "done", title: "Delivered" },
  { value: "silenced", title: "Silenced" },
];

export const DELIVERY: Record<string, string> = {
  pending: "waits",
  sending: "is being sent",
  done: "delivered",
  merged: "told together with a later one",
  silenced: "not told: silenced",
  dead: "given up",
};

const PAGE = 100;

interface Page {
  deliveries: Delivery[];
  next_before: string | null;
}

export function Deliveries() {
  const state = route.value.query.get("state") ?? "";
  const before = route.value.query.get("before") ?? "";
  const asked = new URLSearchParams({ limit: String(PAGE) });
  if (state) asked.set("state", state);
  if (before) asked.set("before", before);
  const where = `/api/v1/deliveries?${asked}`;
  const found = useFetched<Page>(where, [changed.value]);
  const [kept, setKept] = useState<{ where: string; page: Page } | null>(null);
  useEffect(() => {
    if (found.data) setKept({ where, page: found.data });
  }, [found.data]);
  const shown = kept?.where === where ? kept.page : null;
  return (
    <>
      <div class="toolbar">
        <Segments
          label="Only those in one state"
          value={state}
          set={(next) => setQuery({ state: next, before: null })}
          options={STATES}
        />
      </div>
      {found.error && !shown ? (
        <Fault error={found.error} retry={found.reload} />
      ) : (
        <div class="card flush">
          <DeliveryTable deliveries={shown?.deliveries ?? []} loading={shown === null} named reload={found.reload} />
        </div>
      )}
      <Pages before={before} next={shown?.next_before ?? null} />
    </>
  );
}

/** One page further back, or at the beginning again. */
function Pages({ before, next }: { before: string; next: string | null }) {
  if (!before && !next) return null;
  const turn = (key: string | null) => {
    setQuery({ before: key });
    scrollTo(0, 0);
  };
  return (
    <nav class="pages" aria-label="Pages of deliveries">
      <button type="button" class="button small" disabled={!before} onClick={() => turn(null)}>
        Newest
      </button>
      <button type="button" class="button small" disabled={!next} onClick={() => turn(next)}>
        Older
      </button>
    </nav>
  );
}

interface Props {
  deliveries: Delivery[];
  loading: boolean;
  named: boolean;
  reload: () => void;
}

export function DeliveryTable({ deliveries, loading, named, reload }: Props) {
  if (loading) return <Loading />;
  if (deliveries.length === 0)
    return <Empty title={named ? "Nothing is here." : "Nobody: no channel is meant to hear of it."} />;
  const resend = async (key: string) => {
    await post<Delivery>("/api/v1/deliveries/resend", { key });
    reload();
  };
  return (
    <div class="table-box" tabIndex={0} role="region" aria-label="Deliveries, scrollable">
      <table class="table deliveries">
        <thead>
          <tr>
            <th scope="col">When</th>
            <th scope="col">Channel</th>
            <th scope="col">{named ? "About" : "Change"}</th>
            <th scope="col">State</th>
            <th scope="col" class="number">
              Attempts
            </th>
            <th scope="col">What went wrong</th>
            <th scope="col">
              <span class="visually-hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {deliveries.map((delivery) => (
            <tr key={delivery.key} class={`delivery-${delivery.state}`}>
              <td class="nowrap">
                <Moment at={delivery.done_at ?? delivery.due} as="clock" />
              </td>
              <td>{delivery.channel}</td>
              <td>
                {named ? (
                  <>
                    <a href={href("alerts", delivery.alert)}>{delivery.rule}</a> {delivery.component}{" "}
                  </>
                ) : null}
                <span class="soft">{delivery.change}</span>
              </td>
              <td class="nowrap">{DELIVERY[delivery.state] ?? delivery.state}</td>
              <td class="number">{delivery.attempts}</td>
              <td class="wrap">{delivery.error}</td>
              <td>
                {delivery.state === "dead" && may("operator") ? (
                  <Action small act={() => resend(delivery.key)}>
                    Send again
                  </Action>
                ) : null}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
