// What one part of a page asks for: kept while it is asked for again, so that nothing flickers.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { ApiError, get } from "../api/client";

export interface Fetched<T> {
  data: T | null;
  error: ApiError | null;
  /** True until the first answer for this address. */
  loading: boolean;
  reload: () => void;
  set: (data: T) => void;
}

/** Asks for `where` (`null`: for nothing), and again whenever one of `when` changes. */
export function useFetched<T>(where: string | null, when: unknown[] = []): Fetched<T> {
  const [state, setState] = useState<{ where: string | null; data: T | null; error: ApiError | null }>({
    where: null,
    data: null,
    error: null,
  });
  const [turn, setTurn] = useState(0);
  const latest = useRef(0);
  useEffect(() => {
    if (where === null) return;
    latest.current += 1;
    const mine = latest.current;
    get<T>(where).then(
      (data) => {
        if (mine === latest.current) setState({ where, data, error: null });
      },
      (thrown: unknown) => {
        if (mine !== latest.current) return;
        const error = thrown instanceof ApiError ? thrown : new ApiError(0, String(thrown));
        setState((before) => ({ where, data: before.where === where ? before.data : null, error }));
      },
    );
    return () => {
      latest.current += 1;
    };
  }, [where, turn, ...when]);
  const reload = useCallback(() => setTurn((n) => n + 1), []);
  const set = useCallback((data: T) => setState({ where, data, error: null }), [where]);
  const current = state.where === where;
  return {
    data: current ? state.data : null,
    error: current ? state.error : null,
    loading: where !== null && !current,
    reload,
    set,
  };
}
