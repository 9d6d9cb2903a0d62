import "reflect-metadata";
import { webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";
import type { KindName } from "#k8s/kinds";
import type { KubeObject } from "#k8s/object";
import type { VirtualHost } from "#model/route";
import { defaultSettings } from "#settings/settings";
import type { Settings } from "#settings/settings";
import type { Family } from "#store/family";
import { Graph } from "#store/graph";
import type { Fact } from "#store/graph";
import { loadBalancerAddresses, objectKey, objects, statuses, virtualHosts, wildcardHosts } from "#translate/facts";
import { gatewayHostRules, gatewayRules } from "#translate/gateway/rules";
import { examineSecrets } from "#translate/shared/secrets";

/** A test's object: the fields that matter, the rest filled in. */
export type Draft = Readonly<Record<string, unknown>>;

/** The rules of Gateway API over objects of a test. */
export class World {
  readonly graph: Graph;

  constructor(objectsOfTest: readonly KubeObject[], settings: Partial<Settings> = {}) {
    const all = { ...defaultSettings, ...settings };
    this.graph = new Graph([examineSecrets, ...gatewayRules(all), ...gatewayHostRules(all)], [statuses]);
    this.graph.commit([{ family: loadBalancerAddresses as Family<unknown>, bucket: "", publisher: "test", items: [{ ip: "192.0.2.1" }] }]);
    this.put(...objectsOfTest);
  }

  /** Adds or replaces objects; gives how many units that ran. */
  put(...changed: readonly KubeObject[]): number {
    const before = this.graph.runs;
    this.graph.commit(changed.map((object) => fact(object, [object])));
    return this.graph.runs - before;
  }

  remove(...gone: readonly KubeObject[]): void {
    this.graph.commit(gone.map((object) => fact(object, [])));
  }

  virtualHost(listener: string, host: string): VirtualHost | undefined {
    if (host.startsWith("*")) return this.graph.items(wildcardHosts, listener).find((candidate) => candidate.host === host);
    return this.graph.items(virtualHosts, `${listener}|${host}`)[0];
  }

  /** The conditions of a route's parent, as `Type=Status:Reason`. */
  parent(route: string, index = 0): readonly string[] {
    return short((this.status("HTTPRoute", route)["parents"] as readonly { conditions: readonly Shown[] }[])[index]?.conditions);
  }

  /** The conditions of a Gateway. */
  gateway(key = "infra/gw"): readonly string[] {
    return short(this.status("Gateway", key)["conditions"] as readonly Shown[]);
  }

  /** One listener in a Gateway's status. */
  listener(name: string, key = "infra/gw"): { readonly attached: number; readonly kinds: readonly string[]; readonly conditions: readonly string[] } {
    const all = this.status("Gateway", key)["listeners"] as readonly { name: string; attachedRoutes: number; supportedKinds: readonly { kind: string }[]; conditions: readonly Shown[] }[];
    const found = all.find((listener) => listener.name === name);
    if (found === undefined) throw new Error(`no listener ${name}`);
    return { attached: found.attachedRoutes, kinds: found.supportedKinds.map(({ kind }) => kind), conditions: short(found.conditions) };
  }

  status(kind: string, key: string): Readonly<Record<string, unknown>> {
    const [status] = this.graph.items(statuses, `${kind}/${key}`);
    if (status === undefined) throw new Error(`no status of ${kind} ${key}`);
    return status.status;
  }
}

interface Shown {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
}

function short(conditions: readonly Shown[] | undefined): readonly string[] {
  return (conditions ?? []).map(({ type, status, reason }) => `${type}=${status}:${reason}`);
}

function fact(object: KubeObject, items: readonly unknown[]): Fact {
  return { family: objects(object.kind as KindName) as Family<unknown>, bucket: objectKey(object.metadata.namespace ?? "", object.metadata.name), publisher: "source", items };
}

function make(apiVersion: string, kind: string, key: string, rest: Draft, created = "2026-01-01T00:00:00Z"): KubeObject {
  const [namespace = "", name = ""] = key.split("/");
  return { apiVersion, kind, metadata: { ...(namespace === "" ? {} : { namespace }), name, generation: 1, creationTimestamp: created }, ...rest };
}

const gatewayApi = "gateway.networking.k8s.io/v1";

/** A GatewayClass of ours, and the Services a, b and c with port 80 in namespace shop. */
export function basics(): readonly KubeObject[] {
  return [make(gatewayApi, "GatewayClass", "/contour", { spec: { controllerName: defaultSettings.gatewayControllerName } }), service("shop/a"), service("shop/b"), service("shop/c")];
}

export function gatewayClass(name: string, spec: Draft): KubeObject {
  return make(gatewayApi, "GatewayClass", `/${name}`, { spec });
}

/** A Gateway of class contour whose listeners accept routes of all namespaces unless they say otherwise. */
export function gateway(listeners: readonly Draft[], { key = "infra/gw", spec = {}, created }: { readonly key?: string; readonly spec?: Draft; readonly created?: string } = {}): KubeObject {
  const full = listeners.map((listener) => ({ allowedRoutes: { namespaces: { from: "All" } }, ...listener }));
  return make(gatewayApi, "Gateway", key, { spec: { gatewayClassName: "contour", listeners: full, ...spec } }, created);
}

/** An HTTP listener on port 80. */
export const plain: Draft = { name: "http", port: 80, protocol: "HTTP" };

/** An HTTPRoute on Gateway infra/gw. */
export function route(key: string, spec: Draft, created?: string): KubeObject {
  return make(gatewayApi, "HTTPRoute", key, { spec: { parentRefs: [{ namespace: "infra", name: "gw" }], ...spec } }, created);
}

/** A ListenerSet of Gateway infra/gw. */
export function listenerSet(key: string, listeners: readonly Draft[]): KubeObject {
  return make(gatewayApi, "ListenerSet", key, { spec: { parentRef: { namespace: "infra", name: "gw" }, listeners } });
}

export function referenceGrant(namespace: string, from: Draft, to: Draft): KubeObject {
  return make("gateway.networking.k8s.io/v1", "ReferenceGrant", `${namespace}/grant`, { spec: { from: [from], to: [to] } });
}

export function service(key: string, port: Draft = {}): KubeObject {
  return make("v1", "Service", key, { spec: { ports: [{ port: 80, ...port }] } });
}

export function namespace(name: string, labels: Readonly<Record<string, string>>): KubeObject {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name, labels } };
}

/** A Secret with a certificate for localhost. */
export async function certificate(key: string): Promise<KubeObject> {
  const keys = await webcrypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign", "verify"]);
  const cert = await x509.X509CertificateGenerator.createSelfSigned({ name: "CN=localhost", keys, signingAlgorithm: { name: "ECDSA", hash: "SHA-256" }, extensions: [new x509.SubjectAlternativeNameExtension([{ type: "dns", value: "localhost" }])] }, webcrypto as unknown as Crypto);
  const privateKey = x509.PemConverter.encode(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey), "PRIVATE KEY");
  const base64 = (text: string): string => Buffer.from(text).toString("base64");
  return make("v1", "Secret", key, { type: "kubernetes.io/tls", data: { "tls.crt": base64(cert.toString("pem")), "tls.key": base64(privateKey) } });
}
