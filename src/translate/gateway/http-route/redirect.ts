import { fail, ok } from "#lib/result";
import type { Result } from "#lib/result";
import type { PathMatch, RedirectAction } from "#model/route";
import type { HttpRouteFilter } from "#translate/gateway/api";
import { pathRewrite } from "#translate/gateway/http-route/path-modifier";
import { unsupported } from "#translate/gateway/http-route/rule-problem";
import type { RuleProblem } from "#translate/gateway/http-route/rule-problem";
import type { HttpProtocol } from "#translate/gateway/listener-names";

const codes = [301, 302, 303, 307, 308] as const;
const defaultPorts: Readonly<Record<HttpProtocol, number>> = { http: 80, https: 443 };

/** Reads a RequestRedirect filter for one match of its rule. */
export function requestRedirect(redirect: NonNullable<HttpRouteFilter["requestRedirect"]>, match: PathMatch, at: string): Result<RedirectAction, RuleProblem> {
  const code = codes.find((candidate) => candidate === (redirect.statusCode ?? 302));
  if (code === undefined) return fail(unsupported(`${at}.statusCode is ${redirect.statusCode}; use ${codes.join(", ")}`));
  const { scheme, hostname, port } = redirect;
  if (scheme !== undefined && scheme !== "http" && scheme !== "https") return fail(unsupported(`${at}.scheme is ${JSON.stringify(scheme)}; use http or https`));
  const path = redirect.path === undefined ? undefined : pathRewrite(redirect.path, match, `${at}.path`);
  if (path !== undefined && !path.ok) return path;
  return ok({
    kind: "redirect",
    code,
    ...(scheme === undefined ? {} : { scheme }),
    ...(hostname === undefined ? {} : { host: hostname }),
    ...(port === undefined ? {} : { port }),
    ...(path === undefined ? {} : { path: path.value }),
  });
}

/**
 * Completes a redirect for a listener. Without a port it leads to the usual port of the scheme that it sets, else to the
 * listener's own. Usual ports are not written, unless the Host of the request may bring another one along.
 */
export function redirectFrom(action: RedirectAction, listener: { readonly protocol: HttpProtocol; readonly port: number }): RedirectAction {
  const usual = defaultPorts[action.scheme ?? listener.protocol];
  const wanted = action.port ?? (action.scheme === undefined ? listener.port : usual);
  const { port: _port, ...rest } = action;
  const hostBringsPort = action.host === undefined && listener.port !== defaultPorts[listener.protocol];
  return wanted === usual && !hostBringsPort ? rest : { ...rest, port: wanted };
}
