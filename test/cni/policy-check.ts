import { readFileSync } from "node:fs";
import { join } from "node:path";
import { objectsOf } from "../kubernetes/serving.ts";
import type { Check } from "./finding.ts";
import { verdict } from "./finding.ts";
import { underlay } from "./lab.ts";
import type { NetworkPolicy } from "./policies.ts";
import { rulesOf } from "./policies.ts";
import type { Stage } from "./stage.ts";
import { envoyPort } from "./stage.ts";
import { ask } from "./traffic.ts";
import type { Door } from "./traffic.ts";

const deploy = join(import.meta.dirname, "../../deploy");

/** What `kubectl -n NAMESPACE apply -f` makes of a file of deploy/. */
function policiesIn(file: string, namespace?: string): readonly NetworkPolicy[] {
  return objectsOf(readFileSync(join(deploy, file), "utf8")).map((object) => ({ ...object, metadata: { ...object.metadata, namespace: namespace ?? object.metadata.namespace } }) as unknown as NetworkPolicy);
}

const denyAll = ["shop", "projectcontour"].map((namespace): NetworkPolicy => ({ kind: "NetworkPolicy", metadata: { name: "deny", namespace }, spec: { podSelector: {}, policyTypes: ["Ingress"] } }));

const shipped = [...policiesIn("components/network-policies/envoy.yaml"), ...policiesIn("components/network-policies/controller.yaml"), ...policiesIn("network-policies/tenant.yaml", "shop")];

/** Who gets through, each over a new connection. */
interface Open {
  readonly near: boolean;
  readonly far: boolean;
  readonly outside: boolean;
  readonly stranger: boolean;
}

async function whoGetsThrough(stage: Stage): Promise<Open> {
  const [{ door: envoy }] = stage.doors as unknown as [{ door: Door }];
  const viaHostPort = stage.wiring.hostPort !== "none";
  const outside: Door = viaHostPort ? { dial: stage.dialFromClient, address: underlay.n1.v4, port: 80 } : { dial: await stage.lab.dialer("far"), address: stage.pod("envoy").v4, port: envoyPort };
  const stranger: Door = { dial: await stage.lab.dialer("intruder"), address: stage.pod("near").v4, port: 8080 };
  const ok = async (door: Door, path: string, timeoutMs: number): Promise<boolean> => (await ask(door, path, { timeoutMs })).status === 200;
  const [near, far, fromOutside, fromStranger] = await Promise.all([ok(envoy, "/near", 5000), ok(envoy, "/far", 5000), ok(outside, "/near", 5000), ok(stranger, "/", 1500)]);
  return { near, far, outside: fromOutside, stranger: fromStranger };
}

function same(open: Open, wanted: Open): boolean {
  return JSON.stringify(open) === JSON.stringify(wanted);
}

/** Pods that deny by default are shut to Envoy, and open with the policies of deploy/; a pod with Envoy's label in another namespace stays out. */
export const policies: Check = {
  id: "policies", title: "default deny, then the shipped policies",
  async run(stage) {
    await stage.addPod({ name: "intruder", namespace: "elsewhere", labels: { app: "envoy" }, node: "n2" });
    const under = async (list: readonly NetworkPolicy[]): Promise<Open> => {
      await stage.network.enforce(rulesOf(list, [...stage.pods.values()]));
      return whoGetsThrough(stage);
    };
    const free = await under([]);
    const denied = await under(denyAll);
    const allowed = await under([...denyAll, ...shipped]);
    await stage.network.enforce([]);
    await stage.removePod("intruder");
    const all = { near: true, far: true, outside: true, stranger: true };
    const good = same(free, all) && same(denied, { near: false, far: false, outside: false, stranger: false }) && same(allowed, { ...all, stranger: false });
    return verdict(good, good ? "" : `free ${JSON.stringify(free)}, denied ${JSON.stringify(denied)}, shipped ${JSON.stringify(allowed)}`);
  },
};
