import { describeOrigins, finding } from "#doctor/finding";
import type { Finding } from "#doctor/finding";
import type { EnvoyResult } from "#doctor/plan";
import type { RoutedView } from "#doctor/view";
import type { EnvoyView } from "#doctor/world";

/** Fleets that have routes and no Envoy to serve them. */
export function missingEnvoys({ routes }: RoutedView, envoys: readonly EnvoyView[]): readonly Finding[] {
  const served = new Set(envoys.map(({ fleet }) => fleet));
  return [...new Set(routes.map(({ fleet }) => fleet))].filter((fleet) => !served.has(fleet)).map((fleet) =>
    fleet === ""
      ? finding("no-envoy", { who: "Envoy", what: "there is no pod of Envoy, so nobody serves Ingresses and HTTPProxies", fix: "kubectl -n projectcontour get pods -l app=envoy; where yours are elsewhere, say so with --envoy-namespace and --envoy-selector" })
      : finding("no-envoy", { who: `Gateway ${fleet}`, what: "it has no pod of Envoy", fix: "kubectl describe its DaemonSet or Deployment envoy-…, and look at the conditions of the Gateway" }));
}

/** What an Envoy says about itself. */
export function envoyFindings(envoy: EnvoyView, result: EnvoyResult | undefined, view: RoutedView): readonly Finding[] {
  const who = describeEnvoy(envoy);
  const unready = envoy.ready ? [] : [finding("envoy-not-ready", { who, what: "its pod is not ready, so it gets no traffic", fix: `kubectl -n ${envoy.namespace} describe pod ${envoy.name}` })];
  if (result === undefined || result.failed !== undefined) return unready;
  const disconnected = result.connected === false ? [finding("envoy-not-connected", { who, what: "it is not connected to its controller and keeps the configuration that it had", fix: `look at its log (kubectl -n ${envoy.namespace} logs ${envoy.name} -c envoy), at the controller's pods, and at policies between them: deploy/components/network-policies` })] : [];
  const nameOf = (name: string): string => {
    const cluster = view.clusters.find((one) => one.fleet === envoy.fleet && one.name === name);
    return cluster === undefined ? name : describeOrigins(cluster.origins);
  };
  // Who is not connected has old things, which follows.
  const untaken = disconnected.length > 0 ? [] : [...new Set([...result.missing, ...result.outdated].map(nameOf))].map((object) => finding("configuration-not-taken", { who: object, where: `in ${who}`, what: "Envoy does not have what it should have by now", fix: "look at the log of the controller: what Envoy refuses is told there, and at the object" }));
  const failing = Map.groupBy(result.unhealthy, ({ cluster }) => cluster);
  const unhealthy = [...failing].filter(([name]) => view.clusters.some((one) => one.fleet === envoy.fleet && one.name === name)).map(([name, bad]) => finding("health-check-failing", { who: nameOf(name), where: `from ${who}`, what: `Envoy's health check fails for ${bad.map(({ address }) => address).join(", ")}`, fix: "compare the health check's path, host and port with what the pod answers" }));
  return [...unready, ...disconnected, ...untaken, ...unhealthy];
}

/** An Envoy, as findings name it. */
export function describeEnvoy({ namespace, name, node }: EnvoyView): string {
  return `Envoy ${namespace === "" ? "" : `${namespace}/`}${name}${node === undefined ? "" : ` on ${node}`}`;
}
