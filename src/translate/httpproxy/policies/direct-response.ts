import type { FieldPath } from "#k8s/object";
import type { DirectResponseAction } from "#model/route";
import type { RouteSpec } from "#translate/httpproxy/routes";
import type { Parsed } from "#translate/shared/parsed";

/** Reads a directResponsePolicy. */
export function directResponse(policy: NonNullable<RouteSpec["directResponsePolicy"]>, _at: FieldPath): Parsed<DirectResponseAction> {
  return { problems: [], value: { kind: "direct-response", status: policy.statusCode, ...(policy.body === undefined || policy.body === "" ? {} : { body: policy.body }) } };
}
