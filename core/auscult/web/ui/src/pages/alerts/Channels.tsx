// The channels, how they are doing, and a test through each.
import { useEffect, useState } from "preact/hooks";
import { path, post } from "../../api/client";
import type { Channel, Tested } from "../../api/types";
import { count, ms } from "../../format/numbers";
import { Action } from "../../parts/Action";
import { Moment } from "../../parts/Moment";
import { Sign } from "../../parts/Sign";
import { Empty } from "../../parts/states";
import { channels, loadChannels } from "../../state/alerts";
import { href } from "../../state/route";
import { may } from "../../state/session";

export function Channels() {
  useEffect(() => void loadChannels().catch(() => {}), []);
  if (channels.value.length === 0)
    return <Empty title="No channel is configured.">Alerts are shown here and nobody is told.</Empty>;
  return (
    <div class="grid-cards">
      {channels.value.map((channel) => (
        <ChannelCard key={channel.name} channel={channel} />
      ))}
    </div>
  );
}

function ChannelCard({ channel }: { channel: Channel }) {
  const [tested, setTested] = useState<Tested | null>(null);
  const failing = channel.failing_since !== null;
  const test = async () => {
    setTested(null);
    setTested(await post<Tested>(`/api/v1/channels${path(channel.name)}/test`));
  };
  return (
    <article class="card" aria-label={`Channel ${channel.name}`}>
      <div class="between">
        <h2>
          <Sign status={failing ? "unhealthy" : channel.delivered > 0 ? "healthy" : "unknown"} /> {channel.name}
          {channel.kind !== channel.name ? <span class="soft"> {channel.kind}</span> : null}
        </h2>
        {may("operator") ? (
          <Action small act={test}>
            Send a test
          </Action>
        ) : null}
      </div>
      <p>
        {failing ? (
          <>
            <b class="is-unhealthy">failing</b> for <Moment at={channel.failing_since} as="for" />
            {channel.paused ? ", only single attempts are made" : ""}
          </>
        ) : channel.delivered > 0 ? (
          "works"
        ) : (
          "has not been used since the start"
        )}
        {channel.best_effort ? <span class="soft"> · whether a notice arrived cannot be known for certain</span> : null}
      </p>
      <dl class="pairs">
        <div>
          <dt>delivered</dt>
          <dd>{channel.delivered}</dd>
        </div>
        <div>
          <dt>failed attempts</dt>
          <dd>{channel.failed}</dd>
        </div>
        <div>
          <dt>waiting</dt>
          <dd>{channel.waiting + channel.in_flight}</dd>
        </div>
        <div>
          <dt>given up</dt>
          <dd>
            {channel.given_up > 0 ? (
              <a href={`${href("alerts", "deliveries")}?state=dead`}>{count(channel.given_up, "notice")}</a>
            ) : (
              0
            )}
          </dd>
        </div>
      </dl>
      {channel.last_error ? <p class="quote">{channel.last_error}</p> : null}
      {tested ? (
        <p class={tested.delivered ? "good" : "fault"} role="status">
          {tested.delivered
            ? `The test was delivered${tested.seconds === null ? "" : ` in ${ms(tested.seconds * 1000)}`}.`
            : `The test failed: ${tested.error}`}
        </p>
      ) : null}
    </article>
  );
}
