import { proxyError } from "#conditions/http-proxy";
import { headerTextProblem, isHeaderText } from "#lib/http-text";
import type { FieldPath } from "#k8s/object";
import type { RedirectAction } from "#model/route";
import type { RouteSpec } from "#translate/httpproxy/routes";
import type { Parsed } from "#translate/shared/parsed";

/** Reads a requestRedirectPolicy. */
export function requestRedirect(policy: NonNullable<RouteSpec["requestRedirectPolicy"]>, at: FieldPath): Parsed<RedirectAction> {
  if (policy.path !== undefined && policy.path !== "" && policy.prefix !== undefined && policy.prefix !== "") return { problems: [proxyError("RouteError", "RequestRedirectPolicy", at, "path and prefix exclude each other; remove one of them")] };
  for (const field of ["path", "prefix"] as const) if (!isHeaderText(policy[field] ?? "")) return { problems: [proxyError("RouteError", "RequestRedirectPolicy", [...at, field], headerTextProblem(policy[field] ?? ""))] };
  const scheme = policy.scheme === "http" || policy.scheme === "https" ? policy.scheme : undefined;
  return {
    problems: [],
    value: {
      kind: "redirect",
      code: (policy.statusCode ?? 302) as RedirectAction["code"],
      ...(scheme === undefined ? {} : { scheme }),
      ...(policy.hostname === undefined || policy.hostname === "" ? {} : { host: policy.hostname }),
      ...(policy.port === undefined ? {} : { port: policy.port }),
      ...(policy.path === undefined || policy.path === "" ? {} : { path: { kind: "full", path: policy.path } as const }),
      ...(policy.prefix === undefined || policy.prefix === "" ? {} : { path: { kind: "prefix", prefix: policy.prefix } as const }),
    },
  };
}
