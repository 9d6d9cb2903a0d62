import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Finding } from "./cni/finding.ts";
import type { Pod } from "./cni/network.ts";
import type { NetworkPolicy, Policy } from "./cni/policies.ts";
import { rulesOf } from "./cni/policies.ts";
import { differences, faultsOf, resultTable } from "./cni/results.ts";
import { address16 } from "./cni/wirings/cilium-maps.ts";

const pass: Finding = { verdict: "pass", detail: "" };
const unshown: Finding = { verdict: "unshown", detail: "IPv4 only" };
const fail: Finding = { verdict: "fail", detail: "envoy: near 503" };
const row = (findings: Readonly<Record<string, Finding>>, component = "real") => ({ wiring: "bridge", component, findings });

describe("results of the CNI matrix", () => {
  it("are faulty where a check failed, or where nothing was shown", () => {
    assert.deepEqual(faultsOf([row({ small: pass, ipv6: unshown })]), []);
    assert.deepEqual(faultsOf([row({ small: fail, large: fail, ipv6: pass })]), ["bridge: small, large failed: envoy: near 503"]);
    assert.deepEqual(faultsOf([row({ ipv6: unshown })]), ["bridge: nothing was shown"]);
    assert.deepEqual(faultsOf([row({})]), ["bridge: nothing was shown"]);
  });

  it("differ from those that are kept by verdict, detail, component, and absence", () => {
    const kept = [row({ small: pass, mtu: { verdict: "pass", detail: "1500" } })];
    assert.deepEqual(differences(kept, kept), []);
    assert.deepEqual(differences([row({ small: pass, mtu: { verdict: "pass", detail: "1450" } })], kept), ["bridge: mtu: pass 1450; kept: pass 1500"]);
    assert.deepEqual(differences([row({ small: pass })], kept), ["bridge: mtu: nothing; kept: pass 1500"]);
    assert.deepEqual(differences([row({}, "reproduced")], kept), ["bridge: its component is described otherwise"]);
    assert.deepEqual(differences(kept, []), ["bridge: is not among the results that are kept"]);
  });

  it("are a table", () => {
    assert.deepEqual(resultTable([row({ small: pass, ipv6: unshown })]).map((line) => line.replaceAll(/ +/g, " ")), ["| check | bridge |", "|-------------------------------|--------|", "| GET, same node and other node | yes |", "| IPv6 | – |"]);
  });
});

describe("policies as the lab reads them", () => {
  const pod = (name: string, namespace: string, labels: Pod["labels"], v4: string): Pod => ({ name, namespace, labels, v4, node: "n1", hostInterface: name });
  const near = pod("near", "shop", { app: "near" }, "10.0.0.2");
  const envoy = pod("envoy", "projectcontour", { app: "envoy" }, "10.0.0.3");
  const stranger = pod("stranger", "elsewhere", { app: "envoy" }, "10.0.0.4");
  const allowed = (...list: readonly Policy[]) => rulesOf(list, [near, envoy, stranger], ["10.0.0.1"]).map((rules) => ({ pod: rules.pod.name, allowed: rules.allowed }));
  const kubernetes = (spec: Partial<NetworkPolicy["spec"]>): NetworkPolicy => ({ kind: "NetworkPolicy", metadata: { name: "p", namespace: "shop" }, spec: { podSelector: {}, ...spec } });

  it("let in nobody, those that selectors name, and everybody", () => {
    assert.deepEqual(allowed(kubernetes({ policyTypes: ["Ingress"] })), [{ pod: "near", allowed: [] }]);
    assert.deepEqual(allowed(kubernetes({ policyTypes: ["Egress"] })), []);
    const from = [{ namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "projectcontour" } }, podSelector: { matchLabels: { app: "envoy" } } }];
    assert.deepEqual(allowed(kubernetes({ ingress: [{ from, ports: [{ port: 8080 }] }] })), [{ pod: "near", allowed: [{ from: ["10.0.0.3"], ports: [8080] }] }]);
    assert.deepEqual(allowed(kubernetes({ ingress: [{}] })), [{ pod: "near", allowed: [{ from: "anyone", ports: [] }] }]);
  });

  it("leave out of a range what is beyond it", () => {
    assert.deepEqual(allowed(kubernetes({ ingress: [{ ports: [{ port: 8081, endPort: 8089 }] }] })), [{ pod: "near", allowed: [{ from: "anyone", ports: [8081] }] }]);
  });

  it("of Calico close the namespaces that they name", () => {
    const ingress = [{ action: "Allow", source: { nets: ["10.0.0.1"] } }] as const;
    for (const namespaceSelector of ['projectcalico.org/name == "shop"', 'projectcalico.org/name in { "shop", "other" }']) assert.deepEqual(allowed({ kind: "GlobalNetworkPolicy", spec: { namespaceSelector, ingress } }), [{ pod: "near", allowed: [{ from: ["10.0.0.1"], ports: [] }] }]);
    assert.deepEqual(allowed({ kind: "GlobalNetworkPolicy", spec: { namespaceSelector: 'projectcalico.org/name == "other"', ingress } }), []);
    assert.deepEqual(allowed({ kind: "GlobalNetworkPolicy", spec: { namespaceSelector: 'projectcalico.org/name == "shop"', selector: 'app == "far"', ingress } }), []);
    assert.throws(() => allowed({ kind: "GlobalNetworkPolicy", spec: { namespaceSelector: "all()", ingress } }), /reads no Calico selector all\(\)/);
  });

  it("of Cilium name entities", () => {
    assert.deepEqual(allowed({ kind: "CiliumNetworkPolicy", metadata: { namespace: "shop" }, spec: { endpointSelector: {}, ingress: [{ fromEntities: ["remote-node"] }] } }), [{ pod: "near", allowed: [{ from: [], entities: ["remote-node"], ports: [] }] }]);
  });

  it("of Antrea add to others, and close nothing", () => {
    const acnp: Policy = { kind: "ClusterNetworkPolicy", spec: { appliedTo: [{ namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "shop" } } }], ingress: [{ action: "Allow", from: [{ nodeSelector: {} }] }] } };
    assert.deepEqual(allowed(acnp), []);
    assert.deepEqual(allowed(acnp, kubernetes({})), [{ pod: "near", allowed: [{ from: ["10.0.0.1"], ports: [] }] }]);
  });
});

describe("addresses in maps", () => {
  it("are 16 bytes", () => {
    assert.equal(address16("10.65.1.2").toString("hex"), "00000000000000000000ffff0a410102");
    assert.equal(address16("fd65:0:0:1::a").toString("hex"), "fd65000000000001000000000000000a");
    assert.equal(address16("::1").toString("hex"), "00000000000000000000000000000001");
  });
});
