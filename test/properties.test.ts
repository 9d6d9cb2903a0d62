import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { Pipeline } from "#app/pipeline";
import { describeTranslation, translateSettings } from "#app/translate";
import type { Translation } from "#app/translate";
import type { ContourConfiguration } from "#gen/k8s/contour-configuration";
import { kindOf } from "#k8s/kinds";
import { refKey, refOf } from "#k8s/object";
import type { KubeObject } from "#k8s/object";
import { spokenName } from "#envoy/names";
import { parseObject } from "#k8s/parse";
import { configure } from "#settings/configuration";
import type { Choices } from "#settings/configuration";
import { defaultEnvoySettings } from "#settings/envoy";
import { readFiles } from "#sources/file/read";
import type { ObjectEvent } from "#store/event";

const golden = new URL("../testdata/golden/", import.meta.url).pathname;
const [goodSecret] = readFiles([`${golden}httpproxy/tls/manifests/secret.yaml`]).objects;
const [badSecret] = readFiles([`${golden}bad-input/certificate-and-key-of-different-pairs/manifests/secret.yaml`]).objects;

const pick = <T>(...values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values);
const namespace = pick("red", "blue");
const host = pick("a.test", "b.test", "*.b.test", "c.test");
const serviceName = pick("s0", "s1", "s2");
const path = pick("/", "/x", "/x/y");

/** The age is a function of who it is, as in a cluster: it does not depend on the order of events. */
function object(apiVersion: string, kind: string, ref: { readonly namespace?: string; readonly name: string; readonly labels?: object }, rest: object): KubeObject {
  const age = [...`${kind}/${ref.namespace}/${ref.name}`].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 1000, 7);
  const generation = [...JSON.stringify(rest)].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 1_000_003, 1);
  const parsed = parseObject({ apiVersion, kind, metadata: { ...ref, creationTimestamp: new Date(Date.UTC(2026, 0, 1, 0, 0, age)).toISOString().replace(".000", ""), generation }, ...rest }, { origin: "cluster" });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  return parsed.value;
}

const service = fc.record({ namespace, name: serviceName, port: pick(80, 81) }).map(({ namespace, name, port }) => object("v1", "Service", { namespace, name }, { spec: { ports: [{ port, protocol: "TCP" }] } }));
const slice = fc.record({ namespace, service: serviceName, part: pick("1", "2"), last: fc.integer({ min: 1, max: 250 }), ready: fc.boolean(), hints: pick({}, { hints: { forZones: [{ name: "east" }] } }, { hints: { forZones: [{ name: "west" }], forNodes: [{ name: "n1" }] } }) }).map(({ namespace, service, part, last, ready, hints }) =>
  object("discovery.k8s.io/v1", "EndpointSlice", { namespace, name: `${service}-${part}`, labels: { "kubernetes.io/service-name": service } }, { addressType: "IPv4", ports: [{ name: "", port: 8080, protocol: "TCP" }], endpoints: [{ addresses: [`10.0.0.${last}`], conditions: { ready }, ...hints }] }));
const secret = fc.record({ namespace, good: fc.boolean() }).map(({ namespace, good }) => {
  const { data } = (good ? goodSecret : badSecret) as KubeObject & { data: object };
  return object("v1", "Secret", { namespace, name: "tls" }, { type: "kubernetes.io/tls", data });
});
const conditions = fc.array(fc.oneof(path.map((prefix) => ({ prefix })), pick({ header: { name: "x", exact: "1" } }, { queryParameter: { name: "q", present: true } })), { maxLength: 2 });
const proxyRoute = fc.record({ conditions, services: fc.array(fc.record({ name: serviceName, port: pick(80, 82), weight: pick(1, 5) }), { minLength: 1, maxLength: 2 }), permitInsecure: fc.boolean() });
const include = fc.record({ name: pick("p0", "p1", "p2"), namespace, conditions });
const proxy = fc.record({ namespace, name: pick("p0", "p1", "p2"), host: fc.option(host), tls: pick("none", "own", "foreign", "passthrough", "default"), routes: fc.array(proxyRoute, { maxLength: 3 }), includes: fc.array(include, { maxLength: 2 }), tcp: fc.boolean(), more: fc.array(host, { maxLength: 2 }), guard: pick("none", "tls", "plain", "off") }).map(({ namespace, name, host, tls, routes, includes, tcp, more, guard }) => {
  const extensionRef = { namespace: "blue", name: "guard" };
  const guards = { none: {}, tls: { authorization: { extensionRef } }, plain: { authorization: { extensionRef, permitInsecure: true } }, off: { authorization: { extensionRef, authPolicy: { disabled: true } } } }[guard];
  const tlsSpec = { none: {}, own: { tls: { secretName: "tls" } }, foreign: { tls: { secretName: "blue/tls" } }, passthrough: { tls: { passthrough: true } }, default: { tls: {} } }[tls];
  return object("projectcontour.io/v1", "HTTPProxy", { namespace, name }, { spec: { ...(host === null ? {} : { virtualhost: { fqdn: host, additionalFqdns: more, ...tlsSpec, ...guards } }), routes, includes, ...(tcp ? { tcpproxy: { services: [{ name: "s0", port: 80 }] } } : {}) } });
});
const ingress = fc.record({ namespace, name: pick("i0", "i1"), host: fc.option(host), path, service: serviceName, tls: fc.boolean(), class: pick(undefined, "contour", "nginx") }).map(({ namespace, name, host, path, service, tls, class: ingressClassName }) =>
  object("networking.k8s.io/v1", "Ingress", { namespace, name }, { spec: { ...(ingressClassName === undefined ? {} : { ingressClassName }), ...(tls && host !== null ? { tls: [{ hosts: [host], secretName: "tls" }] } : {}), rules: [{ ...(host === null ? {} : { host }), http: { paths: [{ path, pathType: "Prefix", backend: { service: { name: service, port: { number: 80 } } } }] } }] } }));
