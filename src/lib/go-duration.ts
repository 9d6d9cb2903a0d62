import { fail, ok } from "#lib/result";
import type { Result } from "#lib/result";

const unitMs: Readonly<Record<string, number>> = { ns: 1e-6, us: 1e-3, "µs": 1e-3, "μs": 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Go counts nanoseconds in 63 bits. */
const longestMs = 2 ** 63 / 1e6;

/** Parses a duration as Go writes it (`1h30m`, `250ms`, `0`) into milliseconds. The error says what to write instead. */
export function parseGoDuration(text: string): Result<number, string> {
  const wanted = `${JSON.stringify(text)} is not a duration; write one like 30s, 250ms or 1h30m`;
  const sign = text.startsWith("-") ? -1 : 1;
  const body = text.replace(/^[+-]/, "");
  if (body === "0") return ok(0);
  const parts = [...body.matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g)];
  if (parts.length === 0 || parts.map((part) => part[0]).join("") !== body) return fail(wanted);
  const ms = parts.reduce((sum, part) => sum + Number(part[1]) * (unitMs[part[2] ?? ""] ?? 0), 0);
  return ms > longestMs ? fail(`${JSON.stringify(text)} is longer than 292 years, which no duration can be`) : ok(sign * ms);
}
