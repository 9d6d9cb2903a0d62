import type { Sight } from "#doctor/verdict";

/** How long connections and answers took on one kind of way. */
export interface Latency {
  readonly way: "same-node" | "other-node" | "unknown-node";
  readonly family: "IPv4" | "IPv6";
  readonly endpoints: number;
  /** Medians, in milliseconds; of the answer, where requests were sent. */
  readonly connectMs: number;
  readonly answerMs?: number;
}

const ways = ["same-node", "other-node", "unknown-node"] as const;
const families = ["IPv4", "IPv6"] as const;

/** Medians of what was seen from one Envoy, by way and address family. */
export function measure({ envoy, seen }: Sight): readonly Latency[] {
  const taken = seen.flatMap(({ target: { endpoint }, result }) => {
    if (result.connectMs === undefined) return [];
    const way: Latency["way"] = endpoint?.node === undefined || envoy.node === undefined ? "unknown-node" : endpoint.node === envoy.node ? "same-node" : "other-node";
    const family: Latency["family"] = (result.address ?? "").includes(":") ? "IPv6" : "IPv4";
    return [{ way, family, connectMs: result.connectMs, answerMs: result.answerMs }];
  });
  return ways.flatMap((way) => families.flatMap((family): readonly Latency[] => {
    const group = taken.filter((one) => one.way === way && one.family === family);
    if (group.length === 0) return [];
    const answers = group.flatMap(({ answerMs }) => answerMs ?? []);
    return [{ way, family, endpoints: group.length, connectMs: median(group.map(({ connectMs }) => connectMs)), ...(answers.length === 0 ? {} : { answerMs: median(answers) }) }];
  }));
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return Math.round((sorted[Math.floor(sorted.length / 2)] ?? 0) * 100) / 100;
}
