import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import type { ProbePlan } from "#doctor/plan";
import { runPlan } from "#doctor/probe/run";

/** `contour doctor probe`: reads one plan, a line of JSON, and writes what it sees, a line of JSON each. Gives the exit code. */
export async function serveProbe(input: Readable, output: Writable, complain: (text: string) => void): Promise<number> {
  const lines = createInterface({ input });
  const ended = once(lines, "close");
  // The end of the input is not waited for: over exec it may not come.
  const plan = readPlan(String((await Promise.race([once(lines, "line"), ended]))[0] ?? ""));
  if (plan === undefined) {
    complain("contour doctor probe: a plan of version 1, in one line of JSON, is expected on standard input; contour doctor writes it\n");
    return 2;
  }
  const done = runPlan(plan, (result) => void output.write(`${JSON.stringify(result)}\n`)).then(() => 0);
  return plan.attended === true ? Promise.race([done, ended.then(() => 1)]) : done;
}

function readPlan(line: string): ProbePlan | undefined {
  try {
    const plan = JSON.parse(line) as Partial<ProbePlan>;
    return plan.version === 1 && Array.isArray(plan.probes) ? (plan as ProbePlan) : undefined;
  } catch {
    return undefined;
  }
}
