import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Target } from "#doctor/choose";
import { findCnis } from "#doctor/cni";
import { policySightings, sightingsOf } from "#doctor/endpoint-findings";
import type { Sight, VerdictContext } from "#doctor/verdict";
import { envoyFindings, missingEnvoys } from "#doctor/envoy-findings";
import { measure } from "#doctor/latency";
import { mergeSightings, sortFindings } from "#doctor/merge";
import type { EnvoyResult, Outcome } from "#doctor/plan";
import type { ClusterView } from "#doctor/view";
import type { EnvoyView, NetworkPolicyView } from "#doctor/world";

const envoy: EnvoyView = { namespace: "projectcontour", name: "envoy", fleet: "", node: "n1", labels: { app: "envoy" }, hostNetwork: false, addresses: ["10.0.1.9"], nodeAddresses: [], ready: true, ports: {} };

interface Wish {
  readonly name: string;
  readonly node?: string;
  readonly outcome: Outcome;
  readonly pod?: string;
  readonly cluster?: Partial<ClusterView>;
  readonly connectMs?: number;
}

/** An endpoint at an address, with what came of it. */
function tried(address: string, { name, node, outcome, pod = name, cluster = {}, connectMs }: Wish): Sight["seen"][number] {
  const endpoint = { address, port: 8080, pod: { namespace: "shop", name: pod }, ...(node === undefined ? {} : { node }) };
  const view: ClusterView = { fleet: "", name, service: { namespace: "shop", name, port: "80" }, origins: [{ kind: "HTTPProxy", namespace: "shop", name, field: "spec.routes[0]" }], carries: "http", protocol: "http1", source: { kind: "endpoints", endpoints: [endpoint] }, connectMs: 2000, showsCertificate: false, ...cluster };
  const target: Target = { probe: { id: 0, target: { kind: "address", address, port: 8080 }, connectMs: 2000 }, clusters: [view], endpoint };
  return { target, result: { kind: "endpoint", id: 0, address, outcome, ...(connectMs === undefined ? {} : { connectMs }) } };
}

const good: Outcome = { kind: "good" };
const dropped: Outcome = { kind: "dropped" };
const context: VerdictContext = { world: { policies: [], namespaces: new Map(), pods: new Map() }, cnis: [] };
const ids = (...seen: Sight["seen"]): readonly string[] => sightingsOf({ envoy, seen }, context).map(({ finding: { id, who } }) => `${id} ${who.split(" ")[1]}`);

describe("packets that vanish", () => {
  it("to all pods of another node, while those elsewhere are reached: the way to that node", () => {
    assert.deepEqual(ids(tried("10.0.1.1", { name: "near", node: "n1", outcome: good }), tried("10.0.2.1", { name: "far", node: "n2", outcome: dropped }), tried("10.0.2.2", { name: "farther", node: "n2", outcome: { kind: "unreachable", code: "EHOSTUNREACH" } })), ["node-path shop/far", "node-path shop/farther"]);
  });
  it("to one pod of a node of which others are reached: that pod", () => {
    assert.deepEqual(ids(tried("10.0.2.1", { name: "far", node: "n2", outcome: dropped }), tried("10.0.2.2", { name: "well", node: "n2", outcome: { kind: "refused" } })), ["dropped shop/far", "refused shop/well"]);
  });
  it("everywhere: no node is to blame", () => assert.deepEqual(ids(tried("10.0.1.1", { name: "near", node: "n1", outcome: dropped }), tried("10.0.2.1", { name: "far", node: "n2", outcome: dropped })), ["dropped shop/near", "dropped shop/far"]));
  it("over one family, to a pod or a node that is reached over the other", () => {
    assert.deepEqual(ids(tried("10.0.2.1", { name: "far", node: "n2", outcome: good }), tried("fd00::2", { name: "far6", pod: "far", outcome: dropped })), ["family-path shop/far6"]);
    assert.deepEqual(ids(tried("fd00::2", { name: "far6", node: "n2", outcome: good }), tried("10.0.2.1", { name: "far", node: "n2", outcome: dropped })), ["family-path shop/far"]);
  });
  it("to a cluster IP: whoever serves that", () => {
    const [sighting] = sightingsOf({ envoy, seen: [tried("10.96.0.7", { name: "vip", outcome: dropped, cluster: { source: { kind: "endpoints", endpoints: [], byClusterIp: true } } })] }, context);
    assert.match(sighting?.finding.fix ?? "", /kube-proxy/);
  });
});

describe("policies", () => {
  const deny: NetworkPolicyView = { namespace: "shop", name: "deny", podSelector: {}, ingress: [] };
  const pod = { namespace: "shop", name: "far", labels: {}, hostNetwork: false, addresses: ["10.0.2.1"], ready: true, ports: {} };
  const cnis = findCnis({ nodes: [], daemonSets: ["kube-system/cilium"], apiGroups: [] });
  const denied: VerdictContext = { world: { ...context.world, policies: [deny], pods: new Map([["shop/far", pod]]) }, cnis };
  const under = (from: EnvoyView, outcome: Outcome): readonly string[] => sightingsOf({ envoy: from, seen: [tried("10.0.2.1", { name: "far", node: "n2", outcome })] }, denied).map(({ finding: { id, fix } }) => `${id}: ${fix}`);
  const onHost: EnvoyView = { ...envoy, hostNetwork: true };

  it("come before the way, with the template that opens them", () => assert.deepEqual(under(envoy, dropped), ["network-policy-ingress: kubectl -n shop apply -f deploy/network-policies/tenant.yaml"]));
  it("are said with the words of the network for an Envoy in the network of its node", () => assert.match(under(onHost, dropped).join(), /fromEntities \[host, remote-node\]/));
  it("that nobody enforces are a warning; for an Envoy in the network of its node nothing is known", () => {
    assert.deepEqual([under(envoy, good).map((line) => line.split(":")[0]), under(onHost, good)], [["policy-not-enforced"], []]);
  });
  it("are judged alone where nothing can be tried", () => {
    const { target } = tried("10.0.2.1", { name: "far", node: "n2", outcome: good });
    assert.deepEqual(policySightings(envoy, [target], denied).map(({ finding: { id } }) => id), ["network-policy-ingress"]);
    assert.deepEqual(policySightings(onHost, [target], denied), []);
  });
});

