import { Address, SocketAddress_Protocol as Protocol } from "#gen/envoy/envoy/config/core/v3/address";

/** An IP address with a port. `::` accepts IPv4 clients, too. */
export function socketAddress(address: string, port: number, protocol: "tcp" | "udp" = "tcp"): Address {
  const value = { address, portSpecifier: { $case: "portValue" as const, value: port }, ipv4Compat: address === "::", protocol: protocol === "udp" ? Protocol.UDP : Protocol.TCP };
  return Address.fromPartial({ address: { $case: "socketAddress", value } });
}
