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
import type { Dial, Door } from "./traffic.ts";

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

const shippedForFleets = [...policiesIn("components/network-policies-for-gateways/provisioner.yaml"), ...policiesIn("network-policies/fleet.yaml", { namespace: "infra" }), ...policiesIn("network-policies/fleet-tenant.yaml", { namespace: "shop" })];

const fleetLabels = { "app.kubernetes.io/component": "envoy", "projectcontour.io/owning-gateway-name": "public" };

/** Envoy's pod as the provisioner would have made it for a Gateway, and the provisioner's own: policies look at nothing but namespace and labels. */
function asFleet(pod: Pod): Pod {
  if (pod.name === "envoy") return { ...pod, namespace: "infra", labels: fleetLabels };
  return pod.name === "contour" ? { ...pod, labels: { "control-plane": "contour-gateway-provisioner" } } : pod;
}

/** Ways to pods and to the controller, each tried over a new connection. */
type Way = "near" | "far" | "outside" | "stranger" | "hostNear" | "hostFar" | "xds" | "strangerXds" | "hostXds";

/** What is wanted of a way; `either` where it is looked at only. */
type Wanted = boolean | "either";

/** What is dropped never answers, and Envoy gives a connection up after two seconds; what is open may take its time on a busy machine. */
function patienceMs(wanted: Wanted): number {
  return { true: 8000, false: 2500, either: 4000 }[String(wanted) as "true" | "false" | "either"];
}

/** Whether the controller answers: its end begins a connection with HTTP/2's settings. */
function fetchesXds(dial: Dial, address: string, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = dial(address, xdsPort);
    const limit = setTimeout(() => socket.destroy(), timeoutMs);
    socket.on("error", () => undefined).on("close", () => (clearTimeout(limit), resolve(false)));
    socket.once("data", () => (resolve(true), socket.destroy()));
  });
}

async function whoGetsThrough(stage: Stage, wanted: Partial<Record<Way, Wanted>>): Promise<Partial<Record<Way, boolean>>> {
  const [{ door: envoy }, { door: hostEnvoy }] = stage.doors as unknown as [{ door: Door }, { door: Door }];
  const viaHostPort = stage.wiring.hostPort !== "none";
  const outside: Door = viaHostPort ? { dial: stage.dialFromClient, address: underlay.n1.v4, port: 80 } : { dial: await stage.lab.dialer("far"), address: stage.pod("envoy").v4, port: envoyPort };
  const stranger: Door = { dial: await stage.lab.dialer("intruder"), address: stage.pod("near").v4, port: 8080 };
  const gets = async (door: Door, path: string, timeoutMs: number): Promise<boolean> => (await ask(door, path, { timeoutMs })).status === 200;
  const controller = stage.pod("contour").v4;
  const ways: Readonly<Record<Way, (timeoutMs: number) => Promise<boolean>>> = {
    near: (limit) => gets(envoy, "/near", limit), far: (limit) => gets(envoy, "/far", limit), outside: (limit) => gets(outside, "/near", limit), stranger: (limit) => gets(stranger, "/", limit),
    hostNear: (limit) => gets(hostEnvoy, "/near", limit), hostFar: (limit) => gets(hostEnvoy, "/far", limit),
    xds: (limit) => fetchesXds(envoy.dial, controller, limit), strangerXds: (limit) => fetchesXds(stranger.dial, controller, limit), hostXds: (limit) => fetchesXds(hostEnvoy.dial, controller, limit),
  };
  const answers = (Object.entries(wanted) as [Way, Wanted][]).map(async ([way, want]) => [way, await ways[way](patienceMs(want))] as const);
  return Object.fromEntries(await Promise.all(answers));
}

const xdsPort = 8001;

