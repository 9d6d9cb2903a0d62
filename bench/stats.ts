/** The usual percentiles of a set of samples. */
export interface Summary {
  readonly count: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

/** Sums samples up; percentiles are samples that occurred (nearest rank). */
export function summarize(samples: readonly number[]): Summary {
  const sorted = samples.toSorted((a, b) => a - b);
  const rank = (share: number): number => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
  return { count: sorted.length, p50: rank(0.5), p90: rank(0.9), p99: rank(0.99), max: rank(1) };
}

/** `p50 / p90 / p99` in milliseconds, as tables show it. */
export function formatSummary({ p50, p90, p99 }: Summary): string {
  return [p50, p90, p99].map((value) => value.toFixed(1)).join(" / ");
}

/** Bytes as people read them. */
export function formatBytes(bytes: number): string {
  if (bytes < 10_000) return `${Math.round(bytes)} B`;
  return bytes < 1_000_000 ? `${(bytes / 1000).toFixed(0)} kB` : `${(bytes / 1_000_000).toFixed(2)} MB`;
}
