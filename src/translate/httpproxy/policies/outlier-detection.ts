import { proxyError } from "#conditions/http-proxy";
import type { HttpProxyProblem } from "#conditions/http-proxy";
import { parseGoDuration } from "#lib/go-duration";
import type { FieldPath } from "#k8s/object";
import type { OutlierDetection } from "#model/policy";
import type { ServiceSpec } from "#translate/httpproxy/services";
import type { Parsed } from "#translate/shared/parsed";

/** Reads a service's outlierDetection. */
export function outlierDetection(spec: ServiceSpec["outlierDetection"], at: FieldPath): Parsed<OutlierDetection> {
  if (spec === undefined) return { problems: [] };
  const problems: HttpProxyProblem[] = [];
  const time = (field: "interval" | "baseEjectionTime"): number | undefined => {
    const text = spec[field];
    if (text === undefined || text === "") return undefined;
    const parsed = parseGoDuration(text);
    if (parsed.ok && parsed.value > 0) return parsed.value;
    problems.push(proxyError("ServiceError", "OutlierDetectionInvalid", [...at, field], parsed.ok ? `${JSON.stringify(text)} is not above 0; write a duration like 30s` : parsed.error));
    return undefined;
  };
  const [intervalMs, baseEjectionMs] = [time("interval"), time("baseEjectionTime")];
  if (problems.length > 0) return { problems };
  return {
    problems,
    value: {
      ...(spec.consecutiveErrors === undefined ? {} : { consecutiveErrors: spec.consecutiveErrors }),
      ...(intervalMs === undefined ? {} : { intervalMs }),
      ...(baseEjectionMs === undefined ? {} : { baseEjectionMs }),
      ...(spec.maxEjectionPercent === undefined ? {} : { maxEjectionPercent: spec.maxEjectionPercent }),
    },
  };
}
