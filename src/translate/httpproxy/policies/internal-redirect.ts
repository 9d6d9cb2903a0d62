import { proxyError } from "#conditions/http-proxy";
import { rangeProblem } from "#lib/uint32";
import type { FieldPath } from "#k8s/object";
import type { InternalRedirect } from "#model/route";
import type { RouteSpec } from "#translate/httpproxy/routes";
import type { Parsed } from "#translate/shared/parsed";

/** Reads an internalRedirectPolicy. */
export function internalRedirect(policy: RouteSpec["internalRedirectPolicy"], at: FieldPath): Parsed<InternalRedirect> {
  if (policy === undefined) return { problems: [] };
  const wrong = rangeProblem(policy.maxInternalRedirects, 0);
  if (wrong !== undefined) return { problems: [proxyError("RouteError", "InternalRedirectPolicyInvalid", [...at, "maxInternalRedirects"], wrong)] };
  const crossScheme = policy.allowCrossSchemeRedirect === "Always" ? "always" : policy.allowCrossSchemeRedirect === "SafeOnly" ? "safe-only" : "never";
  const max = policy.maxInternalRedirects;
  return { problems: [], value: { codes: policy.redirectResponseCodes ?? [], crossScheme, denyRepeatedRoute: policy.denyRepeatedRouteRedirect ?? false, ...(max === undefined || max === 0 ? {} : { maxRedirects: max }) } };
}
