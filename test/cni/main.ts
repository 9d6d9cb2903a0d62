// main.ts [--wiring NAME]… [--check ID]… [--output FILE] [--cni-bin DIR --cni-conf DIR]: the checks over each wiring, as root. `npm run test:cni`
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { checks } from "./checks.ts";
import { startControlPlane } from "./control-plane.ts";
import type { ControlPlane } from "./control-plane.ts";
import type { Finding } from "./finding.ts";
import type { Wiring } from "./network.ts";
import type { WiringResult } from "./results.ts";
import { Stage } from "./stage.ts";
import { calico } from "./wirings/calico.ts";
import { flannelHostGateway, flannelVxlan } from "./wirings/flannel.ts";
import { givenWiring } from "./wirings/given.ts";
import { referenceWirings } from "./wirings/reference.ts";
import { weave } from "./wirings/weave.ts";

const { values } = parseArgs({ options: { wiring: { type: "string", multiple: true }, check: { type: "string", multiple: true }, output: { type: "string" }, "cni-bin": { type: "string" }, "cni-conf": { type: "string" } } });
const { "cni-bin": binaries, "cni-conf": configuration } = values;
if ((binaries === undefined) !== (configuration === undefined)) throw new Error("--cni-bin and --cni-conf belong together");
const wirings: readonly Wiring[] = binaries !== undefined && configuration !== undefined ? [givenWiring(binaries, configuration)] : [...referenceWirings, flannelVxlan, flannelHostGateway, calico, weave];

async function runWiring(wiring: Wiring, control: ControlPlane): Promise<WiringResult> {
  process.stdout.write(`\n== ${wiring.name}: ${wiring.component}\n`);
  const stage = new Stage(wiring, control);
  const findings: Record<string, Finding> = {};
  try {
    await stage.up();
    for (const check of checks.filter(({ id }) => values.check === undefined || values.check.includes(id))) {
      const started = performance.now();
      const finding = await check.run(stage).catch((error: unknown): Finding => ({ verdict: "fail", detail: String(error).slice(0, 500) }));
      findings[check.id] = finding;
      process.stdout.write(`  ${finding.verdict.padEnd(8)} ${check.title.padEnd(44)} ${finding.detail} (${Math.round(performance.now() - started)} ms)\n`);
    }
  } finally {
    await stage.down();
  }
  return { wiring: wiring.name, component: wiring.component, findings };
}

const results: WiringResult[] = [];
const control = await startControlPlane();
try {
  for (const wiring of wirings.filter(({ name }) => values.wiring === undefined || values.wiring.includes(name))) results.push(await runWiring(wiring, control));
} finally {
  await control.stop();
}
if (values.output !== undefined) writeFileSync(values.output, `${JSON.stringify(results, null, 2)}\n`);
const failed = results.flatMap(({ findings }) => Object.values(findings)).filter(({ verdict }) => verdict === "fail").length;
process.stdout.write(`\n${results.length} wirings, ${results.flatMap(({ findings }) => Object.keys(findings)).length} checks, ${failed} failed\n`);
process.exitCode = failed > 0 ? 1 : 0;
