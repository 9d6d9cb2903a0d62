import { parseArgs } from "node:util";

/** The parts of the benchmark, each of which can be run alone. */
export const scenarioNames = ["cold-start", "change", "churn", "envoy-cost", "first-200"] as const;

/** One part of the benchmark. */
export type ScenarioName = (typeof scenarioNames)[number];

/** What to measure. */
export interface BenchOptions {
  /** Numbers of HTTPProxies, each measured on an API server of its own. */
  readonly sizes: readonly number[];
  readonly only: readonly ScenarioName[];
  /** Changes per kind. */
  readonly changes: number;
  /** Restarts with all statuses in place, after the first start. */
  readonly restarts: number;
  /** Seconds of EndpointSlice churn. */
  readonly churnSeconds: number;
  /** Where JSON lines go, if anywhere. */
  readonly output?: string;
  /** What is measured: the controller, or what no controller can be faster than (`floor.ts`). */
  readonly target: "contour" | "floor";
  /** More flags for `contour serve`. */
  readonly serveArgs: readonly string[];
}

/** How to call it. */
export const usage = `npm run bench -- [options]
  --n 100,1000,5000,10000    numbers of HTTPProxies
  --only LIST                of ${scenarioNames.join(", ")}
  --changes 40               changes per kind
  --restarts 3               cold starts with all statuses in place
  --churn-seconds 30         duration of 50 EndpointSlice updates a second
  --target contour           or floor: what is left when an object simply becomes a resource
  --output FILE              JSON lines, for bench/write-benchmarks.ts
  --serve-args "FLAGS"       more flags for contour serve`;

/** Reads the command line; throws with a sentence for the user. */
export function parseOptions(args: readonly string[]): BenchOptions {
  const text = { type: "string" } as const;
  const names = { n: text, only: text, changes: text, restarts: text, "churn-seconds": text, output: text, target: text, "serve-args": text } as const;
  const { values } = parseArgs({ args: [...args], options: names });
  return {
    sizes: (values.n ?? "100,1000,5000,10000").split(",").map((size) => positive("--n", size)),
    only: (values.only?.split(",") ?? scenarioNames).map(scenario),
    changes: positive("--changes", values.changes ?? "40"),
    restarts: positive("--restarts", values.restarts ?? "3"),
    churnSeconds: positive("--churn-seconds", values["churn-seconds"] ?? "30"),
    target: target(values.target ?? "contour"),
    serveArgs: (values["serve-args"] ?? "").split(" ").filter((arg) => arg !== ""),
    ...(values.output === undefined ? {} : { output: values.output }),
  };
}

function positive(flag: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`${flag} wants a whole number above 0, not "${text}".`);
  return value;
}

function target(text: string): BenchOptions["target"] {
  if (text !== "contour" && text !== "floor") throw new Error(`--target knows contour and floor, not "${text}".`);
  return text;
}

function scenario(text: string): ScenarioName {
  const found = scenarioNames.find((name) => name === text);
  if (found === undefined) throw new Error(`--only knows ${scenarioNames.join(", ")}, not "${text}".`);
  return found;
}
