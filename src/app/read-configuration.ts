import { isIP } from "node:net";
import { applyConfiguration } from "#app/configuration";
import type { LoadBalancerAddress } from "#app/controller";
import type { HttpAddress } from "#app/http-endpoints";
import type { ContourConfiguration } from "#gen/k8s/contour-configuration";
import { kinds } from "#k8s/kinds";
import { formatFieldPath } from "#k8s/object";
import type { FieldPath } from "#k8s/object";
import { parseObject } from "#k8s/parse";
import type { Choices } from "#settings/configuration";
import type { ApiClient } from "#sources/kubernetes/client";

/** Where the controller itself is reached, and what it looks at for statuses. */
export interface ControllerPlaces {
  readonly http: HttpAddress;
  readonly health: HttpAddress;
  readonly debug: HttpAddress;
  readonly envoyService: { readonly namespace: string; readonly name: string };
  readonly statusAddresses?: readonly LoadBalancerAddress[];
}

/** What an operator has written beside the flags: an object of the cluster, or a file. */
export type ConfigurationSource =
  | { readonly kind: "object"; readonly namespace: string; readonly name: string }
  | { readonly kind: "file"; readonly spec: ContourConfiguration["spec"]; /** Says where a field is. */ readonly describe: (path: FieldPath, message: string) => string };

/** What counts after the configuration was read. */
export interface ReadConfiguration extends Choices {
  readonly places: ControllerPlaces;
  /** What of it is wrong, or has no effect; each with its field. */
  readonly problems: readonly { readonly severity: "error" | "warning"; readonly message: string }[];
}

/** Reads the configuration, once: what is chosen in it later counts after a restart. */
export async function readConfiguration(client: ApiClient, source: ConfigurationSource | undefined, base: Choices, places: ControllerPlaces): Promise<ReadConfiguration> {
  if (source === undefined) return { ...base, places, problems: [] };
  const object = source.kind === "object" ? await fetchObject(client, source) : ({ apiVersion: "projectcontour.io/v1alpha1", kind: "ContourConfiguration", metadata: { name: "configuration-file" }, spec: source.spec } satisfies ContourConfiguration);
  const describe = source.kind === "file" ? source.describe : (path: FieldPath, message: string): string => `ContourConfiguration ${source.namespace}/${source.name} ${formatFieldPath(path)}: ${message}`;
  const { settings, envoySettings, problems } = applyConfiguration(base, object);
  return { settings, envoySettings, places: placesOf(object.spec, places), problems: problems.map(({ severity, path, message }) => ({ severity, message: describe(path, message) })) };
}

async function fetchObject(client: ApiClient, { namespace, name }: { readonly namespace: string; readonly name: string }): Promise<ContourConfiguration> {
  const { group, version, plural } = kinds.ContourConfiguration;
  const found = parseObject(await client.call({ path: `/apis/${group}/${version}/namespaces/${namespace}/${plural}/${name}` }), { origin: "cluster" });
  if (!found.ok) throw new Error(`ContourConfiguration ${namespace}/${name} does not fit its schema: ${JSON.stringify(found.error)}`);
  return found.value as ContourConfiguration;
}

function placesOf({ metrics, health, debug, envoy, ingress }: ContourConfiguration["spec"], base: ControllerPlaces): ControllerPlaces {
  const at = (own: { readonly address?: string; readonly port?: number } | undefined, other: HttpAddress): HttpAddress => ({ address: own?.address ?? other.address, port: own?.port ?? other.port });
  const addresses = statusAddressesOf(ingress?.statusAddress ?? "");
  return {
    http: at(metrics, base.http),
    health: at(health, base.health),
    debug: at(debug, base.debug),
    envoyService: { namespace: envoy?.service?.namespace ?? base.envoyService.namespace, name: envoy?.service?.name ?? base.envoyService.name },
    ...(addresses.length > 0 ? { statusAddresses: addresses } : base.statusAddresses === undefined ? {} : { statusAddresses: base.statusAddresses }),
  };
}

/** Addresses for statuses from a list with commas; what is no IP address is a host name. */
export function statusAddressesOf(text: string): readonly LoadBalancerAddress[] {
  return text.split(",").map((part) => part.trim()).filter((part) => part !== "").map((address) => (isIP(address) === 0 ? { hostname: address } : { ip: address }));
}
