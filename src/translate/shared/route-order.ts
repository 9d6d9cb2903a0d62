import { compareText } from "#lib/compare";
import type { PathMatch, Route, RouteMatch } from "#model/route";

const pathRank: Readonly<Record<PathMatch["kind"], number>> = { exact: 0, regex: 1, prefix: 2 };

function pathText(path: PathMatch): string {
  return path.kind === "regex" ? path.pattern : path.path;
}

/** The longer path first; paths of one length in reverse alphabetical order, as Go Contour has it. */
function comparePaths(a: PathMatch, b: PathMatch): number {
  if (a.kind !== b.kind) return pathRank[a.kind] - pathRank[b.kind];
  const [left, right] = [pathText(a), pathText(b)];
  if (left.length !== right.length) return right.length - left.length;
  if (left !== right) return compareText(right, left);
  const segment = (path: PathMatch): number => (path.kind === "prefix" && path.by === "segment" ? 1 : 0);
  return segment(a) - segment(b);
}

/** A text that is equal for routes that match the same requests. */
export function matchKey(match: RouteMatch): string {
  const sorted = (items: readonly unknown[]): readonly string[] => items.map((item) => JSON.stringify(item)).toSorted();
  return JSON.stringify([match.path, match.grpc === undefined ? (match.method ?? "") : "gRPC", sorted(match.headers), sorted(match.queryParameters)]);
}

/** Routes of gRPC calls come first, as no other requests match them: the longer service, then the longer method, as GRPCRoute has it. */
function compareCalls(a: RouteMatch, b: RouteMatch): number {
  if (a.grpc === undefined || b.grpc === undefined) return Number(a.grpc === undefined) - Number(b.grpc === undefined);
  return b.grpc.service - a.grpc.service || b.grpc.method - a.grpc.method || b.headers.length - a.headers.length;
}

/** Orders routes so that Envoy, which takes the first that matches, takes the most specific one. The order is total. */
export function compareRoutes(a: Route, b: Route): number {
  return (
    compareCalls(a.match, b.match) ||
    (a.match.grpc === undefined ? 0 : a.priority - b.priority) ||
    comparePaths(a.match.path, b.match.path) ||
    Number(b.match.method !== undefined) - Number(a.match.method !== undefined) ||
    b.match.headers.length - a.match.headers.length ||
    b.match.queryParameters.length - a.match.queryParameters.length ||
    a.priority - b.priority ||
    compareText(matchKey(a.match), matchKey(b.match))
  );
}

/** Sorts routes; of several with the same match the last one written wins. */
export function orderRoutes<R extends Route>(routes: readonly R[]): readonly R[] {
  const byMatch = new Map(routes.map((route) => [matchKey(route.match), route]));
  return [...byMatch.values()].toSorted(compareRoutes);
}
