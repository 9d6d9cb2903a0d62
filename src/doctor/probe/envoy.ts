import { request } from "node:http";
import type { IncomingMessage } from "node:http";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import type { EnvoyQuestion, EnvoyResult } from "#doctor/plan";

/** A configuration that was translated just now may still be on its way. */
const patienceMs = 3000;

/** Asks Envoy, over its admin interface, whether it is connected to its controller and has what it should. */
export async function askEnvoy(question: EnvoyQuestion): Promise<EnvoyResult> {
  const { adminSocket } = question;
  try {
    const state = await read(adminSocket, "/stats?filter=^control_plane.connected_state$&format=text");
    const ready = (await read(adminSocket, "/ready")).trim() === "LIVE";
    let compared = await compare(question);
    for (const end = performance.now() + patienceMs; compared.missing.length + compared.outdated.length > 0 && performance.now() < end; compared = await compare(question)) await delay(500);
    return { kind: "envoy", ready, connected: /connected_state: 1\b/.test(state), ...compared };
  } catch (error) {
    return { kind: "envoy", failed: error instanceof Error ? error.message : String(error), missing: [], outdated: [], unhealthy: [] };
  }
}

async function compare({ adminSocket, clusters }: EnvoyQuestion): Promise<Pick<EnvoyResult, "missing" | "outdated" | "unhealthy">> {
  const has = new Map<string, Set<string>>();
  const unhealthy: { cluster: string; address: string }[] = [];
  for await (const line of createInterface({ input: await open(adminSocket, "/clusters") })) {
    const { cluster, address, rest } = splitLine(line);
    const known = has.get(cluster) ?? new Set<string>();
    has.set(cluster, known);
    if (address === undefined) continue;
    known.add(address);
    if (rest.startsWith("health_flags::") && rest.includes("/failed_active_hc")) unhealthy.push({ cluster, address });
  }
  return {
    missing: clusters.filter(({ name }) => !has.has(name)).map(({ name }) => name),
    outdated: clusters.filter(({ name, addresses }) => addresses.length > 0 && has.has(name) && !addresses.some((address) => has.get(name)?.has(address))).map(({ name }) => name),
    unhealthy,
  };
}

/** A line is `cluster::address::what::value`, or `cluster::what::value`; addresses of IPv6 stand in brackets. */
export function splitLine(line: string): { readonly cluster: string; readonly address?: string; readonly rest: string } {
  const at = line.indexOf("::");
  const [cluster, after] = at === -1 ? [line, ""] : [line.slice(0, at), line.slice(at + 2)];
  const address = /^(?:\[[^\]]+\]|[\d.]+):\d+(?=::)/.exec(after)?.[0];
  return address === undefined ? { cluster, rest: after } : { cluster, address, rest: after.slice(address.length + 2) };
}

async function read(socketPath: string, path: string): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of await open(socketPath, path)) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

function open(socketPath: string, path: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, path, headers: { host: "admin" }, timeout: 10_000, agent: false }, resolve);
    outgoing.on("timeout", () => outgoing.destroy(new Error("Envoy's admin interface does not answer")));
    outgoing.on("error", reject).end();
  });
}
