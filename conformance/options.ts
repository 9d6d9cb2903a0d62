import { parseArgs } from "node:util";
import type { Channel } from "./facts.ts";

/** Whether the suite's parallel tests run one at a time. */
export type Pace = "serial" | "parallel";

/** What to run, and how. */
export interface Options {
  readonly channel: Channel;
  readonly pace: Pace;
  /** How many of the parallel tests run at a time. */
  readonly atATime: number;
  readonly runTest?: string;
  readonly keep: boolean;
  readonly reportPath?: string;
}

/** How to call the runner. */
export const usage = `usage: npm run conformance -- [options]
  --channel standard|experimental   which Gateway API CRDs to install (default: experimental)
  --serial                          one test at a time
  --parallel [N]                    N of the suite's parallel tests at a time (default: 4)
  --run-test NAME                   one test only; counts for nothing, for developing
  --keep                            leave the cluster up, and use it again in the next run with --keep
  --report FILE                     where the official report goes (default: conformance/reports/<channel>-<pace>.yaml)`;

/** Reads the command line; throws an error that says what is wrong. */
export function parseOptions(args: readonly string[]): Options {
  const { values, positionals } = parseArgs({
    args: [...args], allowPositionals: true,
    options: {
      channel: { type: "string", default: "experimental" }, serial: { type: "boolean", default: false }, parallel: { type: "boolean", default: false },
      "run-test": { type: "string" }, keep: { type: "boolean", default: false }, report: { type: "string" },
    },
  });
  const { channel, serial, parallel, keep } = values;
  if (channel !== "standard" && channel !== "experimental") throw new Error(`--channel ${channel}: there are standard and experimental`);
  if (serial && parallel) throw new Error("--serial and --parallel exclude each other");
  const atATime = serial ? 1 : parseCount(positionals);
  return {
    channel, keep, atATime, pace: atATime === 1 ? "serial" : "parallel",
    ...(values["run-test"] === undefined ? {} : { runTest: values["run-test"] }),
    ...(values.report === undefined ? {} : { reportPath: values.report }),
  };
}

// The number of `--parallel 8` reaches us as a word of its own.
function parseCount(words: readonly string[]): number {
  const [word = "4", ...more] = words;
  if (more.length > 0 || !/^[1-9]\d*$/.test(word)) throw new Error(`${words.join(" ")}: only a number of tests at a time can stand here`);
  return Number(word);
}
