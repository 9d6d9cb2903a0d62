import { proxyWarning } from "#conditions/http-proxy";
import type { HttpProxyProblem } from "#conditions/http-proxy";
import { isHeaderName } from "#lib/http-text";
import type { FieldPath } from "#k8s/object";
import type { LoadBalancing } from "#model/cluster";
import type { HashPolicy } from "#model/policy";
import type { RouteSpec } from "#translate/httpproxy/routes";
import type { Parsed } from "#translate/shared/parsed";

/** How endpoints are chosen, and by what of a request. */
export interface Balancing {
  readonly loadBalancing: LoadBalancing;
  readonly hashPolicies: readonly HashPolicy[];
}

type Policy = RouteSpec["loadBalancerPolicy"];
type HashSpec = NonNullable<NonNullable<Policy>["requestHashPolicies"]>[number];

/** The cookie that Go Contour sets for sticky sessions. */
const sessionCookie: HashPolicy = { kind: "cookie", name: "X-Contour-Session-Affinity", path: "/", terminal: true };

/** Reads a loadBalancerPolicy. A strategy that is unknown or not possible here falls back to round robin, with a warning. */
export function loadBalancing(policy: Policy, at: FieldPath, options: { readonly allowHash: boolean; readonly owner: "SpecError" | "TCPProxyError" }): Parsed<Balancing> {
  const ignored = (message: string): Parsed<Balancing> => ({ value: { loadBalancing: "round-robin", hashPolicies: [] }, problems: [options.owner === "SpecError" ? proxyWarning("SpecError", "IgnoredField", [...at, "strategy"], message) : proxyWarning("TCPProxyError", "IgnoredField", [...at, "strategy"], message)] });
  const plain = (value: LoadBalancing): Parsed<Balancing> => ({ value: { loadBalancing: value, hashPolicies: [] }, problems: [] });
  switch (policy?.strategy) {
    case undefined:
    case "":
    case "RoundRobin":
      return plain("round-robin");
    case "WeightedLeastRequest":
      return plain("least-request");
    case "Random":
      return plain("random");
    case "Cookie":
      return options.allowHash ? { value: { loadBalancing: "ring-hash", hashPolicies: [sessionCookie] }, problems: [] } : ignored("Cookie needs HTTP, so RoundRobin is used; write RoundRobin, WeightedLeastRequest or Random");
    case "RequestHash":
      return options.allowHash ? requestHash(policy.requestHashPolicies ?? [], [...at, "requestHashPolicies"]) : ignored("RequestHash needs HTTP, so RoundRobin is used; write RoundRobin, WeightedLeastRequest or Random");
    default:
      return ignored(`${JSON.stringify(policy?.strategy)} is not a strategy, so RoundRobin is used; write RoundRobin, WeightedLeastRequest, Random, Cookie or RequestHash`);
  }
}

function requestHash(specs: readonly HashSpec[], at: FieldPath): Parsed<Balancing> {
  const problems: HttpProxyProblem[] = [];
  const policies: HashPolicy[] = [];
  for (const [i, spec] of specs.entries()) {
    const policy = hashPolicy(spec);
    const ignore = (message: string): void => void problems.push(proxyWarning("SpecError", "IgnoredField", [...at, i], message));
    if (policy === undefined) ignore("this entry is ignored: it needs exactly one of headerHashOptions, queryParameterHashOptions and hashSourceIP");
    else if (policy.kind === "header" && !isHeaderName(policy.name)) ignore(`this entry is ignored: ${JSON.stringify(policy.name)} is not a header name`);
    else if (policies.some((other) => JSON.stringify({ ...other, terminal: false }) === JSON.stringify({ ...policy, terminal: false }))) ignore("this entry is ignored: an earlier one hashes the same");
    else policies.push(policy);
  }
  if (policies.length === 0) problems.push(proxyWarning("SpecError", "IgnoredField", at, "no entry can be used, so RoundRobin is used"));
  return { problems, value: { loadBalancing: policies.length === 0 ? "round-robin" : "ring-hash", hashPolicies: policies } };
}

function hashPolicy(spec: HashSpec): HashPolicy | undefined {
  const terminal = spec.terminal ?? false;
  const found: readonly HashPolicy[] = [
    ...(spec.hashSourceIP === true ? [{ kind: "source-ip", terminal } as const] : []),
    ...(spec.headerHashOptions === undefined ? [] : [{ kind: "header", name: spec.headerHashOptions.headerName.toLowerCase(), terminal } as const]),
    ...(spec.queryParameterHashOptions === undefined ? [] : [{ kind: "query", name: spec.queryParameterHashOptions.parameterName, terminal } as const]),
  ];
  return found.length === 1 ? found[0] : undefined;
}
