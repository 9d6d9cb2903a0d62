import { waitFor } from "../bed/wait.ts";
import { setEndpoints } from "./control-plane.ts";
import { underlay } from "./lab.ts";
import { hostPolicies, policies } from "./policy-check.ts";
import type { Check, Finding } from "./finding.ts";
import { verdict } from "./finding.ts";
import type { Stage } from "./stage.ts";
import { envoyPort } from "./stage.ts";
import { ask, echo, grpcStream, largeBodies, webSocket } from "./traffic.ts";
import type { Door } from "./traffic.ts";

/** Does the same at each Envoy: it is good when all are. */
async function atEach(stage: Stage, probe: (door: Door, name: string) => Promise<Record<string, unknown>>): Promise<Finding> {
  const details: string[] = [];
  let good = true;
  for (const { name, door } of stage.doors) {
    const found = await probe(door, name);
    good &&= Object.values(found).every((value) => value === true);
    details.push(...Object.entries(found).filter(([, value]) => value !== true).map(([what, value]) => `${name}: ${what} ${JSON.stringify(value)}`));
  }
  return verdict(good, details.join("; "));
}

async function reaches(door: Door, path: string, pod: string): Promise<unknown> {
  const answer = await ask(door, path, { timeoutMs: 5000 });
  if (answer.status !== 200) return answer.status;
  const found = (JSON.parse(answer.body.toString()) as { readonly pod: string }).pod;
  return found === pod ? true : found;
}

const small: Check = {
  id: "small", title: "GET, same node and other node",
  run: (stage) => atEach(stage, async (door) => ({ near: await reaches(door, "/near", "near"), far: await reaches(door, "/far", "far") })),
};

const large: Check = {
  id: "large", title: "5 MB up and down",
  run: (stage) => atEach(stage, async (door) => {
    const [near, far] = [await largeBodies(door, "/near"), await largeBodies(door, "/far")];
    return { "near up": near.up, "near down": near.down, "far up": far.up, "far down": far.down };
  }),
};

const mtu: Check = {
  id: "mtu", title: "pod MTU",
  async run({ lab, wiring }) {
    const [link] = JSON.parse(await lab.sh("envoy", "ip -j link show eth0")) as readonly { readonly mtu: number }[];
    return verdict(link?.mtu === (wiring.mtu ?? link?.mtu), String(link?.mtu));
  },
};

const sockets: Check = { id: "websocket", title: "WebSocket", run: (stage) => atEach(stage, async (door) => ({ near: await webSocket(door, "/near"), far: await webSocket(door, "/far") })) };

const grpc: Check = { id: "grpc", title: "gRPC stream", run: (stage) => atEach(stage, async (door) => ({ far: await grpcStream(door, "/calls") })) };

const ipv4Only: Finding = { verdict: "unshown", detail: "the network has IPv4 only" };

const ipv6: Check = {
  id: "ipv6", title: "IPv6",
  run: async (stage) => (stage.wiring.v6 ? atEach(stage, async (door) => ({ near: await reaches(door, "/near6", "near"), far: await reaches(door, "/far6", "far") })) : ipv4Only),
};

const dualStack: Check = {
  id: "dual", title: "dual stack, IPv6 preferred",
  async run(stage) {
    if (!stage.wiring.v6) return ipv4Only;
    const { v6 = "" } = stage.pod("far");
    return atEach(stage, async (door, name) => {
      const addresses = await stage.addressesAt(name, "dual");
      return { addresses: addresses.includes(v6) && addresses.split("\n").length === 1 ? true : addresses, answer: await reaches(door, "/dual", "far") };
    });
  },
};

const clusterIp: Check = {
  id: "cluster-ip", title: "by cluster IP",
  async run(stage) {
    const served = await stage.serveClusterIps();
    const finding = await atEach(stage, async (door) => {
      const seen = new Set<string>();
      for (let i = 0; i < 24; i++) seen.add((await echo(door, "/vip"))?.pod ?? "nobody");
      return { pods: seen.size === 2 && !seen.has("nobody") ? true : [...seen] };
    });
    return finding.verdict === "pass" ? { ...finding, detail: served } : finding;
  },
};

