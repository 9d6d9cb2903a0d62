import { proxyError } from "#conditions/http-proxy";
import type { HttpProxyProblem } from "#conditions/http-proxy";
import { parseGoDuration } from "#lib/go-duration";
import type { FieldPath } from "#k8s/object";
import type { TimeoutSetting } from "#model/route";
import type { Parsed } from "#translate/shared/parsed";
import type { RouteSpec } from "#translate/httpproxy/routes";

/** The time limits of a route. */
export interface RouteTimeouts {
  readonly response?: TimeoutSetting;
  readonly idle?: TimeoutSetting;
  readonly idleConnectionMs?: number;
}

/** Reads a time limit: empty and 0 mean the default, `infinity` none, otherwise a Go duration. */
export function parseTimeout(text: string | undefined): { readonly setting?: TimeoutSetting; readonly error?: string } {
  if (text === undefined || text === "") return {};
  if (text === "infinity" || text === "infinite") return { setting: { kind: "off" } };
  const parsed = parseGoDuration(text);
  if (!parsed.ok) return { error: `${parsed.error}, or infinity` };
  if (parsed.value < 0) return { error: `${JSON.stringify(text)} is negative; write a duration like 30s` };
  return parsed.value === 0 ? {} : { setting: { kind: "after", ms: parsed.value } };
}

/** Reads a route's timeoutPolicy. */
export function routeTimeouts(policy: RouteSpec["timeoutPolicy"], at: FieldPath): Parsed<RouteTimeouts> {
  const problems: HttpProxyProblem[] = [];
  const take = (field: "response" | "idle" | "idleConnection"): TimeoutSetting | undefined => {
    const { setting, error } = parseTimeout(policy?.[field]);
    if (error !== undefined) problems.push(proxyError("RouteError", "TimeoutPolicyNotValid", [...at, field], error));
    return setting;
  };
  const [response, idle, connection] = [take("response"), take("idle"), take("idleConnection")];
  if (problems.length > 0) return { problems };
  const idleConnectionMs = connection === undefined ? undefined : connection.kind === "off" ? 0 : connection.ms;
  return { problems, value: { ...(response === undefined ? {} : { response }), ...(idle === undefined ? {} : { idle }), ...(idleConnectionMs === undefined ? {} : { idleConnectionMs }) } };
}
