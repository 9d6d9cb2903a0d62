import { SocketOption, SocketOption_SocketState as State } from "#gen/envoy/envoy/config/core/v3/socket_option";
import type { EnvoySettings } from "#settings/envoy";

// Numbers of Linux, which Envoy's images run on.
const [SOL_SOCKET, IPPROTO_IP, IPPROTO_TCP, IPPROTO_IPV6] = [1, 0, 6, 41];
const [SO_KEEPALIVE, IP_TOS, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT, IPV6_TCLASS] = [9, 1, 4, 5, 6, 67];

const keepalive: readonly SocketOption[] = [
  option("Enable TCP keep-alive", SOL_SOCKET, SO_KEEPALIVE, 1),
  option("TCP keep-alive initial idle time", IPPROTO_TCP, TCP_KEEPIDLE, 45),
  option("TCP keep-alive time between probes", IPPROTO_TCP, TCP_KEEPINTVL, 5),
  option("TCP keep-alive probe count", IPPROTO_TCP, TCP_KEEPCNT, 9),
];

/**
 * How a listener treats its sockets: dead clients are noticed, and packets marked if that was chosen. The kernel refuses the
 * traffic class on an IPv4 socket, and Envoy then gives up the whole listener.
 */
export function socketOptions(address: string, { socketOptions: { tos, trafficClass } }: EnvoySettings, protocol: "tcp" | "udp" = "tcp"): SocketOption[] {
  const marks = [
    ...(tos === undefined ? [] : [option("Set IPv4 TOS field", IPPROTO_IP, IP_TOS, tos)]),
    ...(trafficClass === undefined || !address.includes(":") ? [] : [option("Set IPv6 IPV6_TCLASS field", IPPROTO_IPV6, IPV6_TCLASS, trafficClass)]),
  ];
  return [...(protocol === "udp" ? [] : keepalive), ...marks];
}

function option(description: string, level: number, name: number, value: number): SocketOption {
  return SocketOption.fromPartial({ description, level: BigInt(level), name: BigInt(name), value: { $case: "intValue", value: BigInt(value) }, state: State.STATE_LISTENING });
}
