import { splitFleet } from "#model/fleet";
import type { Settings } from "#settings/settings";
import type { Rule } from "#store/family";
import { family } from "#store/family";
import { listeners } from "#translate/facts";
import { settingsOfFleets } from "#translate/gateway/fleet-configuration";
import { portClaims, portKey } from "#translate/gateway/gateway-shape";
import type { Transport } from "#translate/gateway/listener-names";
import type { GatewaySite } from "#translate/gateway/site";
import { shareService } from "#translate/gateway/traffic-policy/attach";
import { http3, listenerServices } from "#translate/listener-services";

/** A port that a served listener of a Gateway needs; those that share it say the same. Bucket: the Envoy listener. */
export const openPorts = family<{ readonly site: GatewaySite; readonly transport: Transport; readonly port: number }>("gateway-open-port");

/** Makes the Envoy listener of each port that Gateways need. */
export function envoyListenerRule(settings: Settings): Rule {
  const settingsOf = settingsOfFleets(settings);
  return {
    name: "gateway-envoy-listener",
    over: openPorts,
    derive(bucket, read, emit) {
      const open = read.one(openPorts, bucket);
      if (open === undefined) return;
      const { site, transport, port } = open;
      const [chosen, envoyPort] = [settingsOf(read, site.fleet), settings.gatewayPort(port)];
      // A Gateway may have UDP of its own at that port.
      const quic = transport === "https" && !read.any(portClaims, portKey(site, "udp", envoyPort)) ? http3(chosen, settings.gatewaySites === "own-address" ? envoyPort : port) : {};
      const services = listenerServices(read, settings);
      const sessions = transport === "http" || transport === "https" ? { sessions: true } : {};
      emit(listeners, bucket, { name: splitFleet(bucket).name, address: site.address, port: envoyPort, protocol: transport, proxyProtocol: transport !== "udp" && chosen.useProxyProtocol, ...quic, ...services, ...sessions });
      const called = [services.authorization, services.rateLimitService].flatMap((service) => service?.cluster ?? []);
      for (const cluster of [...called, ...chosen.telemetryClusters]) shareService(read, emit, cluster, site.fleet);
    },
  };
}
