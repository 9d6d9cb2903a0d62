import type { Probe, ProbePlan, ProbeTarget } from "#doctor/plan";
import type { ClusterView, EndpointView, RoutedView, RouteView } from "#doctor/view";
import type { EnvoyView } from "#doctor/world";
import { compareText } from "#lib/compare";

/** A probe and what it stands for. */
export interface Target {
  readonly probe: Probe;
  /** All clusters that speak like this to the address; the first one is named in findings. */
  readonly clusters: readonly ClusterView[];
  /** Absent where a name is looked up. */
  readonly endpoint?: EndpointView;
}

/** What is to be looked at from one Envoy. */
export interface Choice {
  readonly envoy: EnvoyView;
  readonly targets: readonly Target[];
  /** How many there are in all. */
  readonly of: number;
  /** The clusters that this Envoy should have. */
  readonly clusters: readonly ClusterView[];
}

/** Picks Envoys so that each fleet has one, and as many nodes as can be are among them. */
export function chooseEnvoys(envoys: readonly EnvoyView[], most: number): readonly EnvoyView[] {
  const seenFleets = new Set<string>();
  const seenNodes = new Set<string>();
  const ranked = envoys.toSorted((a, b) => compareText(keyOf(a), keyOf(b))).map((envoy) => {
    const place = `${envoy.fleet} ${envoy.node ?? ""}`;
    const rank = !seenFleets.has(envoy.fleet) ? 0 : !seenNodes.has(place) ? 1 : 2;
    seenFleets.add(envoy.fleet);
    seenNodes.add(place);
    return { envoy, rank };
  });
  const first = ranked.filter(({ rank }) => rank === 0);
  const rest = ranked.filter(({ rank }) => rank > 0).toSorted((a, b) => a.rank - b.rank);
  return [...first, ...rest.slice(0, Math.max(0, most - first.length))].map(({ envoy }) => envoy);
}

function keyOf({ namespace, name }: EnvoyView): string {
  return `${namespace}/${name}`;
}

/** What each Envoy is to look at: every address once. Where that is more than `most`, each takes another part, first one address of each backend. */
export function chooseTargets(view: RoutedView, envoys: readonly EnvoyView[], most: number): readonly Choice[] {
  const byFleet = new Map([...new Set(envoys.map(({ fleet }) => fleet))].map((fleet) => [fleet, targetsOf(view, fleet)]));
  const counts = new Map<string, number>();
  return envoys.map((envoy) => {
    const all = byFleet.get(envoy.fleet) ?? [];
    const turn = counts.get(envoy.fleet) ?? 0;
    counts.set(envoy.fleet, turn + 1);
    const from = all.length <= most ? 0 : (turn * most) % all.length;
    const targets = all.length <= most ? all : [...all.slice(from), ...all.slice(0, from)].slice(0, most);
    return { envoy, targets, of: all.length, clusters: view.clusters.filter(({ fleet }) => fleet === envoy.fleet) };
  });
}

/** All addresses of a fleet's backends: the first of each backend, then the second of each, and so on. */
function targetsOf(view: RoutedView, fleet: string): readonly Target[] {
  const requests = exampleRequests(view.routes.filter((route) => route.fleet === fleet));
  const found = new Map<string, { readonly target: Omit<Target, "clusters">; readonly clusters: ClusterView[]; readonly round: number }>();
  for (const cluster of view.clusters.filter((one) => one.fleet === fleet && one.carries !== "datagrams")) {
    for (const [round, { target, endpoint }] of placesOf(cluster).entries()) {
      const probe = { target, connectMs: cluster.connectMs, ...speechOf(cluster, requests.get(cluster.name)) };
      const key = JSON.stringify([target, probe.tls, probe.http?.version]);
      const known = found.get(key);
      if (known === undefined) found.set(key, { target: { probe: { id: found.size, ...probe }, ...(endpoint === undefined ? {} : { endpoint }) }, clusters: [cluster], round });
      else known.clusters.push(cluster);
    }
  }
  return [...found.values()].toSorted((a, b) => a.round - b.round || a.target.probe.id - b.target.probe.id).map(({ target, clusters }) => ({ ...target, clusters }));
}

