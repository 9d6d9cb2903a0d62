// main.ts [--wiring NAME]… [--check ID]… [--lanes N] [--output FILE] [--kept FILE] [--cni-bin DIR --cni-conf DIR]: the checks over each wiring, as root. `npm run test:cni`
//   --kept FILE   fails where the results are others than those in FILE, of which docs/cni.md is made
import { readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { allWirings, runMatrix } from "./matrix.ts";
import type { Wiring } from "./network.ts";
import { differences, faultsOf, resultTable } from "./results.ts";
import type { WiringResult } from "./results.ts";
import { givenWiring } from "./wirings/given.ts";

const { values } = parseArgs({ options: { wiring: { type: "string", multiple: true }, check: { type: "string", multiple: true }, lanes: { type: "string" }, output: { type: "string" }, kept: { type: "string" }, "cni-bin": { type: "string" }, "cni-conf": { type: "string" } } });
const print = (text: string): void => void process.stdout.write(text);
const stopping = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stopping.abort());

function chosenWirings({ wiring: names, "cni-bin": binaries, "cni-conf": configuration }: typeof values): readonly Wiring[] {
  if ((binaries === undefined) !== (configuration === undefined)) throw new Error("--cni-bin and --cni-conf belong together");
  if (binaries !== undefined && configuration !== undefined) return [givenWiring(binaries, configuration)];
  const unknown = names?.find((name) => !allWirings.some((wiring) => wiring.name === name));
  if (unknown !== undefined) throw new Error(`--wiring: no ${unknown}; there are ${allWirings.map(({ name }) => name).join(", ")}`);
  return allWirings.filter(({ name }) => names === undefined || names.includes(name));
}

const started = performance.now();
const lanes = Number(values.lanes ?? Math.min(2, availableParallelism()));
const results = await runMatrix({ wirings: chosenWirings(values), lanes, print, signal: stopping.signal, ...(values.check === undefined ? {} : { only: values.check }) });
if (values.output !== undefined) writeFileSync(values.output, `${JSON.stringify(results, null, 2)}\n`);
print(`\n${resultTable(results).join("\n")}\n\n`);
const faults = [...faultsOf(results), ...(values.kept === undefined ? [] : differences(results, JSON.parse(readFileSync(values.kept, "utf8")) as readonly WiringResult[])), ...(stopping.signal.aborted ? ["stopped early"] : [])];
for (const fault of faults) print(`${fault}\n`);
print(`${results.length} wirings, ${results.flatMap(({ findings }) => Object.keys(findings)).length} checks, ${faults.length === 0 ? "all as they should be" : `${faults.length} not as they should be`}, ${Math.round((performance.now() - started) / 1000)} s\n`);
process.exitCode = faults.length > 0 ? 1 : 0;
