import { fail, ok } from "#lib/result";
import type { Result } from "#lib/result";
import type { Origin } from "#model/origin";
import { unresolvedCluster } from "#model/route";
import type { ForwardTarget } from "#model/route";
import type { HttpBackendReference, HttpRouteFilter } from "#translate/gateway/api";
import type { RouteVisit } from "#translate/gateway/backends";
import { requestHeaders, responseHeaders } from "#translate/gateway/http-route/header-modifier";
import { unsupported } from "#translate/gateway/http-route/rule-problem";
import type { RuleProblem } from "#translate/gateway/http-route/rule-problem";

/** The backends that get a share of the requests. Empty when nobody does, or only backends that cannot be resolved. */
export function parseTargets(visit: RouteVisit, references: readonly HttpBackendReference[] | undefined, origin: Origin): Result<readonly ForwardTarget[], RuleProblem> {
  const targets: ForwardTarget[] = [];
  for (const [i, reference] of (references ?? []).entries()) {
    const at = `backendRefs[${i}]`;
    const changes = backendFilters(reference.filters, at);
    if (!changes.ok) return changes;
    const cluster = visit.resolve(reference, at, origin) ?? unresolvedCluster;
    const weight = reference.weight ?? 1;
    if (weight > 0) targets.push({ cluster, weight, ...changes.value });
  }
  return ok(targets.every((target) => target.cluster === unresolvedCluster) ? [] : targets);
}

type BackendChanges = Pick<ForwardTarget, "requestHeaders" | "responseHeaders" | "hostRewrite">;

function backendFilters(filters: readonly HttpRouteFilter[] | undefined, at: string): Result<BackendChanges, RuleProblem> {
  let changes: BackendChanges = {};
  for (const [i, filter] of (filters ?? []).entries()) {
    const added = backendFilter(filter, `${at}.filters[${i}]`);
    if (!added.ok) return added;
    changes = { ...changes, ...added.value };
  }
  return ok(changes);
}

function backendFilter(filter: HttpRouteFilter, at: string): Result<BackendChanges, RuleProblem> {
  if (filter.type === "RequestHeaderModifier") {
    const change = requestHeaders(filter.requestHeaderModifier, at);
    if (!change.ok) return change;
    const { headers, hostRewrite } = change.value;
    return ok({ requestHeaders: headers, ...(hostRewrite === undefined ? {} : { hostRewrite }) });
  }
  if (filter.type !== "ResponseHeaderModifier") return fail(unsupported(`${at}.type ${JSON.stringify(filter.type)} is not supported for a single backend; use RequestHeaderModifier or ResponseHeaderModifier, or move it to the rule`));
  const headers = responseHeaders(filter.responseHeaderModifier, at);
  return headers.ok ? ok({ responseHeaders: headers.value }) : headers;
}
