import type { HTTPProxy } from "#gen/k8s/http-proxy";
import type { FieldPath } from "#k8s/object";

/** The hosts that a root names, in lower case, and the first field that names each. */
export function hostsOf(proxy: HTTPProxy): ReadonlyMap<string, FieldPath> {
  const { fqdn = "", additionalFqdns = [] } = proxy.spec.virtualhost ?? {};
  const named: readonly (readonly [string, FieldPath])[] = [[fqdn, ["spec", "virtualhost", "fqdn"]], ...additionalFqdns.map((host, i) => [host, ["spec", "virtualhost", "additionalFqdns", i]] as const)];
  return new Map(named.toReversed().map(([host, field]) => [host.toLowerCase(), field]));
}

/** The field by which a root names a host. */
export function hostField(proxy: HTTPProxy, host: string): FieldPath {
  return hostsOf(proxy).get(host) ?? ["spec", "virtualhost", "fqdn"];
}
