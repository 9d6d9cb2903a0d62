import { checks } from "./checks.ts";
import { startControlPlane } from "./control-plane.ts";
import type { ControlPlane } from "./control-plane.ts";
import type { Finding } from "./finding.ts";
import { removeLeftovers } from "./leftovers.ts";
import type { Wiring } from "./network.ts";
import type { WiringResult } from "./results.ts";
import { Stage } from "./stage.ts";
import { antrea } from "./wirings/antrea.ts";
import { calico, calicoVxlan } from "./wirings/calico.ts";
import { cilium, ciliumVxlan } from "./wirings/cilium.ts";
import { flannelHostGateway, flannelVxlan } from "./wirings/flannel.ts";
import { referenceWirings } from "./wirings/reference.ts";
import { weave } from "./wirings/weave.ts";

/** All wirings, in the order of the page. */
export const allWirings: readonly Wiring[] = [...referenceWirings, flannelVxlan, flannelHostGateway, calico, calicoVxlan, weave, cilium, ciliumVxlan, antrea];

/** What a run is about. */
export interface MatrixOptions {
  readonly wirings: readonly Wiring[];
  /** Ids of checks; all where absent. */
  readonly only?: readonly string[];
  /** How many wirings are up at a time, each with a control plane of its own. */
  readonly lanes: number;
  readonly print: (text: string) => void;
  /** Ends the run early; what was started is stopped. */
  readonly signal: AbortSignal;
}

/** Runs the checks over each wiring. Results are in the order of the wirings. */
export async function runMatrix({ wirings, lanes, signal, ...rest }: MatrixOptions): Promise<readonly WiringResult[]> {
  await removeLeftovers();
  const waiting = [...wirings];
  const results = new Map<Wiring, WiringResult>();
  const lane = async (): Promise<void> => {
    const control = await startControlPlane();
    try {
      for (let wiring = waiting.shift(); wiring !== undefined && !signal.aborted; wiring = waiting.shift()) results.set(wiring, await runWiring(wiring, control, { signal, ...rest }));
    } finally {
      await control.stop();
    }
  };
  const ended = await Promise.allSettled(Array.from({ length: Math.min(lanes, wirings.length) }, lane));
  for (const end of ended) if (end.status === "rejected") throw end.reason;
  return wirings.flatMap((wiring) => results.get(wiring) ?? []);
}

async function runWiring(wiring: Wiring, control: ControlPlane, { only, print, signal }: Pick<MatrixOptions, "only" | "print" | "signal">): Promise<WiringResult> {
  const lines = [`\n== ${wiring.name}: ${wiring.component}`];
  const stage = new Stage(wiring, control);
  const findings: Record<string, Finding> = {};
  const started = performance.now();
  try {
    const broken = await stage.up().then(() => undefined, failure);
    if (broken !== undefined) lines.push(`  ${broken.detail}`);
    for (const { id, title, run } of checks.filter((check) => only === undefined || only.includes(check.id))) {
      if (signal.aborted) break;
      const begun = performance.now();
      const finding = broken ?? (await run(stage).catch(failure));
      findings[id] = finding;
      if (broken === undefined) lines.push(`  ${finding.verdict.padEnd(8)} ${title.padEnd(52)} ${finding.detail} (${Math.round(performance.now() - begun)} ms)`);
    }
  } finally {
    await stage.down();
  }
  print(`${lines.join("\n")}\n  ${Math.round((performance.now() - started) / 1000)} s\n`);
  return { wiring: wiring.name, component: wiring.component, findings };
}

function failure(error: unknown): Finding {
  return { verdict: "fail", detail: String(error).slice(0, 1500) };
}