/** The addresses of a cluster, so that the first ones are of different nodes and families. */
function placesOf({ source }: ClusterView): readonly { readonly target: ProbeTarget; readonly endpoint?: EndpointView }[] {
  if (source.kind === "name") return [{ target: { kind: "name", host: source.host, port: source.port, family: source.family } }];
  const groups = Map.groupBy(source.endpoints, ({ node = "", address }) => `${node} ${address.includes(":")}`);
  const ranked = [...groups.values()].flatMap((group) => group.map((endpoint, rank) => ({ endpoint, rank })));
  return ranked.toSorted((a, b) => a.rank - b.rank || compareText(a.endpoint.address, b.endpoint.address)).map(({ endpoint }) => ({ target: { kind: "address", address: endpoint.address, port: endpoint.port }, endpoint }));
}

type Request = Pick<NonNullable<Probe["http"]>, "host" | "path">;

/** A request for each cluster that a route would send there: the first route that needs no more than a path, if there is one. */
function exampleRequests(routes: readonly RouteView[]): ReadonlyMap<string, Request> {
  const found = new Map<string, Request>();
  for (const route of routes.toSorted((a, b) => Number(a.conditional) - Number(b.conditional))) for (const cluster of route.clusters) if (!found.has(cluster)) found.set(cluster, exampleOf(route));
  return found;
}

function exampleOf({ host, sentHost, path }: RouteView): Request {
  const text = path === undefined || path.kind === "regex" ? "/" : path.path;
  return { host: sentHost ?? host.replace(/^\*$/, "any.example").replace(/^\*/, "any"), path: /^\/[!-~]*$/.test(text) ? text : "/" };
}

function speechOf(cluster: ClusterView, request: Request = { host: cluster.serverName ?? "contour-doctor", path: "/" }): Pick<Probe, "tls" | "http"> {
  const { protocol, carries, serverName, validation, minimumTlsVersion, maximumTlsVersion } = cluster;
  const encrypted = protocol === "tls" || protocol === "h2";
  const tls = {
    ...(serverName === undefined ? {} : { serverName }),
    ...(validation === undefined ? {} : { validation: { ...(validation.caCertificates === undefined ? {} : { authorities: validation.caCertificates }), names: validation.subjectNames, uris: validation.subjectUris ?? [] } }),
    ...(minimumTlsVersion === undefined ? {} : { minimumVersion: minimumTlsVersion }),
    ...(maximumTlsVersion === undefined ? {} : { maximumVersion: maximumTlsVersion }),
  };
  return {
    ...(encrypted ? { tls } : {}),
    ...(carries === "http" ? { http: { version: protocol === "h2" || protocol === "h2c" ? ("2" as const) : ("1.1" as const), ...request } } : {}),
  };
}

/** Where Envoy's admin interface is, in its pods. */
export const adminSocketOfPods = "/admin/admin.sock";

/** The plan for one Envoy. */
export function planOf({ targets, clusters }: Choice, { adminSocket, ...limits }: Pick<ProbePlan, "depth" | "concurrency" | "timeoutMs" | "limitMs"> & { readonly adminSocket: string }): ProbePlan {
  // A name that does not resolve keeps Envoy from having its cluster: that is told by itself.
  const expected = clusters.flatMap(({ name, source }) => (source.kind === "name" ? [] : [{ name, addresses: source.endpoints.map(({ address, port }) => `${address.includes(":") ? `[${address}]` : address}:${port}`) }]));
  return { version: 1, ...limits, envoy: { adminSocket, clusters: expected }, probes: targets.map(({ probe }) => probe) };
}
