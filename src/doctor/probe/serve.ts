import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import type { ProbePlan } from "#doctor/plan";
import { runPlan } from "#doctor/probe/run";

/** `contour doctor probe`: reads one plan, a line of JSON, and writes what it sees, a line of JSON each. Gives the exit code. */
export async function serveProbe(input: Readable, output: Writable, complain: (text: string) => void): Promise<number> {
  // The end of the input is not waited for: over exec it may not come.
  const lines = createInterface({ input });
  for await (const line of lines) {
    const plan = readPlan(line);
    if (plan === undefined) {
      complain("contour doctor probe: a plan of version 1, in one line of JSON, is expected on standard input; contour doctor writes it\n");
      return 2;
    }
    await runPlan(plan, (result) => void output.write(`${JSON.stringify(result)}\n`));
    return 0;
  }
  return 2;
}

function readPlan(line: string): ProbePlan | undefined {
  try {
    const plan = JSON.parse(line) as Partial<ProbePlan>;
    return plan.version === 1 && Array.isArray(plan.probes) ? (plan as ProbePlan) : undefined;
  } catch {
    return undefined;
  }
}
