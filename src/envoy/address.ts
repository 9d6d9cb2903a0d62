import { Address } from "#gen/envoy/envoy/config/core/v3/address";

/** An IP address with a port. `::` accepts IPv4 clients, too. */
export function socketAddress(address: string, port: number): Address {
  return Address.fromPartial({ address: { $case: "socketAddress", value: { address, portSpecifier: { $case: "portValue", value: port }, ipv4Compat: address === "::" } } });
}
