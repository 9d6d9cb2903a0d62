import { isIP } from "node:net";
import type { LoadBalancerAddress } from "#app/controller";
import type { HttpAddress, MetricsAddress } from "#app/http-endpoints";
import type { ServerFiles } from "#app/xds-identity";
import { readMetricsTls } from "#settings/configuration";
import type { ContourConfiguration } from "#gen/k8s/contour-configuration";

/** Where Envoys reach the controller. */
export interface XdsPlace {
  readonly address: string;
  readonly port: number;
  readonly tls?: ServerFiles;
  /** Whether it is served without TLS where there are no files for it. */
  readonly insecure?: boolean;
}

/** Where the controller itself is reached, and what it looks at for statuses. */
export interface ControllerPlaces {
  readonly xds: XdsPlace;
  readonly http: MetricsAddress;
  readonly health: HttpAddress;
  readonly debug: HttpAddress;
  readonly envoyService: { readonly namespace: string; readonly name: string };
  readonly statusAddresses?: readonly LoadBalancerAddress[];
}

/** Lays what a configuration says over other places. */
export function placesOf({ xdsServer, metrics, health, debug, envoy, ingress }: ContourConfiguration["spec"], base: ControllerPlaces): ControllerPlaces {
  const at = (own: { readonly address?: string; readonly port?: number } | undefined, other: HttpAddress): HttpAddress => ({ address: own?.address ?? other.address, port: own?.port ?? other.port });
  const addresses = statusAddressesOf(ingress?.statusAddress ?? "");
  const insecure = xdsServer?.tls?.insecure ?? base.xds.insecure ?? false;
  const tls = insecure ? undefined : tlsOf(xdsServer?.tls, base.xds.tls);
  return {
    xds: { ...at(xdsServer, base.xds), insecure, ...(tls === undefined ? {} : { tls }) },
    http: { ...at(metrics, base.http), ...metricsTls(metrics, base.http) },
    health: at(health, base.health),
    debug: at(debug, base.debug),
    envoyService: { namespace: envoy?.service?.namespace || base.envoyService.namespace, name: envoy?.service?.name || base.envoyService.name },
    ...(addresses.length > 0 ? { statusAddresses: addresses } : base.statusAddresses === undefined ? {} : { statusAddresses: base.statusAddresses }),
  };
}

/** What is wrong with these fields is said by `configure`. */
function metricsTls(metrics: ContourConfiguration["spec"]["metrics"], base: MetricsAddress): Pick<MetricsAddress, "tls"> {
  const tls = readMetricsTls(metrics?.tls, [], []) ?? base.tls;
  return tls === undefined ? {} : { tls };
}

function tlsOf(own: NonNullable<ContourConfiguration["spec"]["xdsServer"]>["tls"], base: ServerFiles | undefined): ServerFiles | undefined {
  const { caFile = base?.caFile, certFile = base?.certFile, keyFile = base?.keyFile } = own ?? {};
  return caFile === undefined || certFile === undefined || keyFile === undefined ? undefined : { caFile, certFile, keyFile };
}

/** Addresses for statuses from a list with commas; what is no IP address is a host name. */
export function statusAddressesOf(text: string): readonly LoadBalancerAddress[] {
  return text.split(",").map((part) => part.trim()).filter((part) => part !== "").map((address) => (isIP(address) === 0 ? { hostname: address } : { ip: address }));
}