const extension = fc.record({ protocol: pick("h2", "h2c", "http/1.1"), services: fc.array(fc.record({ name: serviceName, port: pick(80, 82), weight: pick(0, 1) }), { minLength: 1, maxLength: 2 }) }).map((spec) => object("projectcontour.io/v1alpha1", "ExtensionService", { namespace: "blue", name: "guard" }, { spec }));
const delegation = fc.record({ to: pick("red", "*") }).map(({ to }) => object("projectcontour.io/v1", "TLSCertificateDelegation", { namespace: "blue", name: "d" }, { spec: { delegations: [{ secretName: "tls", targetNamespaces: [to] }] } }));
const gatewayClass = pick("projectcontour.io/gateway-controller", "other.test/controller").map((controllerName) => object("gateway.networking.k8s.io/v1", "GatewayClass", { name: "c" }, { spec: { controllerName } }));
const gateway = fc.record({ namespace, hostname: fc.option(host), from: pick("All", "Same"), https: fc.boolean() }).map(({ namespace, hostname, from, https }) =>
  object("gateway.networking.k8s.io/v1", "Gateway", { namespace, name: "g" }, { spec: { gatewayClassName: "c", listeners: [{ name: "l", port: https ? 443 : 80, protocol: https ? "HTTPS" : "HTTP", ...(https ? { tls: { mode: "Terminate", certificateRefs: [{ group: "", kind: "Secret", name: "tls" }] } } : {}), ...(hostname === null ? {} : { hostname }), allowedRoutes: { namespaces: { from } } }] } }));
const httpRoute = fc.record({ namespace, name: pick("r0", "r1"), parent: namespace, hostnames: fc.array(host, { maxLength: 2 }), path, service: serviceName, serviceNamespace: namespace }).map(({ namespace, name, parent, hostnames, path, service, serviceNamespace }) =>
  object("gateway.networking.k8s.io/v1", "HTTPRoute", { namespace, name }, { spec: { parentRefs: [{ group: "gateway.networking.k8s.io", kind: "Gateway", name: "g", namespace: parent }], hostnames, rules: [{ matches: [{ path: { type: "PathPrefix", value: path } }], backendRefs: [{ group: "", kind: "Service", name: service, namespace: serviceNamespace, port: 80, weight: 1 }] }] } }));
const grant = namespace.map((namespace) => object("gateway.networking.k8s.io/v1beta1", "ReferenceGrant", { namespace, name: "grant" }, { spec: { from: [{ group: "gateway.networking.k8s.io", kind: "HTTPRoute", namespace: namespace === "red" ? "blue" : "red" }], to: [{ group: "", kind: "Service" }] } }));

const anyObject = fc.oneof({ arbitrary: proxy, weight: 6 }, { arbitrary: service, weight: 4 }, { arbitrary: slice, weight: 3 }, secret, { arbitrary: ingress, weight: 3 }, { arbitrary: extension, weight: 2 }, delegation, gatewayClass, gateway, { arbitrary: httpRoute, weight: 2 }, grant);