const source: Check = {
  id: "source", title: "Envoy's address as backends see it",
  async run(stage) {
    const seen: string[] = [];
    let good = true;
    for (const { name, door } of stage.doors) {
      const own = name === "envoy" ? [stage.pod("envoy").v4] : stage.network.nodeAddresses("n1");
      for (const path of ["/near", "/far"]) {
        const peer = (await echo(door, path))?.peer ?? "none";
        good &&= own === "unknown" ? peer !== "none" : own.includes(peer);
        if (name !== "envoy" || !own.includes(peer)) seen.push(`${name} at ${path.slice(1)} pods: ${peer === underlay.n1.v4 ? "node" : peer}`);
      }
    }
    return verdict(good, [...(good ? ["pod: its own"] : []), ...seen].join("; "));
  },
};

const hostPort: Check = {
  id: "host-port", title: "hostPort; client address at backend and in log",
  async run(stage) {
    if (stage.wiring.hostPort === "none") return { verdict: "unshown", detail: "the wiring has no hostPort" };
    const answer = await echo(stage.hostPort, "/far?by=client");
    const client = underlay.client.v4;
    const logged = await waitFor(() => stage.accessLog("envoy").split("\n").find((line) => line.includes("by=client")), { what: "a line in the access log", timeoutMs: 15_000 }).catch(() => "no line");
    const kept = answer?.forwardedFor === client;
    const inLog = logged.includes(answer?.forwardedFor ?? client);
    return verdict(answer !== undefined && inLog && (stage.wiring.hostPort === "either" || kept === (stage.wiring.hostPort === "kept")), `${kept ? "kept" : `replaced by ${answer?.forwardedFor ?? "nothing: no answer"}`}${inLog ? "" : `; access log: ${logged}`}`);
  },
};

const hairpin: Check = {
  id: "hairpin", title: "hairpin",
  async run(stage) {
    const self = await reaches({ dial: await stage.lab.dialer("near"), address: stage.pod("envoy").v4, port: envoyPort }, "/near", "near");
    const own = stage.wiring.hostPort === "none" || (await reaches({ dial: await stage.lab.dialer("envoy"), address: underlay.n1.v4, port: 80 }, "/near", "near"));
    return verdict(self === true && own === true, [self === true ? "" : `a pod to itself by Envoy: ${String(self)}`, own === true ? "" : `Envoy to its own hostPort: ${String(own)}`].filter((text) => text !== "").join("; "));
  },
};

const moving: Check = {
  id: "moving", title: "a pod moves under load",
  async run(stage) {
    const before = await stage.addBackend("mover1", "n1");
    await setEndpoints(stage.control, "mover", [before]);
    const untilKnown = (address: string): Promise<unknown> => waitFor(async () => {
      const known = await Promise.all(stage.doors.map(({ name }) => stage.addressesAt(name, "mover")));
      return known.every((lines) => lines.includes(`::${address}:`) && lines.split("\n").length === 1);
    }, { what: `Envoys know ${address}` });
    await untilKnown(before.v4);
    let stop = false;
    const answers = new Map<string, number>();
    const count = (pod: string): number => answers.get(pod) ?? 0;
    const load = stage.doors.map(async ({ door }) => {
      while (!stop) {
        const pod = (await echo(door, "/mover"))?.pod ?? "failed";
        answers.set(pod, count(pod) + 1);
      }
    });
    try {
      await waitFor(() => count("mover1") > 20, { what: "answers of the first pod" });
      const after = await stage.addBackend("mover2", "n2");
      await setEndpoints(stage.control, "mover", [after]);
      await untilKnown(after.v4);
      await waitFor(() => count("mover2") > 20, { what: "answers of the second pod" });
      await stage.removePod("mover1");
      const settled = count("mover2");
      await waitFor(() => count("mover2") > settled + 20, { what: "answers after the first pod is gone" });
    } finally {
      stop = true;
      await Promise.all(load);
    }
    await setEndpoints(stage.control, "mover", [stage.pod("near")]);
    await stage.removePod("mover2");
    return verdict(count("failed") === 0, count("failed") === 0 ? "" : `${count("failed")} of ${[...answers.values()].reduce((a, b) => a + b)} requests failed`);
  },
};

/** The columns of the matrix, in the order in which they are run. */
export const checks: readonly Check[] = [small, large, mtu, sockets, grpc, ipv6, dualStack, source, hostPort, hairpin, moving, policies, hostPolicies, clusterIp];
