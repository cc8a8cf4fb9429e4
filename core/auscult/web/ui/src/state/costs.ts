// What AI services have cost in the last hour, asked for while somebody looks.
import { signal } from "@preact/signals";
import { get } from "../api/client";
import { quantity } from "../format/numbers";

export interface Costs {
  seconds: number;
  calls: number;
  unpriced: number;
  calls_usd: number | null;
  probes_usd: number | null;
}

/** Null until it is known. */
export const spent = signal<Costs | null>(null);

export async function loadCosts(): Promise<void> {
  spent.value = await get<Costs>("/api/v1/costs").catch(() => spent.value);
}

/** The sum in words, null where nobody has said: that is not the same as nothing. */
export function spentOn(costs: Costs): string | null {
  if (costs.calls_usd === null && costs.probes_usd === null) return null;
  return quantity((costs.calls_usd ?? 0) + (costs.probes_usd ?? 0), "USD");
}
