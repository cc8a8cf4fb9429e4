// Numbers with their units, in as many digits as somebody reads.

const GROUPED = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

export function ms(value: number | null | undefined): string {
  if (value === null || value === undefined) return "–";
  if (value >= 100_000) return `${(value / 60_000).toFixed(1)} min`;
  if (value >= 1000) return `${(value / 1000).toFixed(value >= 10_000 ? 0 : 1)} s`;
  if (value >= 10) return `${value.toFixed(0)} ms`;
  return value >= 0.1 ? `${value.toFixed(1)} ms` : `${value.toPrecision(1)} ms`;
}

/** Never rounded up to 100: that would be a lie about an outage. */
export function percent(value: number | null | undefined, digits = 2): string {
  if (value === null || value === undefined) return "–";
  if (value >= 100) return "100 %";
  const scale = 10 ** digits;
  return `${(Math.floor(value * scale) / scale).toFixed(digits)} %`;
}

export function number(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e9) return `${(value / 1e9).toFixed(1)} G`;
  if (size >= 1e6) return `${(value / 1e6).toFixed(1)} M`;
  if (size >= 10_000) return GROUPED.format(value);
  if (Number.isInteger(value)) return String(value);
  return size >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(size < 0.1 ? 2 : 3)));
}

function bytes(value: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let size = value;
  let step = 0;
  while (Math.abs(size) >= 1024 && step < units.length - 1) {
    size /= 1024;
    step += 1;
  }
  return `${step === 0 || Math.abs(size) >= 100 ? size.toFixed(0) : size.toFixed(1)} ${units[step]}`;
}

/** A value in one of the units that panels use. */
export function quantity(value: number | null | undefined, unit: string): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  switch (unit) {
    case "%":
      return Number.isInteger(value) ? `${value} %` : percent(value, 1);
    case "ms":
      return ms(value);
    case "s":
      return Math.abs(value) < 1 || Math.abs(value) > 60 ? ms(value * 1000) : `${number(value)} s`;
    case "bytes":
      return bytes(value);
    case "bytes/s":
      return `${bytes(value)}/s`;
    case "1/s":
      return `${number(value)} /s`;
    case "USD":
      return `$${Math.abs(value) >= 0.01 || value === 0 ? value.toFixed(2) : value.toPrecision(2)}`;
    default:
      return unit ? `${number(value)} ${value === 1 ? singular(unit) : unit}` : number(value);
  }
}

const SYMBOLS = ["%", "ms", "s", "bytes", "bytes/s", "1/s", "USD"];

/** The same without nouns: beside an axis, or under a title that says them. */
export function onAxis(value: number | null, unit: string): string {
  return quantity(value, isNoun(unit) ? "" : unit);
}

/** Whether a unit is a word and no symbol. */
export function isNoun(unit: string): boolean {
  return unit !== "" && !SYMBOLS.includes(unit);
}

/** A noun for one or for many. */
export function noun(value: number | null, unit: string): string {
  return value === 1 ? singular(unit) : unit;
}

function singular(noun: string): string {
  return noun.replace(/ies$/, "y").replace(/([^s/])s$/, "$1");
}

/** `1 component`, `3 components`. */
export function count(n: number, noun: string, many = `${noun}s`): string {
  return `${n} ${n === 1 ? noun : many}`;
}
