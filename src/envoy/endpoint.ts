import { encode } from "#envoy/any";
import { socketAddress } from "#envoy/address";
import { ClusterLoadAssignment } from "#gen/envoy/envoy/config/endpoint/v3/endpoint";
import type { LbEndpoint } from "#gen/envoy/envoy/config/endpoint/v3/endpoint_components";
import { LbEndpoint as LbEndpointCodec } from "#gen/envoy/envoy/config/endpoint/v3/endpoint_components";
import type { Endpoint, Endpoints } from "#model/cluster";

/** Encodes the addresses behind a Service's port, under the name that its clusters ask for. */
export function buildEndpoints({ name, endpoints, groups }: Endpoints): Uint8Array {
  if (groups !== undefined) return encode(ClusterLoadAssignment, { clusterName: name, endpoints: groups.map((group) => ({ locality: { subZone: group.name }, loadBalancingWeight: group.weight, lbEndpoints: group.endpoints.map(lbEndpoint) })) });
  return encode(ClusterLoadAssignment, { clusterName: name, endpoints: endpoints.length === 0 ? [] : [{ lbEndpoints: endpoints.map(lbEndpoint) }] });
}

/** One address, as it is in every group. */
export function lbEndpoint({ address, port, healthCheckPort }: Endpoint): LbEndpoint {
  const healthCheckConfig = healthCheckPort === undefined ? undefined : { portValue: healthCheckPort };
  return LbEndpointCodec.fromPartial({ hostIdentifier: { $case: "endpoint", value: { address: socketAddress(address, port), healthCheckConfig } } });
}
