import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { blockingPolicies, fits } from "#doctor/network-policy";
import type { EnvoyView, NetworkPolicyView, PodView, PolicyRule } from "#doctor/world";

const pod = (more: Partial<PodView> = {}): PodView => ({ namespace: "shop", name: "cart", labels: { app: "cart" }, hostNetwork: false, addresses: ["10.0.1.2"], ready: true, ports: { http: 8080 }, ...more });
const envoy = (more: Partial<EnvoyView> = {}): EnvoyView => ({ ...pod({ namespace: "projectcontour", name: "envoy", labels: { app: "envoy" }, addresses: ["10.0.0.5", "fd00::5"] }), fleet: "", nodeAddresses: ["192.0.2.1"], ...more });
const namespaces = new Map([["projectcontour", { team: "edge" }], ["shop", {}]]);
const ingress = (...rules: readonly PolicyRule[]): NetworkPolicyView => ({ namespace: "shop", name: "p", podSelector: {}, ingress: rules });
const fromEnvoy: PolicyRule = { peers: [{ namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "projectcontour" } }, podSelector: { matchLabels: { app: "envoy" } } }] };

function blocked(policies: readonly NetworkPolicyView[], { from = envoy(), to = pod(), port = 8080, address = "10.0.1.2" } = {}): readonly string[] {
  return blockingPolicies({ policies, namespaces }, from, { address, port, pod: to }).map(({ direction, dependsOnAddress }) => `${direction}${dependsOnAddress ? " by address" : ""}`);
}

describe("NetworkPolicies", () => {
  it("none at all lets everybody in", () => assert.deepEqual(blocked([]), []));
  it("one that selects the pod and allows nobody shuts Envoy out", () => assert.deepEqual(blocked([ingress()]), ["ingress"]));
  it("several add up: one that allows is enough", () => assert.deepEqual(blocked([ingress(), ingress(fromEnvoy)]), []));
  it("of another namespace, or for other pods, say nothing", () => assert.deepEqual(blocked([{ ...ingress(), namespace: "other" }, { ...ingress(), podSelector: { matchLabels: { app: "web" } } }]), []));
  it("a rule without peers allows everybody, one with an empty list too", () => {
    assert.deepEqual(blocked([ingress({})]), []);
    assert.deepEqual(blocked([ingress({ peers: [] })]), []);
  });
  it("a podSelector alone means pods of the policy's own namespace", () => assert.deepEqual(blocked([ingress({ peers: [{ podSelector: { matchLabels: { app: "envoy" } } }] })]), ["ingress"]));
  it("a namespaceSelector looks at the labels of the namespace", () => assert.deepEqual(blocked([ingress({ peers: [{ namespaceSelector: { matchLabels: { team: "edge" } } }] })]), []));
  it("ports: by number, by name, as a range, and of TCP only", () => {
    const on = (...ports: NonNullable<PolicyRule["ports"]>): readonly string[] => blocked([ingress({ ...fromEnvoy, ports })]);
    assert.deepEqual([on({ port: 8080 }), on({ port: "http" }), on({ port: 8000, endPort: 9000 }), on({})], [[], [], [], []]);
    assert.deepEqual([on({ port: 80 }), on({ port: "metrics" }), on({ port: 8081, endPort: 9000 }), on({ port: 8080, protocol: "UDP" })], [["ingress"], ["ingress"], ["ingress"], ["ingress"]]);
  });
  it("an ipBlock is compared with the addresses of Envoy's pod, but for what it leaves out", () => {
    const block = (cidr: string, ...except: readonly string[]): readonly string[] => blocked([ingress({ peers: [{ ipBlock: { cidr, except } }] })]);
    assert.deepEqual([block("10.0.0.0/24"), block("fd00::/64"), block("10.0.0.0/8", "10.0.0.0/24"), block("nonsense")], [[], [], ["ingress"], ["ingress"]]);
  });
  it("for a host-network Envoy it hangs on the address, as no selector names it", () => {
    const from = envoy({ hostNetwork: true });
    assert.deepEqual(blocked([ingress(fromEnvoy)], { from }), ["ingress by address"]);
    assert.deepEqual(blocked([ingress({ peers: [{ ipBlock: { cidr: "192.0.2.0/24" } }] })], { from }), []);
  });
  it("egress of Envoy's namespace counts as well", () => {
    const egress = (...rules: readonly PolicyRule[]): NetworkPolicyView => ({ namespace: "projectcontour", name: "out", podSelector: { matchLabels: { app: "envoy" } }, egress: rules });
    assert.deepEqual(blocked([egress()]), ["egress"]);
    assert.deepEqual(blocked([egress({ peers: [{ namespaceSelector: {} }] })]), []);
    assert.deepEqual(blocked([egress({ peers: [{ ipBlock: { cidr: "10.0.1.0/24" } }] })]), []);
    assert.deepEqual(blocked([egress()], { from: envoy({ hostNetwork: true }) }), []);
    assert.deepEqual(blocked([ingress(), egress()]), ["ingress", "egress"]);
  });
});

describe("a label selector", () => {
  it("knows all four operators, and no other", () => {
    const labels = { app: "web" };
    const holds = (operator: string, key: string, ...values: readonly string[]): boolean => fits({ matchExpressions: [{ key, operator, values }] }, labels);
    assert.deepEqual([holds("In", "app", "web"), holds("NotIn", "tier", "x"), holds("Exists", "app"), holds("DoesNotExist", "tier")], [true, true, true, true]);
    assert.deepEqual([holds("In", "tier", "web"), holds("NotIn", "app", "web"), holds("Exists", "tier"), holds("DoesNotExist", "app"), holds("Maybe", "app")], [false, false, false, false, false]);
  });
});
