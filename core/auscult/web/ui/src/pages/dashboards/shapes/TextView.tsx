// Words: what a panel has to say, or what it waits for.
import type { TextShape, Waiting } from "../../../api/dashboards";
import type { Status } from "../../../api/types";
import { isWeb } from "../../../parts/Link";
import { Sign } from "../../../parts/Sign";

const TONES: Record<TextShape["tone"], Status | null> = {
  normal: null,
  good: "healthy",
  warning: "degraded",
  bad: "unhealthy",
};

export function TextView({ text }: { text: TextShape }) {
  const status = TONES[text.tone] ?? null;
  return (
    <div class="text-shape">
      {status ? <Sign status={status} size={18} /> : null}
      <div>
        {text.text.split(/\n\s*\n/).map((paragraph, n) => (
          <p key={n} class="pre-line">
            {paragraph}
          </p>
        ))}
      </div>
    </div>
  );
}

export function WaitingView({ waiting }: { waiting: Waiting }) {
  return (
    <div class="waiting">
      <p>{waiting.message}</p>
      {waiting.connect ? (
        <pre class="code" tabIndex={0} aria-label={`To connect it, ${waiting.language}`}>
          {waiting.connect}
        </pre>
      ) : null}
      {waiting.link ? (
        <p class="soft">
          {isWeb(waiting.link) ? (
            <a href={waiting.link} rel="noreferrer noopener">
              More about it
            </a>
          ) : (
            <>More about it: {waiting.link}</>
          )}
        </p>
      ) : null}
    </div>
  );
}