/** Has a stranger about, a pod with Envoy's labels in another namespace, and the controller in a pod, while `probe` puts policies into force. */
async function withStranger(stage: Stage, probe: (enforce: (list: readonly Policy[], change?: (pod: Pod) => Pod) => Promise<void>, nodeAddresses: readonly string[]) => Promise<Finding>): Promise<Finding> {
  const nodeAddresses = await allNodeAddresses(stage);
  const [controller] = await Promise.all([
    stage.addPod({ name: "contour", namespace: "projectcontour", labels: { app: "contour" }, node: "n2" }),
    stage.addPod({ name: "intruder", namespace: "elsewhere", labels: { app: "envoy", ...fleetLabels }, node: "n2" }),
  ]);
  await stage.lab.publish("contour", controller.v4, xdsPort, stage.control.xdsPort);
  try {
    return await probe(async (list, change = (pod) => pod) => {
      await stage.network.enforce(rulesOf(list, [...stage.pods.values()].map(change), nodeAddresses));
    }, nodeAddresses);
  } finally {
    await stage.network.enforce([]);
    await stage.lab.unpublish("contour", xdsPort);
    for (const pod of ["contour", "intruder"]) await stage.removePod(pod);
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

/** The ways that are not as wanted. */
function surprises(found: Partial<Record<Way, boolean>>, wanted: Partial<Record<Way, Wanted>>): readonly string[] {
  return (Object.entries(wanted) as [Way, Wanted][]).filter(([way, want]) => want !== "either" && found[way] !== want).map(([way, want]) => `${way} is ${want === true ? "shut" : "open"}`);
}

/** Pods that deny by default are shut to Envoy, and open with the policies of deploy/; a pod with Envoy's labels in another namespace stays out. */
export const policies: Check = {
  id: "policies", title: "default deny, then the shipped policies",
  run: (stage) => withStranger(stage, async (enforce) => {
    const all = { near: true, far: true, outside: true, stranger: true, xds: true, strangerXds: true };
    const none = { near: false, far: false, outside: false, stranger: false, xds: false, strangerXds: false };
    const wrong: string[] = [];
    const want = async (state: string, wanted: typeof all, ...inForce: Parameters<typeof enforce>): Promise<void> => {
      await enforce(...inForce);
      wrong.push(...surprises(await whoGetsThrough(stage, wanted), wanted).map((what) => `${state}: ${what}`));
    };
    await want("free", all, []);
    await want("denied", none, denyAll);
    await want("shipped", { ...all, stranger: false, strangerXds: false }, [...denyAll, ...shipped]);
    // Envoys of Gateways are in any namespace: who has their labels may ask the provisioner, and gets nothing without a certificate.
    await want("shipped for Gateways", { ...all, stranger: false }, [...denyAll, ...shippedForFleets], asFleet);
    return verdict(wrong.length === 0, wrong.join("; "));
  }),
};

/** The same for an Envoy in the network of its node, whom no label names; and what the nodes' own addresses would have opened. */
export const hostPolicies: Check = {
  id: "host-policies", title: "the same for a host-network Envoy",
  run: (stage) => withStranger(stage, async (enforce, nodeAddresses) => {
    const file = stage.wiring.hostPolicies ?? "addresses.yaml";
    const wrong: string[] = [];
    const under = async (state: string, wanted: Partial<Record<Way, Wanted>>, list: readonly Policy[]): Promise<Partial<Record<Way, boolean>>> => {
      await enforce([...denyAll, ...list]);
      const found = await whoGetsThrough(stage, wanted);
      wrong.push(...surprises(found, wanted).map((what) => `${state}: ${what}`));
      return found;
    };
    await under("by labels", { hostFar: false, hostXds: false }, shipped);
    const nodes = await under("by the nodes' addresses", { stranger: false, hostNear: "either", hostFar: "either" }, policiesIn("network-policies/host-network/addresses.yaml", { addresses: nodeNames.map((node) => underlay[node].v4) }));
    await under(file, { stranger: false, hostNear: true, hostFar: true, hostXds: true }, policiesIn(`network-policies/host-network/${file}`, { addresses: nodeAddresses }));
    const opened = [...(nodes.hostNear === true ? ["near"] : []), ...(nodes.hostFar === true ? ["far"] : [])];
    return verdict(wrong.length === 0, wrong.length > 0 ? wrong.join("; ") : `${file}; the nodes' own addresses open ${opened.length === 0 ? "nothing" : opened.join(" and ")}`);
  }),
};