const event = fc.oneof({ weight: 3, arbitrary: anyObject.map((made): ObjectEvent => ({ type: "upsert", object: made })) }, { weight: 1, arbitrary: anyObject.map((made): ObjectEvent => ({ type: "delete", ref: refOf(made) })) });
/** Different objects, each once. */
const world = fc.uniqueArray(anyObject, { selector: (made) => refKey(refOf(made)), minLength: 1, maxLength: 25 });

const upsert = (made: KubeObject): ObjectEvent => ({ type: "upsert", object: made });
const newPipeline = ({ settings, envoySettings }: Choices = { settings: translateSettings, envoySettings: { ...defaultEnvoySettings, certificatesOnDemandFrom: 2 } }): Pipeline => new Pipeline(settings, envoySettings);

/** What an operator may change while it runs. */
const choices = fc.record({
  ingress: fc.option(fc.record({ classNames: pick(["nginx"], ["contour", "nginx"]) }), { nil: undefined }),
  httpproxy: fc.option(fc.record({ rootNamespaces: pick(["red"], ["blue"]), disablePermitInsecure: fc.boolean(), fallbackCertificate: pick(undefined, { namespace: "blue", name: "tls" }), duplicateHosts: pick("AllInvalid", "FirstWins"), routeErrors: pick("Isolate", "DiscardObject") }), { nil: undefined }),
  gateway: pick(undefined, { gatewayRef: { namespace: "red", name: "g" } }),
  policy: pick(undefined, { requestHeaders: { set: { "x-from": "edge" } }, applyToIngress: true }),
  globalExtAuth: pick(undefined, { extensionRef: { namespace: "blue", name: "guard" } }),
  envoy: fc.record({
    http: pick(undefined, { port: 8000 }),
    clientCertificate: pick(undefined, { namespace: "red", name: "tls" }),
    timeouts: pick(undefined, { connectTimeout: "1s", requestTimeout: "9s" }),
    listener: pick(undefined, { useProxyProtocol: true, compression: { algorithm: "zstd" as const } }, { tls: { defaultCertificate: { namespace: "blue", name: "tls" } } }),
    cluster: pick(undefined, { dnsLookupFamily: "v6", circuitBreakers: { maxRequests: 7 } }),
  }),
}).map((spec): Choices => configure({ settings: translateSettings, envoySettings: { ...defaultEnvoySettings, certificatesOnDemandFrom: 2 } }, JSON.parse(JSON.stringify(spec)) as ContourConfiguration["spec"]));

/** The names of all resources that Envoys were told of and that are not gone. */
function told(pipeline: Pipeline): readonly string[] {
  return [...pipeline.changes().resources].flatMap(([kind, found]) => [...found].flatMap(([name, bytes]) => (bytes === undefined ? [] : [`${kind} ${name}`]))).toSorted();
}

function translated(batches: Iterable<readonly ObjectEvent[]>): Translation {
  const pipeline = newPipeline();
  for (const batch of batches) pipeline.apply(batch);
  return describeTranslation(pipeline);
}

function lastState(events: readonly ObjectEvent[]): readonly KubeObject[] {
  const state = new Map<string, KubeObject>();
  for (const event of events) {
    if (event.type === "delete") state.delete(refKey(event.ref));
    else state.set(refKey(refOf(event.object)), event.object);
  }
  return [...state.values()];
}

const runs = { numRuns: Number(process.env["PROPERTY_RUNS"] ?? 300) };

