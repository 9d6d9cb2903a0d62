import type { Settings } from "#settings/settings";
import type { Reader, Rule } from "#store/family";
import { family } from "#store/family";
import { loadBalancerAddresses, statuses } from "#translate/facts";
import { gatewayRefusals } from "#translate/gateway/gateway-facts";
import { gatewayAddresses, gatewayStatus } from "#translate/gateway/gateway-status";
import type { GatewayAddress } from "#translate/gateway/gateway-status";
import { backendCertificates } from "#translate/gateway/gateway-tls";
import { listenerVerdicts } from "#translate/gateway/listener";
import { ownerKey } from "#translate/gateway/listener-shape";
import { gatewaySites, ourGateway } from "#translate/gateway/site";
import type { GatewaySite } from "#translate/gateway/site";

/** A ListenerSet of a Gateway with a listener that Envoys are told about, and whether one is served. Bucket: `namespace/name` of the Gateway. */
export const workingListenerSets = family<{ readonly programmed: boolean }>("working-listener-set");

/** Says of each Gateway how it is. */
export function gatewayRule(settings: Settings): Rule {
  return {
    name: "gateway",
    over: gatewaySites,
    derive(bucket, read, emit) {
      const gateway = ourGateway(read, bucket);
      const site = read.one(gatewaySites, bucket);
      if (gateway === undefined || site === undefined) return;
      const { namespace = "", name, generation = 0 } = gateway.metadata;
      const refusal = read.one(gatewayRefusals, bucket);
      const sets = read.all(workingListenerSets, bucket);
      const backendCertificate = read.one(backendCertificates, bucket);
      const findings = {
        ...(refusal === undefined ? {} : { refusal }),
        verdicts: read.all(listenerVerdicts, ownerKey({ kind: "Gateway", namespace, name })).toSorted((a, b) => a.position - b.position).map(({ verdict }) => verdict),
        setsServe: sets.some(({ programmed }) => programmed),
        attachedListenerSets: sets.length,
        addresses: addressesOf(settings, read, site),
        ...(backendCertificate === undefined ? {} : { backendCertificate }),
      };
      emit(statuses, `Gateway/${bucket}`, { kind: "Gateway", namespace, name, generation, status: gatewayStatus(gateway, findings) });
    },
  };
}

function addressesOf(settings: Settings, read: Reader, site: GatewaySite): readonly GatewayAddress[] {
  if (settings.gatewaySites === "own-address") return [{ type: "IPAddress", value: site.address }];
  return gatewayAddresses(read.all(loadBalancerAddresses, site.fleet));
}
