import { compareText } from "#lib/compare";
import type { PathMatch, Route, VirtualHost } from "#model/route";
import type { Graph } from "#store/graph";
import { listeners, virtualHosts, wildcardHosts } from "#translate/facts";

/** One route as a person reads it. */
export interface ListedRoute {
  readonly url: string;
  readonly host: string;
  readonly target: string;
  readonly from: string;
  readonly tls: boolean;
  /** A command that takes this route, where one can be given. */
  readonly curl?: string;
}

/** All routes that are served now, ordered by URL. */
export function listRoutes(graph: Graph): readonly ListedRoute[] {
  const exact = [...graph.buckets(virtualHosts)].flatMap(([bucket, items]) => items.map((host) => ({ listener: bucket.slice(0, bucket.lastIndexOf("|")), host })));
  const wild = [...graph.buckets(wildcardHosts)].flatMap(([listener, items]) => items.map((host) => ({ listener, host })));
  return [...exact, ...wild].flatMap(({ listener, host }) => host.routes.map((route) => listRoute(graph, listener, host, route))).flatMap((route) => route ?? []).toSorted((a, b) => compareText(a.url, b.url));
}

function listRoute(graph: Graph, listenerName: string, host: VirtualHost, route: Route): ListedRoute | undefined {
  const [listener] = graph.items(listeners, listenerName);
  if (listener === undefined) return undefined;
  const tls = listener.protocol === "https";
  const name = host.host.replace(/^\*$/, "any.localhost").replace(/^\*/, "any");
  const path = exampleAt(route.match.path);
  const url = `${tls ? "https" : "http"}://${name}:${listener.port}${path}`;
  const conditions = route.match.headers.length + route.match.queryParameters.length > 0 || route.match.path.kind === "regex";
  const loopback = listener.address === "0.0.0.0" || listener.address === "127.0.0.1" ? "127.0.0.1" : listener.address;
  const command = tls ? `curl --cacert "$CA" --resolve ${name}:${listener.port}:${loopback} ${url}` : `curl --resolve ${name}:${listener.port}:${loopback} ${url}`;
  const from = `${route.origin.kind} ${route.origin.namespace}/${route.origin.name}`;
  return { url, host: host.host, tls, from, target: describeAction(route), ...(conditions ? {} : { curl: command }) };
}

function exampleAt(path: PathMatch): string {
  return path.kind === "regex" ? path.pattern : path.path;
}

function describeAction({ action }: Route): string {
  switch (action.kind) {
    case "forward": {
      const sum = action.targets.reduce((total, target) => total + target.weight, 0);
      return action.targets.map((target) => `${target.cluster.split("/").slice(0, 3).join("/")}${action.targets.length > 1 ? ` ${Math.round((100 * target.weight) / sum)}%` : ""}`).join(", ");
    }
    case "redirect":
      return `${action.code} to ${action.scheme ?? "same scheme"}`;
    case "direct-response":
      return `answers ${action.status}`;
    default:
      return action satisfies never;
  }
}
