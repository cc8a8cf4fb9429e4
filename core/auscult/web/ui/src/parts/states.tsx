// What stands where there is nothing to show: yet, at all, or because something failed.
import type { ComponentChildren } from "preact";
import type { ApiError } from "../api/client";

/** Grey lines in the place of what is coming; only shown when it takes long enough to be seen. */
export function Loading({ lines = 3, label = "Loading" }: { lines?: number; label?: string }) {
  return (
    <div class="loading" role="status">
      <span class="visually-hidden">{label}</span>
      {Array.from({ length: lines }, (_, n) => (
        <div key={n} class={`bone bone-${n % 3}`} />
      ))}
    </div>
  );
}

export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children ? <div class="soft">{children}</div> : null}
    </div>
  );
}

/** What went wrong, in the server's own words, and a way to try again. */
export function Fault({ error, retry }: { error: ApiError; retry?: () => void }) {
  const words = error.status === 403 ? "You may not see this with your role." : error.message;
  return (
    <div class="fault" role="alert">
      <p>{words}</p>
      {error.findings.length > 0 ? (
        <ul>
          {error.findings.map((finding, n) => (
            <li key={n}>
              {finding.key ? <code>{finding.key}</code> : null} {finding.message}
            </li>
          ))}
        </ul>
      ) : null}
      {retry ? (
        <button type="button" class="button" onClick={retry}>
          Try again
        </button>
      ) : null}
    </div>
  );
}
