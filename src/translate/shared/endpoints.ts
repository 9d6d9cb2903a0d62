import type { EndpointSlice } from "#gen/k8s/endpoint-slice";
import { compareText } from "#lib/compare";
import type { Service } from "#gen/k8s/service";
import type { Endpoint, EndpointsName } from "#model/cluster";
import { splitFleet } from "#model/fleet";
import type { Settings } from "#settings/settings";
import type { Reader, Rule } from "#store/family";
import { clusterIpMark, endpoints, endpointsWanted, objectKey, objects, slicesOfService, weightedServices } from "#translate/facts";

/** Files each EndpointSlice under the Service that it belongs to. */
export const indexSlices: Rule = {
  name: "index-endpoint-slice",
  lane: "short",
  over: objects("EndpointSlice"),
  derive(bucket, read, emit) {
    const slice = read.one(objects("EndpointSlice"), bucket);
    const service = slice?.metadata.labels?.["kubernetes.io/service-name"];
    if (slice !== undefined && service !== undefined) emit(slicesOfService, objectKey(slice.metadata.namespace ?? "", service), slice);
  },
};

/** The short lane: the addresses of a Service's port, from its EndpointSlices and nothing else; from the Service where its cluster IP is wanted. */
export function collectEndpoints(settings: Settings): Rule {
  return {
    name: "endpoints",
    lane: "short",
    over: endpointsWanted,
    derive(bucket, read, emit) {
      const { name } = splitFleet(bucket);
      emit(endpoints, bucket, { name, endpoints: withNearness(collect(name, read, settings)) });
    },
  };
}

/** The same for clusters over several Services, each with its share. */
export function collectWeightedEndpoints(settings: Settings): Rule {
  return {
    name: "weighted-endpoints",
    over: weightedServices,
    derive(bucket, read, emit) {
      const { groups = [], dropped = 0 } = read.one(weightedServices, bucket) ?? {};
      emit(endpoints, bucket, {
        name: splitFleet(bucket).name,
        endpoints: [],
        groups: [
          ...groups.map(({ endpoints: name, weight }) => ({ name, weight, endpoints: collect(name, read, settings).map(withoutNearness) })),
          ...(dropped === 0 ? [] : [{ name: "dropped", weight: dropped, endpoints: [nowhere] }]),
        ],
      });
    },
  };
}

/** Envoy's own discard port: nobody listens there. A group needs an endpoint to have its share. */
const nowhere: Endpoint = { address: "127.0.0.1", port: 9 };

interface Wanted {
  /** The bucket of the Service. */
  readonly service: string;
  readonly portName: string;
  readonly healthPortName: string | undefined;
  readonly byClusterIp: boolean;
}

function parseEndpointsName(name: EndpointsName): Wanted {
  const byClusterIp = name.endsWith(clusterIpMark);
  const [main = "", healthPortName] = (byClusterIp ? name.slice(0, -clusterIpMark.length) : name).split("+health/");
  const [namespace = "", service = "", portName = ""] = main.split("/");
  return { service: objectKey(namespace, service), portName, healthPortName, byClusterIp };
}

function collect(name: EndpointsName, read: Reader, { preferredAddressFamily: family }: Settings): readonly Endpoint[] {
  const wanted = parseEndpointsName(name);
  if (wanted.byClusterIp) return clusterIps(read.one(objects("Service"), wanted.service), wanted, family);
  const found = new Map<string, Endpoint>();
  for (const slice of read.all(slicesOfService, wanted.service)) for (const endpoint of readyEndpoints(slice, wanted)) found.set(`${endpoint.address} ${endpoint.port}`, endpoint);
  return preferred([...found].toSorted(([a], [b]) => compareText(a, b)).map(([, endpoint]) => endpoint), family);
}

/** Hints of zones count when every ready endpoint has some, and so do those of nodes: else some endpoints would never be asked. So does kube-proxy. */
function withNearness(all: readonly Endpoint[]): readonly Endpoint[] {
  const [zones, nodes] = [all.every(({ nearZones }) => nearZones !== undefined), all.every(({ nearNodes }) => nearNodes !== undefined)];
  if (zones && nodes) return all;
  return all.map((endpoint) => {
    const { nearZones, nearNodes } = endpoint;
    if (nearZones === undefined && nearNodes === undefined) return endpoint;
    return { ...withoutNearness(endpoint), ...(zones && nearZones !== undefined ? { nearZones } : {}), ...(nodes && nearNodes !== undefined ? { nearNodes } : {}) };
  });
}

/** Among groups with weights, requests go by these. */
function withoutNearness({ nearZones: _zones, nearNodes: _nodes, ...rest }: Endpoint): Endpoint {
  return rest;
}

/** All, where none is of the preferred family. */
function preferred(all: readonly Endpoint[], family: Settings["preferredAddressFamily"]): readonly Endpoint[] {
  if (family === "any") return all;
  const fitting = all.filter(({ address }) => address.includes(":") === (family === "v6"));
  return fitting.length === 0 ? all : fitting;
}

/** One address: two families of one Service lead to the same pods. */
function clusterIps(service: Service | undefined, { portName, healthPortName }: Wanted, family: Settings["preferredAddressFamily"]): readonly Endpoint[] {
  const port = (name: string): number | undefined => service?.spec?.ports?.find((candidate) => (candidate.name ?? "") === name)?.port;
  const number = port(portName);
  const healthCheckPort = healthPortName === undefined ? undefined : port(healthPortName);
  if (number === undefined) return [];
  const addresses = service?.spec?.clusterIPs ?? [service?.spec?.clusterIP ?? ""];
  return preferred(addresses.map((address) => ({ address, port: number, ...(healthCheckPort === undefined ? {} : { healthCheckPort }) })), family).slice(0, 1);
}

function readyEndpoints(slice: EndpointSlice, { portName, healthPortName }: Wanted): readonly Endpoint[] {
  const port = portNumber(slice, portName);
  const healthCheckPort = healthPortName === undefined ? undefined : portNumber(slice, healthPortName);
  if (port === undefined || slice.addressType === "FQDN") return [];
  return (slice.endpoints ?? []).flatMap((endpoint) => {
    const address = endpoint.addresses?.[0];
    // Absent means unknown, which counts as ready (EndpointConditions in the Kubernetes API).
    if (address === undefined || endpoint.conditions?.ready === false) return [];
    const [nearZones, nearNodes] = [namesOf(endpoint.hints?.forZones), namesOf(endpoint.hints?.forNodes)];
    return [{ address, port, ...(healthCheckPort === undefined ? {} : { healthCheckPort }), ...(nearZones === undefined ? {} : { nearZones }), ...(nearNodes === undefined ? {} : { nearNodes }) }];
  });
}

/** Hints that name nobody say nothing. */
function namesOf(hints: readonly { readonly name: string }[] = []): readonly string[] | undefined {
  return hints.length === 0 ? undefined : hints.map(({ name }) => name).toSorted(compareText);
}

/** The name is enough: those of a Service's ports differ, also between TCP and UDP. */
function portNumber(slice: EndpointSlice, name: string): number | undefined {
  return slice.ports?.find((port) => (port.name ?? "") === name)?.port ?? undefined;
}
