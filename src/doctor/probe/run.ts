import { readFileSync } from "node:fs";
import { lookup } from "node:dns/promises";
import { join } from "node:path";
import type { EndpointResult, Outcome, Probe, ProbeLine, ProbePlan } from "#doctor/plan";
import { probeEndpoint } from "#doctor/probe/endpoint";
import { askEnvoy } from "#doctor/probe/envoy";
import { fail, ok } from "#lib/result";
import type { Result } from "#lib/result";

/** Addresses of one name that are tried. */
const mostAddresses = 4;

/** Does all that a plan says, from here. Lines come as they are known, the last one says that it is over. */
export async function runPlan(plan: ProbePlan, onLine: (line: ProbeLine) => void): Promise<void> {
  const end = performance.now() + plan.limitMs;
  const waiting = [...plan.probes];
  const skipped: number[] = [];
  const work = async (): Promise<void> => {
    for (let probe = waiting.shift(); probe !== undefined; probe = waiting.shift()) {
      if (performance.now() > end) skipped.push(probe.id);
      else for (const result of await runProbe(plan, probe)) onLine(result);
    }
  };
  const asked = plan.envoy === undefined ? undefined : askEnvoy(plan.envoy).then(onLine);
  await Promise.all([asked, ...Array.from({ length: plan.concurrency }, work)]);
  const mtu = ownMtu();
  onLine({ kind: "end", skipped, ...(mtu === undefined ? {} : { mtu }) });
}

async function runProbe(plan: ProbePlan, probe: Probe): Promise<readonly EndpointResult[]> {
  const addresses = await addressesOf(probe, plan.timeoutMs);
  if (!addresses.ok) return [{ kind: "endpoint", id: probe.id, outcome: addresses.error }];
  return Promise.all(addresses.value.map(async (address): Promise<EndpointResult> => {
    const seen = await probeEndpoint({ probe, address, depth: plan.depth, timeoutMs: plan.timeoutMs }).catch((error: unknown) => ({ outcome: { kind: "failed" as const, reason: String(error) } }));
    return { kind: "endpoint", id: probe.id, address, ...seen };
  }));
}

async function addressesOf({ target }: Probe, timeoutMs: number): Promise<Result<readonly string[], Outcome>> {
  if (target.kind === "address") return ok([target.address]);
  const family = target.family === "v4" ? 4 : target.family === "v6" ? 6 : 0;
  const limit = Promise.withResolvers<never>();
  const timer = setTimeout(() => limit.reject(Object.assign(new Error("no answer"), { code: "ETIMEOUT" })), timeoutMs);
  try {
    const found = await Promise.race([lookup(target.host, { all: true, family }), limit.promise]);
    return ok([...new Set(found.map(({ address }) => address))].slice(0, mostAddresses));
  } catch (error) {
    return fail({ kind: "name-unresolved", code: (error as NodeJS.ErrnoException).code ?? String(error) });
  } finally {
    clearTimeout(timer);
  }
}

/** The MTU of the interface that the default route has. */
function ownMtu(): number | undefined {
  try {
    const name = readFileSync("/proc/net/route", "utf8").split("\n").map((line) => line.split("\t")).find(([, destination]) => destination === "00000000")?.[0];
    return name === undefined ? undefined : Number(readFileSync(join("/sys/class/net", name, "mtu"), "utf8"));
  } catch {
    return undefined;
  }
}
