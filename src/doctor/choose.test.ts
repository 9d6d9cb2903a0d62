import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { chooseEnvoys, chooseTargets, planOf } from "#doctor/choose";
import type { ClusterView, EndpointView, RoutedView } from "#doctor/view";
import type { EnvoyView } from "#doctor/world";

const envoy = (name: string, node: string, fleet = ""): EnvoyView => ({ namespace: "projectcontour", name, fleet, node, labels: {}, hostNetwork: false, addresses: [], nodeAddresses: [], ready: true, ports: {} });
const cluster = (name: string, endpoints: readonly EndpointView[], more: Partial<ClusterView> = {}): ClusterView => ({ fleet: "", name, origins: [{ kind: "HTTPProxy", namespace: "shop", name }], carries: "http", protocol: "http1", connectMs: 2000, showsCertificate: false, source: { kind: "endpoints", endpoints }, ...more });
const at = (address: string, node = "n1"): EndpointView => ({ address, port: 80, node });
const viewOf = (...clusters: readonly ClusterView[]): RoutedView => ({ routes: [], claims: [], clusters, faults: [] });
const addressesOf = (view: RoutedView, most: number, ...envoys: readonly EnvoyView[]): readonly (readonly string[])[] => chooseTargets(view, envoys, most).map(({ targets }) => targets.map(({ endpoint }) => endpoint?.address ?? ""));

describe("what is looked at", () => {
  it("each address once, however many backends lead to it in the same way", () => {
    const view = viewOf(cluster("a", [at("10.0.0.1")]), cluster("b", [at("10.0.0.1")]), cluster("c", [at("10.0.0.1")], { protocol: "tls" }));
    assert.deepEqual(chooseTargets(view, [envoy("e", "n1")], 10)[0]?.targets.map(({ clusters }) => clusters.map(({ name }) => name)), [["a", "b"], ["c"]]);
  });
  it("nothing of UDP", () => assert.deepEqual(addressesOf(viewOf(cluster("a", [at("10.0.0.1")], { carries: "datagrams" })), 10, envoy("e", "n1")), [[]]));
  it("of too many, first one address of each backend, on another node each; and another part from each Envoy", () => {
    const view = viewOf(cluster("a", [at("10.0.0.1"), at("10.0.0.2"), at("10.0.0.3", "n2")]), cluster("b", [at("10.0.1.1")]));
    assert.deepEqual(addressesOf(view, 4, envoy("e", "n1")), [["10.0.0.1", "10.0.1.1", "10.0.0.3", "10.0.0.2"]]);
    assert.deepEqual(addressesOf(view, 2, envoy("e", "n1"), envoy("f", "n2")), [["10.0.0.1", "10.0.1.1"], ["10.0.0.3", "10.0.0.2"]]);
    assert.deepEqual(chooseTargets(view, [envoy("e", "n1")], 2).map(({ of }) => of), [4]);
  });
  it("only backends of the Envoy's own fleet", () => assert.deepEqual(addressesOf(viewOf(cluster("a", [at("10.0.0.1")], { fleet: "infra/public" })), 10, envoy("e", "n1"), envoy("g", "n1", "infra/public")), [[], ["10.0.0.1"]]));
  it("Envoys of each fleet, then of each node", () => {
    const envoys = [envoy("a", "n1"), envoy("b", "n1"), envoy("c", "n2"), envoy("g", "n1", "infra/public")];
    assert.deepEqual(chooseEnvoys(envoys, 3).map(({ name }) => name), ["a", "g", "c"]);
    assert.deepEqual(chooseEnvoys(envoys, 1).map(({ name }) => name), ["a", "g"]);
  });
  it("asks by the route that needs least, and never by a path that cannot be written", () => {
    const route = { fleet: "", scheme: "http", origins: [], clusters: ["a"] } as const;
    const view: RoutedView = { ...viewOf(cluster("a", [at("10.0.0.1")])), routes: [{ ...route, host: "x.example.com", path: { kind: "exact", path: "/admin" }, conditional: true }, { ...route, host: "*.example.com", path: { kind: "prefix", path: "/päth", by: "segment" }, conditional: false }] };
    const [choice] = chooseTargets(view, [envoy("e", "n1")], 10);
    assert.ok(choice);
    const plan = planOf(choice, { depth: "large", concurrency: 1, timeoutMs: 1, limitMs: 1, adminSocket: "" });
    assert.deepEqual(plan.probes[0]?.http, { version: "1.1", host: "any.example.com", path: "/" });
    assert.deepEqual(plan.envoy?.clusters, [{ name: "a", addresses: ["10.0.0.1:80"] }]);
  });
});
