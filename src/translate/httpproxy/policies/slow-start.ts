import { proxyError } from "#conditions/http-proxy";
import { parseGoDuration } from "#lib/go-duration";
import type { FieldPath } from "#k8s/object";
import type { SlowStart } from "#model/cluster";
import type { ServiceSpec } from "#translate/httpproxy/services";
import type { Parsed } from "#translate/shared/parsed";

/** Reads a service's slowStartPolicy; it works with RoundRobin and WeightedLeastRequest only. */
export function slowStart(policy: ServiceSpec["slowStartPolicy"], at: FieldPath, strategy: string | undefined): Parsed<SlowStart> {
  if (policy === undefined) return { problems: [] };
  const refuse = (field: readonly string[], message: string): Parsed<SlowStart> => ({ problems: [proxyError("ServiceError", "SlowStartInvalid", [...at, ...field], message)] });
  if (strategy !== undefined && ["Random", "Cookie", "RequestHash"].includes(strategy)) return refuse([], `slow start does not work with the strategy ${strategy}; use RoundRobin or WeightedLeastRequest`);
  const window = parseGoDuration(policy.window);
  if (!window.ok) return refuse(["window"], window.error);
  if (window.value < 0) return refuse(["window"], `${JSON.stringify(policy.window)} is negative; write a duration like 30s`);
  const text = policy.aggression === undefined || policy.aggression === "" ? "1.0" : policy.aggression;
  const aggression = /^(\d+(\.\d+)?|\.\d+)$/.test(text) ? Number(text) : Number.NaN;
  if (!(aggression > 0)) return refuse(["aggression"], `${JSON.stringify(text)} is not a number above 0; write one like 1.5`);
  return { problems: [], value: { windowMs: window.value, aggression, minimumWeightPercent: policy.minWeightPercent ?? 10 } };
}