describe("translation", () => {
  it("does not depend on the order of objects, nor on how they come together", () => {
    fc.assert(fc.property(world, fc.integer(), (objects, seed) => {
      const shuffled = objects.map((made, i) => ({ made, at: Math.sin(seed + i * 77) })).toSorted((a, b) => a.at - b.at).map(({ made }) => upsert(made));
      assert.deepEqual(translated(shuffled.map((one) => [one])), translated([objects.map(upsert)]));
    }), runs);
  });

  it("of a change is what it is from scratch", () => {
    fc.assert(fc.property(fc.array(fc.array(event, { minLength: 1, maxLength: 4 }), { maxLength: 15 }), (batches) => {
      assert.deepEqual(translated(batches), translated([lastState(batches.flat()).map(upsert)]));
    }), runs);
  });

  it("in slices, with changes and hurrying endpoints in between, is what it is from scratch", () => {
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.array(event, { minLength: 1, maxLength: 4 }).map((events) => ({ kind: "take", events }) as const) },
      { weight: 2, arbitrary: slice.map((made) => ({ kind: "hurry", events: [upsert(made)] }) as const) },
      { weight: 3, arbitrary: fc.integer({ min: 1, max: 12 }).map((units) => ({ kind: "work", units }) as const) },
      { weight: 1, arbitrary: choices.map((chosen) => ({ kind: "configure", chosen }) as const) },
    );
    fc.assert(fc.property(choices, fc.array(step, { maxLength: 25 }), (first, steps) => {
      const pipeline = newPipeline(first);
      let last = first;
      for (const made of steps) {
        if (made.kind === "take") pipeline.take(pipeline.factsOf(made.events));
        else if (made.kind === "hurry") pipeline.hurry(pipeline.factsOf(made.events));
        else if (made.kind === "configure") pipeline.takeSettings(made.chosen.settings, made.chosen.envoySettings);
        else {
          let left = made.units;
          pipeline.work(() => --left === 0);
        }
        if (made.kind === "configure") last = made.chosen;
      }
      assert.ok(pipeline.work());
      const fresh = newPipeline(last);
      fresh.take(fresh.factsOf(lastState(steps.flatMap((made) => ("events" in made ? made.events : []))).map(upsert)));
      fresh.work();
      assert.deepEqual(describeTranslation(pipeline), describeTranslation(fresh));
      assert.equal(pipeline.graph.size, fresh.graph.size);
      // What is told over time adds up to what there is.
      assert.deepEqual(told(pipeline), told(fresh));
    }), runs);
  });

  it("under settings that changed is what it is from scratch", () => {
    fc.assert(fc.property(world, world, choices, choices, (first, second, before, after) => {
      const pipeline = newPipeline(before);
      pipeline.apply(first.map(upsert));
      pipeline.configure(after.settings, after.envoySettings);
      pipeline.apply(second.map(upsert));
      const fresh = newPipeline(after);
      fresh.apply(lastState([...first, ...second].map(upsert)).map(upsert));
      assert.deepEqual(describeTranslation(pipeline), describeTranslation(fresh));
      assert.equal(pipeline.graph.size, fresh.graph.size);
    }), runs);
  });

  it("of what was added and taken away again leaves nothing", () => {
    fc.assert(fc.property(world, world, (first, second) => {
      const pipeline = newPipeline();
      pipeline.apply(first.map(upsert));
      const [before, size] = [describeTranslation(pipeline), pipeline.graph.size];
      const added = second.filter((made) => !first.some((known) => refKey(refOf(known)) === refKey(refOf(made))));
      for (const made of added) pipeline.apply([upsert(made)]);
      for (const made of added) pipeline.apply([{ type: "delete", ref: refOf(made) }]);
      assert.deepEqual(describeTranslation(pipeline), before);
      assert.equal(pipeline.graph.size, size);
      pipeline.apply(first.map((made) => ({ type: "delete", ref: refOf(made) })));
      assert.equal(pipeline.graph.size, 0);
    }), runs);
  });

  it("refers to nothing that is not there", () => {
    fc.assert(fc.property(fc.array(event, { maxLength: 40 }), (events) => {
      const { cds, eds, sds, ...rest } = translated([events]).resources;
      const named = (value: unknown, key: string): readonly string[] => {
        if (typeof value !== "object" || value === null) return [];
        return Object.entries(value).flatMap(([name, inner]) => (name === key && typeof inner === "string" ? [inner] : named(inner, key)));
      };
      const clusters = [...named(rest, "cluster"), ...namesIn(rest, "weightedClusters")];
      assert.deepEqual(clusters.filter((name) => name !== "contour/unresolved-backend" && cds[name] === undefined), []);
      assert.deepEqual(named(cds, "serviceName").filter((name) => eds[name] === undefined), []);
      // Beside certificates on demand a secret is asked for by a name that no client can send.
      assert.deepEqual(namesIn(rest, "tlsCertificateSdsSecretConfigs").filter((name) => sds[spokenName(name) ?? name] === undefined), []);
    }), runs);
  });

  it("knows every kind that these tests make", () => {
    fc.assert(fc.property(anyObject, (made) => kindOf(made.apiVersion, made.kind) !== undefined), { numRuns: 50 });
  });
});

/** The `name`s directly in lists, or in `clusters` of objects, under a key. */
function namesIn(value: unknown, key: string): readonly string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]: [string, unknown]) => {
    if (name !== key) return namesIn(inner, key);
    const list = (Array.isArray(inner) ? inner : (inner as { clusters: readonly unknown[] }).clusters) as readonly { readonly name: string }[];
    return list.map((one) => one.name);
  });
}
