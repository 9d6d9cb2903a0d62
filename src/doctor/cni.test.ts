import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { findCnis } from "#doctor/cni";
import type { CniTraces } from "#doctor/world";

const node = (annotations: Readonly<Record<string, string>>): CniTraces["nodes"][number] => ({ name: "n1", annotations });
const named = (traces: Partial<CniTraces>): readonly string[] => findCnis({ nodes: [], daemonSets: [], apiGroups: [], ...traces }).map(({ name, mode }) => (mode === undefined ? name : `${name}, ${mode}`));

describe("a network plugin is known by what it leaves", () => {
  for (const [traces, wanted] of [
    [{ nodes: [node({ "flannel.alpha.coreos.com/backend-type": "vxlan" })] }, ["Flannel, vxlan"]],
    [{ nodes: [node({ "projectcalico.org/IPv4Address": "192.0.2.1/24" })], apiGroups: ["crd.projectcalico.org"] }, ["Calico, no encapsulation"]],
    [{ nodes: [node({ "projectcalico.org/IPv4Address": "192.0.2.1/24", "projectcalico.org/IPv4VXLANTunnelAddr": "10.1.2.0" })] }, ["Calico, VXLAN"]],
    [{ daemonSets: ["kube-system/cilium"], apiGroups: ["cilium.io"] }, ["Cilium"]],
    [{ nodes: [node({ "node.antrea.io/mac-address": "02:00:00:00:00:01" })], daemonSets: ["kube-system/antrea-agent"] }, ["Antrea"]],
    [{ daemonSets: ["kube-system/weave-net"] }, ["Weave Net"]],
    [{ daemonSets: ["kube-system/kindnet"] }, ["kindnet"]],
    [{ daemonSets: ["kube-system/canal"], nodes: [node({ "flannel.alpha.coreos.com/backend-type": "vxlan" })] }, ["Calico", "Flannel, vxlan"]],
  ] as const) it(wanted.join(" and "), () => assert.deepEqual(named(traces), wanted));

  it("Flannel that routes has no overlay", () => {
    const traits = (mode: string): readonly string[] => findCnis({ nodes: [node({ "flannel.alpha.coreos.com/backend-type": mode })], daemonSets: [], apiGroups: [] }).flatMap((cni) => cni.traits);
    assert.deepEqual(["vxlan", "host-gw"].map((mode) => traits(mode).some((trait) => trait.includes("overlay"))), [true, false]);
  });
  it("CRDs that were left behind are no plugin", () => assert.deepEqual(named({ apiGroups: ["cilium.io", "crd.projectcalico.org"] }), []));
  it("a DaemonSet with another name is none", () => assert.deepEqual(named({ daemonSets: ["kube-system/cilium-envoy", "monitoring/not-kindnet-exporter"] }), []));
});
