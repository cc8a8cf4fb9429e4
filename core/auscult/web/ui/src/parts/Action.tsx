// A button that does something on the server: it waits, and says what went wrong beside itself.
import type { ComponentChildren } from "preact";
import { useRef, useState } from "preact/hooks";
import { ApiError } from "../api/client";

export interface Doing {
  busy: boolean;
  error: ApiError | null;
  run: (what: () => Promise<unknown>) => Promise<boolean>;
  clear: () => void;
}

/** Runs one thing at a time and keeps its failure. */
export function useDoing(): Doing {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const run = async (what: () => Promise<unknown>): Promise<boolean> => {
    setBusy(true);
    setError(null);
    try {
      await what();
      return true;
    } catch (thrown) {
      setError(thrown instanceof ApiError ? thrown : new ApiError(0, String(thrown)));
      return false;
    } finally {
      setBusy(false);
    }
  };
  return { busy, error, run, clear: () => setError(null) };
}

interface Props {
  children: ComponentChildren;
  act: () => Promise<unknown>;
  kind?: "plain" | "primary" | "danger";
  small?: boolean;
  /** Asked for again before it is done. */
  sure?: string;
}

export function Action({ children, act, kind = "plain", small = false, sure }: Props) {
  const doing = useDoing();
  const [asking, setAsking] = useState(false);
  const wasAsking = useRef(false);
  // The button and the question take each other's place; the focus goes along.
  const focused = (element: HTMLButtonElement | null) => {
    if (element && wasAsking.current !== asking) {
      wasAsking.current = asking;
      element.focus();
    }
  };
  const size = small ? "small" : "";
  if (asking) {
    return (
      <span class="sure" role="group" aria-label={sure}>
        <span>{sure}</span>
        <button
          type="button"
          class={`button danger ${size}`}
          disabled={doing.busy}
          onClick={() => void doing.run(act).then(() => setAsking(false))}
        >
          Yes
        </button>
        <button ref={focused} type="button" class={`button ${size}`} onClick={() => setAsking(false)}>
          No
        </button>
      </span>
    );
  }
  return (
    <>
      <button
        ref={focused}
        type="button"
        class={`button ${kind} ${size}`}
        disabled={doing.busy}
        aria-busy={doing.busy}
        onClick={() => (sure ? setAsking(true) : void doing.run(act))}
      >
        {children}
      </button>
      {doing.error ? (
        <span class="action-error" role="alert">
          {doing.error.message}
        </span>
      ) : null}
    </>
  );
}
