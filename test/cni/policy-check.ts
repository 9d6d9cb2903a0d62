import { readFileSync } from "node:fs";
import { join } from "node:path";
import { objectsOf } from "../kubernetes/serving.ts";
import type { Check, Finding } from "./finding.ts";
import { verdict } from "./finding.ts";
import { nodeNames, underlay } from "./lab.ts";
import type { Pod } from "./network.ts";
import type { NetworkPolicy, Policy } from "./policies.ts";
import { rulesOf } from "./policies.ts";
import type { Stage } from "./stage.ts";
import { envoyPort } from "./stage.ts";
import { ask, echo } from "./traffic.ts";
import type { Door } from "./traffic.ts";

const deploy = join(import.meta.dirname, "../../deploy");

/** What `kubectl -n NAMESPACE apply -f` makes of a file of deploy/, with addresses in place of those of the documentation. */
function policiesIn(file: string, { namespace, addresses = [] }: { readonly namespace?: string; readonly addresses?: readonly string[] } = {}): readonly Policy[] {
  return objectsOf(readFileSync(join(deploy, file), "utf8")).map((object) => withAddresses({ ...object, metadata: { ...object.metadata, namespace: object.metadata.namespace ?? namespace } }, addresses) as Policy);
}

/** The networks of RFC 5737 stand in files for addresses of a cluster. */
const placeholder = /^(192\.0\.2|198\.51\.100)\./;

function withAddresses(value: unknown, addresses: readonly string[]): unknown {
  if (Array.isArray(value)) return value.flatMap((entry: unknown): readonly unknown[] => {
    if (typeof entry === "string" && placeholder.test(entry)) return addresses;
    const cidr = (entry as { readonly ipBlock?: { readonly cidr: string } } | null)?.ipBlock?.cidr;
    return cidr !== undefined && placeholder.test(cidr) ? addresses.map((address) => ({ ipBlock: { cidr: address } })) : [withAddresses(entry, addresses)];
  });
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, withAddresses(entry, addresses)]));
}

const denyAll = ["shop", "projectcontour", "infra"].map((namespace): NetworkPolicy => ({ kind: "NetworkPolicy", metadata: { name: "deny", namespace }, spec: { podSelector: {}, policyTypes: ["Ingress"] } }));

const shipped = [...policiesIn("components/network-policies/envoy.yaml"), ...policiesIn("components/network-policies/controller.yaml"), ...policiesIn("network-policies/tenant.yaml", { namespace: "shop" })];

const shippedForFleets = [...policiesIn("network-policies/fleet.yaml", { namespace: "infra" }), ...policiesIn("network-policies/fleet-tenant.yaml", { namespace: "shop" })];

/** Envoy's pod as the provisioner would have made it for a Gateway: policies look at nothing but namespace and labels. */
function asFleet(pod: Pod): Pod {
  return pod.name === "envoy" ? { ...pod, namespace: "infra", labels: { "app.kubernetes.io/component": "envoy", "projectcontour.io/owning-gateway-name": "public" } } : pod;
}

/** Who gets through, each over a new connection. */
type Open = Readonly<Record<"near" | "far" | "outside" | "stranger" | "hostNear" | "hostFar", boolean>>;

/** What is dropped never answers. Envoy gives a connection up after two seconds. */
const patienceMs = 2500;
const strangerPatienceMs = 1500;

async function whoGetsThrough<Who extends keyof Open>(stage: Stage, ...who: readonly Who[]): Promise<Pick<Open, Who>> {
  const [{ door: envoy }, { door: hostEnvoy }] = stage.doors as unknown as [{ door: Door }, { door: Door }];
  const viaHostPort = stage.wiring.hostPort !== "none";
  const outside: Door = viaHostPort ? { dial: stage.dialFromClient, address: underlay.n1.v4, port: 80 } : { dial: await stage.lab.dialer("far"), address: stage.pod("envoy").v4, port: envoyPort };
  const stranger: Door = { dial: await stage.lab.dialer("intruder"), address: stage.pod("near").v4, port: 8080 };
  const doors: Readonly<Record<keyof Open, readonly [Door, string]>> = { near: [envoy, "/near"], far: [envoy, "/far"], outside: [outside, "/near"], stranger: [stranger, "/"], hostNear: [hostEnvoy, "/near"], hostFar: [hostEnvoy, "/far"] };
  const answers = who.map(async (name) => [name, (await ask(doors[name][0], doors[name][1], { timeoutMs: name === "stranger" ? strangerPatienceMs : patienceMs })).status === 200] as const);
  return Object.fromEntries(await Promise.all(answers)) as Pick<Open, Who>;
}

