import type { Emit, Reader, Rule } from "#store/family";
import { issuerOfAnnotations } from "#translate/certificates/annotations";
import type { CertificateWish } from "#translate/certificates/request";
import { emitWish } from "#translate/certificates/wishes";
import { gateways, listenerSets } from "#translate/gateway/api";
import type { GatewayListener } from "#translate/gateway/api";
import { ourListenerSets } from "#translate/gateway/listener-set";
import { gatewaySites, ourGateway } from "#translate/gateway/site";

/** Gateways whose annotations name an issuer, for all their listeners at which TLS of a named host ends. */
export const gatewayWishes: Rule = {
  name: "certificate-wish-gateway",
  over: gateways,
  derive(bucket, read, emit) {
    const gateway = ourGateway(read, bucket);
    if (gateway !== undefined) wishAll(read, emit, { kind: "Gateway", metadata: gateway.metadata, listeners: gateway.spec.listeners, gateway: bucket });
  },
};

/** ListenerSets that do likewise. */
export const listenerSetWishes: Rule = {
  name: "certificate-wish-listener-set",
  over: ourListenerSets,
  derive(bucket, read, emit) {
    const [set, attached] = [read.one(listenerSets, bucket), read.one(ourListenerSets, bucket)];
    if (set !== undefined && attached?.allowed === true) wishAll(read, emit, { kind: "ListenerSet", metadata: set.metadata, listeners: set.spec.listeners, gateway: attached.gateway });
  },
};

interface Owner {
  readonly kind: "Gateway" | "ListenerSet";
  readonly metadata: { readonly namespace?: string; readonly name: string; readonly creationTimestamp?: string; readonly annotations?: Readonly<Record<string, string>> };
  readonly listeners: readonly GatewayListener[];
  /** The key of the Gateway that serves it. */
  readonly gateway: string;
}

function wishAll(read: Reader, emit: Emit, { kind, metadata, listeners, gateway }: Owner): void {
  const { namespace = "", name, creationTimestamp: created = "" } = metadata;
  const asked = issuerOfAnnotations(read, namespace, metadata.annotations);
  if (asked === undefined) return;
  const fleet = read.one(gatewaySites, gateway)?.fleet ?? "";
  const owner: CertificateWish["owner"] = { kind, namespace, name, created };
  for (const { hostname, protocol, tls } of listeners) {
    const [reference] = tls?.certificateRefs ?? [];
    const ends = (protocol === "HTTPS" || protocol === "TLS") && tls?.mode !== "Passthrough";
    if (!ends || hostname === undefined || hostname === "" || reference === undefined || (reference.kind ?? "Secret") !== "Secret" || (reference.group ?? "") !== "") continue;
    emitWish(emit, { namespace: reference.namespace ?? namespace, name: reference.name }, { owner, field: `metadata.annotations[${JSON.stringify(asked.annotation)}]`, hosts: [hostname.toLowerCase()], issuer: asked.issuer, fleet });
  }
}
