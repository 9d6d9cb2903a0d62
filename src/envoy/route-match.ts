import { headerMatcher, queryMatcher, regexMatcher } from "#envoy/match";
import type { HeaderMatcher } from "#gen/envoy/envoy/config/route/v3/route_components";
import { RouteMatch as EnvoyRouteMatch } from "#gen/envoy/envoy/config/route/v3/route_components";
import type { HeaderMatch, PathMatch, RouteMatch } from "#model/route";

/** What a request must be to take a route, with what else its host asks of it. */
export function routeMatch(match: RouteMatch, more: readonly HeaderMatcher[]): EnvoyRouteMatch {
  return EnvoyRouteMatch.fromPartial({
    pathSpecifier: pathSpecifier(match.path),
    headers: [...more, ...methodMatch(match.method).map(headerMatcher), ...match.headers.map(headerMatcher)],
    queryParameters: match.queryParameters.map(queryMatcher),
    ...(match.grpc === undefined ? {} : { grpc: {} }),
  });
}

function methodMatch(method: string | undefined): readonly HeaderMatch[] {
  if (method === undefined) return [];
  return [{ name: ":method", value: { kind: "exact", value: method, ignoreCase: false }, invert: false, treatMissingAsEmpty: false }];
}

/** The prefix of a match by path segments, without slashes at its end. */
export function segmentPrefix(path: string): string {
  return path.replace(/\/+$/, "");
}

function pathSpecifier(path: PathMatch): NonNullable<EnvoyRouteMatch["pathSpecifier"]> {
  switch (path.kind) {
    case "exact":
      return { $case: "path", value: path.path };
    case "regex":
      return { $case: "safeRegex", value: regexMatcher(path.pattern) };
    case "prefix": {
      if (path.by === "string") return { $case: "prefix", value: path.path };
      const prefix = segmentPrefix(path.path);
      return prefix === "" ? { $case: "prefix", value: "/" } : { $case: "pathSeparatedPrefix", value: prefix };
    }
  }
}
