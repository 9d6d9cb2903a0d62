import { text } from "#app/debug/page";
import type { Page } from "#app/debug/page";
import type { Pipeline } from "#app/pipeline";
import type { Route, VirtualHost } from "#model/route";
import type { Graph } from "#store/graph";
import { clusters, listeners, tlsHosts, virtualHosts, wildcardHosts } from "#translate/facts";

/** The configuration as a graph of Graphviz, as `/debug/dag` of Go Contour: listeners, hosts, routes, clusters and certificates. */
export function dagPage(pipeline: () => Pipeline): Page {
  return { path: "/debug/dag", about: "listeners, hosts, routes, clusters and certificates as a graph in Graphviz' language: | dot -T svg", answer: () => ({ ...text(dot(pipeline().graph)), type: "text/vnd.graphviz; charset=utf-8" }) };
}

function dot(graph: Graph): string {
  const lines = new Set<string>(['digraph "contour" {', "rankdir=LR; node [shape=record];"]);
  for (const [, items] of graph.buckets(listeners)) for (const { name, address, port, protocol } of items) lines.add(node("listener", name, `${name}\n${protocol} ${address}:${port}`));
  for (const family of [virtualHosts, wildcardHosts]) for (const [, items] of graph.buckets(family)) for (const host of items) addHost(lines, host);
  for (const [, items] of graph.buckets(tlsHosts)) {
    for (const host of items) {
      const of = "host" in host ? id("host", `${host.listener}|${host.host}`) : id("listener", host.listener);
      if ("host" in host && host.kind !== "http") lines.add(node("host", `${host.listener}|${host.host}`, `${host.host}\n${host.kind}`)).add(edge(id("listener", host.listener), of));
      if ("tls" in host) lines.add(node("secret", host.tls.certificate, `certificate\n${host.tls.certificate}`)).add(edge(of, id("secret", host.tls.certificate)));
      if ("proxy" in host) for (const { cluster, weight } of host.proxy.targets) lines.add(edge(of, id("cluster", cluster), weight));
    }
  }
  for (const [, [cluster]] of graph.buckets(clusters)) if (cluster !== undefined) lines.add(node("cluster", cluster.name, `${cluster.statName}\n${cluster.protocol}`));
  return `${[...lines, "}"].join("\n")}\n`;
}

function addHost(lines: Set<string>, { listener, host, routes }: VirtualHost): void {
  const of = `${listener}|${host}`;
  lines.add(node("host", of, host)).add(edge(id("listener", listener), id("host", of)));
  for (const [i, route] of routes.entries()) {
    const key = `${of}|${i}`;
    lines.add(node("route", key, `${describeMatch(route)}\n${route.action.kind}`)).add(edge(id("host", of), id("route", key)));
    if (route.action.kind === "forward") for (const { cluster, weight } of route.action.targets) lines.add(edge(id("route", key), id("cluster", cluster), weight));
  }
}

function describeMatch({ match: { path, method } }: Route): string {
  const written = path.kind === "regex" ? path.pattern : path.path;
  return `${path.kind} ${written}${method === undefined ? "" : ` ${method}`}`;
}

/** JSON's quotes are Graphviz' quotes. */
function id(kind: string, name: string): string {
  return JSON.stringify(`${kind} ${name}`);
}

function node(kind: string, name: string, label: string): string {
  const escaped = label.replaceAll(/[\\{}|<>"]/g, String.raw`\$&`).replaceAll("\n", String.raw`\n`);
  return `${id(kind, name)} [label="${escaped}"];`;
}

function edge(from: string, to: string, weight?: number): string {
  return `${from} -> ${to}${weight === undefined ? "" : ` [label="${weight}"]`};`;
}
