import { inlineString } from "#envoy/data-source";
import { forwardAction } from "#envoy/forward-action";
import { envoyPathRewrite } from "#envoy/path-rewrite";
import { DirectResponseAction as EnvoyDirectResponse, RedirectAction as EnvoyRedirect, RedirectAction_RedirectResponseCode as Code } from "#gen/envoy/envoy/config/route/v3/route_components";
import type { Route as EnvoyRoute } from "#gen/envoy/envoy/config/route/v3/route_components";
import type { RedirectAction, Route } from "#model/route";

/** What Envoy does with a request that takes a route. */
export function routeAction(route: Route): NonNullable<EnvoyRoute["action"]> {
  const { action } = route;
  switch (action.kind) {
    case "forward":
      return { $case: "route", value: forwardAction(route, action) };
    case "redirect":
      return { $case: "redirect", value: redirect(route, action) };
    case "direct-response":
      return directResponse(action.status, action.body);
  }
}

/** Answers without a backend. */
export function directResponse(status: number, body?: string): { readonly $case: "directResponse"; readonly value: EnvoyDirectResponse } {
  return { $case: "directResponse", value: EnvoyDirectResponse.fromPartial({ status, ...(body === undefined ? {} : { body: inlineString(body) }) }) };
}

const codes: Readonly<Record<RedirectAction["code"], Code>> = { 301: Code.MOVED_PERMANENTLY, 302: Code.FOUND, 303: Code.SEE_OTHER, 307: Code.TEMPORARY_REDIRECT, 308: Code.PERMANENT_REDIRECT };

function redirect(route: Route, { scheme, host, port, code }: RedirectAction): EnvoyRedirect {
  return EnvoyRedirect.fromPartial({
    ...(scheme === undefined ? {} : { schemeRewriteSpecifier: { $case: "schemeRedirect", value: scheme } }),
    hostRedirect: host ?? "",
    portRedirect: port ?? 0,
    responseCode: codes[code],
    ...redirectPath(route),
  });
}

function redirectPath({ match, action }: Route): Pick<Partial<EnvoyRedirect>, "pathRewriteSpecifier"> {
  if (action.kind !== "redirect" || action.path === undefined) return {};
  if (action.path.kind === "full") return { pathRewriteSpecifier: { $case: "pathRedirect", value: action.path.path } };
  const rewrite = envoyPathRewrite(match.path, action.path);
  if (rewrite.kind === "prefix") return { pathRewriteSpecifier: { $case: "prefixRewrite", value: rewrite.prefix } };
  return { pathRewriteSpecifier: { $case: "regexRewrite", value: rewrite.rewrite } };
}
