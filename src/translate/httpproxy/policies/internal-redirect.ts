import type { FieldPath } from "#k8s/object";
import type { InternalRedirect } from "#model/route";
import type { RouteSpec } from "#translate/httpproxy/routes";
import type { Parsed } from "#translate/shared/parsed";

/** Reads an internalRedirectPolicy. */
export function internalRedirect(policy: RouteSpec["internalRedirectPolicy"], _at: FieldPath): Parsed<InternalRedirect> {
  if (policy === undefined) return { problems: [] };
  const crossScheme = policy.allowCrossSchemeRedirect === "Always" ? "always" : policy.allowCrossSchemeRedirect === "SafeOnly" ? "safe-only" : "never";
  const max = policy.maxInternalRedirects;
  return { problems: [], value: { codes: policy.redirectResponseCodes ?? [], crossScheme, denyRepeatedRoute: policy.denyRepeatedRouteRedirect ?? false, ...(max === undefined || max === 0 ? {} : { maxRedirects: max }) } };
}