describe("a backend's client certificate", () => {
  it("is no finding where Envoy has one to show", () => {
    const wanted: Outcome = { kind: "client-certificate-wanted" };
    assert.deepEqual(ids(tried("10.0.2.1", { name: "a", outcome: wanted }), tried("10.0.2.2", { name: "b", outcome: wanted, cluster: { showsCertificate: true } })), ["client-certificate-wanted shop/a"]);
  });
});

describe("the same thing seen many times", () => {
  const see = (outcome: Outcome, ...names: readonly string[]): ReturnType<typeof mergeSightings> =>
    mergeSightings([envoy, { ...envoy, name: "other" }].flatMap((from) => sightingsOf({ envoy: from, seen: [tried("10.0.1.1", { name: "near", node: "n1", outcome: good }), ...names.map((name, i) => tried(`10.0.2.${i + 1}`, { name, node: "n2", outcome }))] }, context)));
  it("from several Envoys is one finding, for each object", () => {
    const found = see({ kind: "refused" }, "a", "b");
    assert.deepEqual(found.map(({ who, where }) => `${who}, ${where}`), ["a", "b"].map((name, i) => `HTTPProxy shop/${name} spec.routes[0], Service shop/${name}:80, pod shop/${name} 10.0.2.${i + 1}:8080 on n2, from Envoy projectcontour/envoy on n1, Envoy projectcontour/other on n1`));
  });
  it("that is the network's is one for all objects, which are all listed", () => {
    const [only, ...others] = see(dropped, "a", "b", "c", "d");
    assert.deepEqual([only?.id, only?.who, only?.objects?.length, others], ["node-path", "HTTPProxy shop/a spec.routes[0], HTTPProxy shop/b spec.routes[0], HTTPProxy shop/c spec.routes[0] and 1 more objects", 4, []]);
  });
  it("errors come first", () => assert.deepEqual(sortFindings([{ id: "policy-not-enforced", severity: "warning", who: "a", where: "", what: "", fix: "" }, { id: "refused", severity: "error", who: "b", where: "", what: "", fix: "" }]).map(({ id }) => id), ["refused", "policy-not-enforced"]));
});

describe("an Envoy", () => {
  const view = { routes: [], claims: [], faults: [], clusters: [tried("10.0.2.1", { name: "web", outcome: good }).target.clusters[0] as ClusterView] };
  const said: EnvoyResult = { kind: "envoy", ready: true, connected: true, missing: [], outdated: [], unhealthy: [] };
  const found = (result: Partial<EnvoyResult>, more: Partial<EnvoyView> = {}): readonly string[] => envoyFindings({ ...envoy, ...more }, { ...said, ...result }, view).map(({ id, who }) => `${id}: ${who}`);
  it("that has what it should is well", () => assert.deepEqual(found({}), []));
  it("that lacks a backend, or has another one, leads to the object", () => assert.deepEqual([found({ missing: ["web"] }), found({ outdated: ["web"] })], [["configuration-not-taken: HTTPProxy shop/web spec.routes[0]"], ["configuration-not-taken: HTTPProxy shop/web spec.routes[0]"]]));
  it("that is not connected lacks what is new, which is said once", () => assert.deepEqual(found({ connected: false, missing: ["web"] }), ["envoy-not-connected: Envoy projectcontour/envoy on n1"]));
  it("tells which of the backends in question its health checks find bad", () => assert.deepEqual(found({ unhealthy: [{ cluster: "web", address: "10.0.2.1:8080" }, { cluster: "other", address: "10.0.2.9:80" }] }), ["health-check-failing: HTTPProxy shop/web spec.routes[0]"]));
  it("whose pod is not ready gets a warning", () => assert.deepEqual(found({}, { ready: false }), ["envoy-not-ready: Envoy projectcontour/envoy on n1"]));
  it("is missing where a fleet has routes and none", () => {
    const route = { scheme: "http", host: "*", conditional: false, origins: [], clusters: [] } as const;
    assert.deepEqual(missingEnvoys({ ...view, routes: [{ fleet: "", ...route }, { fleet: "infra/public", ...route }] }, [envoy]).map(({ who }) => who), ["Gateway infra/public"]);
  });
});

describe("latency", () => {
  it("is told apart by node and family, as medians", () => {
    const seen = [3, 1, 2].map((connectMs, i) => tried(`10.0.1.${i}`, { name: "near", node: "n1", outcome: good, connectMs })).concat(tried("fd00::2", { name: "far", node: "n2", outcome: good, connectMs: 7 }), tried("192.0.2.1", { name: "outside", outcome: dropped }));
    assert.deepEqual(measure({ envoy, seen }), [{ way: "same-node", family: "IPv4", endpoints: 3, connectMs: 2 }, { way: "other-node", family: "IPv6", endpoints: 1, connectMs: 7 }]);
  });
});