/** Has a stranger about, a pod with Envoy's labels in another namespace, while `probe` puts policies into force. */
async function withStranger(stage: Stage, probe: (enforce: (list: readonly Policy[], change?: (pod: Pod) => Pod) => Promise<void>, nodeAddresses: readonly string[]) => Promise<Finding>): Promise<Finding> {
  const nodeAddresses = await allNodeAddresses(stage);
  await stage.addPod({ name: "intruder", namespace: "elsewhere", labels: { app: "envoy", "app.kubernetes.io/component": "envoy", "projectcontour.io/owning-gateway-name": "public" }, node: "n2" });
  try {
    return await probe(async (list, change = (pod) => pod) => {
      await stage.network.enforce(rulesOf(list, [...stage.pods.values()].map(change), nodeAddresses));
    }, nodeAddresses);
  } finally {
    await stage.network.enforce([]);
    await stage.removePod("intruder");
  }
}

/** What pods see of nodes' processes: what the network knows, and what a look shows. */
async function allNodeAddresses({ network, doors }: Stage): Promise<readonly string[]> {
  const known = nodeNames.flatMap((node) => {
    const addresses = network.nodeAddresses(node);
    return [underlay[node].v4, underlay[node].v6, ...(addresses === "unknown" ? [] : addresses)];
  });
  const seen = await Promise.all(doors.filter(({ name }) => name === "host-envoy").flatMap(({ door }) => ["/near", "/far"].map(async (path) => (await echo(door, path))?.peer ?? [])));
  return [...new Set([...known, ...seen.flat()])];
}

const same = (one: object, other: object): boolean => JSON.stringify(one) === JSON.stringify(other);

/** Pods that deny by default are shut to Envoy, and open with the policies of deploy/; a pod with Envoy's labels in another namespace stays out. */
export const policies: Check = {
  id: "policies", title: "default deny, then the shipped policies",
  run: (stage) => withStranger(stage, async (enforce) => {
    const under = async (...state: Parameters<typeof enforce>): Promise<object> => {
      await enforce(...state);
      return whoGetsThrough(stage, "near", "far", "outside", "stranger");
    };
    const found = { free: await under([]), denied: await under(denyAll), shipped: await under([...denyAll, ...shipped]), fleet: await under([...denyAll, ...shippedForFleets], asFleet) };
    const all = { near: true, far: true, outside: true, stranger: true };
    const good = same(found, { free: all, denied: { near: false, far: false, outside: false, stranger: false }, shipped: { ...all, stranger: false }, fleet: { ...all, stranger: false } });
    return verdict(good, good ? "" : JSON.stringify(found));
  }),
};

/** The same for an Envoy in the network of its node, whom no label names; and what the nodes' own addresses would have opened. */
export const hostPolicies: Check = {
  id: "host-policies", title: "the same for a host-network Envoy",
  run: (stage) => withStranger(stage, async (enforce, nodeAddresses) => {
    const under = async (list: readonly Policy[]): Promise<Pick<Open, "stranger" | "hostNear" | "hostFar">> => {
      await enforce([...denyAll, ...list]);
      return whoGetsThrough(stage, "stranger", "hostNear", "hostFar");
    };
    const file = stage.wiring.hostPolicies ?? "addresses.yaml";
    const labels = await under(shipped);
    const nodes = await under(policiesIn("network-policies/host-network/addresses.yaml", { addresses: nodeNames.map((node) => underlay[node].v4) }));
    const variant = await under(policiesIn(`network-policies/host-network/${file}`, { addresses: nodeAddresses }));
    const good = !labels.hostFar && !nodes.stranger && same(variant, { stranger: false, hostNear: true, hostFar: true });
    const opened = [...(nodes.hostNear ? ["near"] : []), ...(nodes.hostFar ? ["far"] : [])];
    return verdict(good, good ? `${file}; the nodes' own addresses open ${opened.length === 0 ? "nothing" : opened.join(" and ")}` : JSON.stringify({ labels, nodes, variant }));
  }),
};
