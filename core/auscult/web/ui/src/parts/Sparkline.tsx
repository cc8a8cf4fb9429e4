// A line without axes: how a few values went.
const WIDE = 100;
const HIGH = 24;

export function Sparkline({ values, label }: { values: (number | null)[]; label: string }) {
  const known = values.filter((value): value is number => value !== null);
  if (known.length < 2)
    return <svg class="spark" viewBox={`0 0 ${WIDE} ${HIGH}`} role="img" aria-label={`${label}: too few values`} />;
  const least = Math.min(...known);
  const most = Math.max(...known);
  const spread = most - least || 1;
  const step = WIDE / (values.length - 1);
  let path = "";
  let pen = "M";
  values.forEach((value, n) => {
    if (value === null) {
      pen = "M";
      return;
    }
    path += `${pen}${(n * step).toFixed(1)} ${(HIGH - 3 - ((value - least) / spread) * (HIGH - 6)).toFixed(1)}`;
    pen = "L";
  });
  return (
    <svg class="spark" viewBox={`0 0 ${WIDE} ${HIGH}`} preserveAspectRatio="none" role="img" aria-label={label}>
      <path d={path} />
    </svg>
  );
}
