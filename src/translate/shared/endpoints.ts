import type { EndpointSlice } from "#gen/k8s/endpoint-slice";
import { compareText } from "#lib/compare";
import type { Endpoint, Endpoints, EndpointsName } from "#model/cluster";
import { splitFleet } from "#model/fleet";
import type { Rule } from "#store/family";
import { endpoints, endpointsWanted, objectKey, objects, slicesOfService, weightedServices } from "#translate/facts";

/** Files each EndpointSlice under the Service that it belongs to. */
export const indexSlices: Rule = {
  name: "index-endpoint-slice",
  over: objects("EndpointSlice"),
  derive(bucket, read, emit) {
    const slice = read.one(objects("EndpointSlice"), bucket);
    const service = slice?.metadata.labels?.["kubernetes.io/service-name"];
    if (slice !== undefined && service !== undefined) emit(slicesOfService, objectKey(slice.metadata.namespace ?? "", service), slice);
  },
};

/** The short lane: the addresses of a Service's port, from its EndpointSlices and nothing else. */
export const collectEndpoints: Rule = {
  name: "endpoints",
  over: endpointsWanted,
  derive(bucket, read, emit) {
    const { name } = splitFleet(bucket);
    const { service, portName, healthPortName } = parseEndpointsName(name);
    emit(endpoints, bucket, collect(name, read.all(slicesOfService, service), portName, healthPortName));
  },
};

/** The same for clusters over several Services, each with its share. */
export const collectWeightedEndpoints: Rule = {
  name: "weighted-endpoints",
  over: weightedServices,
  derive(bucket, read, emit) {
    const { groups = [], dropped = 0 } = read.one(weightedServices, bucket) ?? {};
    emit(endpoints, bucket, {
      name: splitFleet(bucket).name,
      endpoints: [],
      groups: [
        ...groups.map(({ endpoints: name, weight }) => {
          const { service, portName } = parseEndpointsName(name);
          return { name, weight, endpoints: collect(name, read.all(slicesOfService, service), portName, undefined).endpoints };
        }),
        ...(dropped === 0 ? [] : [{ name: "dropped", weight: dropped, endpoints: [nowhere] }]),
      ],
    });
  },
};

/** Envoy's own discard port: nobody listens there. A group needs an endpoint to have its share. */
const nowhere: Endpoint = { address: "127.0.0.1", port: 9 };

function parseEndpointsName(name: EndpointsName): { service: string; portName: string; healthPortName: string | undefined } {
  const [main = "", healthPortName] = name.split("+health/");
  const [namespace = "", service = "", portName = ""] = main.split("/");
  return { service: objectKey(namespace, service), portName, healthPortName };
}

function collect(name: EndpointsName, slices: readonly EndpointSlice[], portName: string, healthPortName: string | undefined): Endpoints {
  const found = new Map<string, Endpoint>();
  for (const slice of slices) for (const endpoint of readyEndpoints(slice, portName, healthPortName)) found.set(`${endpoint.address} ${endpoint.port}`, endpoint);
  return { name, endpoints: [...found].toSorted(([a], [b]) => compareText(a, b)).map(([, endpoint]) => endpoint) };
}

function readyEndpoints(slice: EndpointSlice, portName: string, healthPortName: string | undefined): readonly Endpoint[] {
  const port = portNumber(slice, portName);
  const healthCheckPort = healthPortName === undefined ? undefined : portNumber(slice, healthPortName);
  if (port === undefined || slice.addressType === "FQDN") return [];
  return (slice.endpoints ?? []).flatMap((endpoint) => {
    const address = endpoint.addresses?.[0];
    // Absent means unknown, which counts as ready (EndpointConditions in the Kubernetes API).
    if (address === undefined || endpoint.conditions?.ready === false) return [];
    return [{ address, port, ...(healthCheckPort === undefined ? {} : { healthCheckPort }) }];
  });
}

/** The name is enough: those of a Service's ports differ, also between TCP and UDP. */
function portNumber(slice: EndpointSlice, name: string): number | undefined {
  return slice.ports?.find((port) => (port.name ?? "") === name)?.port ?? undefined;
}
