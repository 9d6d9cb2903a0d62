import { existsSync, readFileSync } from "node:fs";
import { parse } from "yaml";
import type { Channel } from "./facts.ts";
import type { Pace } from "./options.ts";
import { parseResults, trimOutput } from "./output.ts";
import type { Report, Run } from "./verdict.ts";

/** What is said of a run beside its output. */
export interface RunHead {
  readonly channel: Channel;
  readonly pace: Pace;
  readonly atATime: number;
  /** The time when it began, as ISO 8601. */
  readonly date: string;
  readonly contour: string;
  readonly gatewayApi: string;
  readonly kubernetes: string;
  readonly envoy: string;
  readonly exitStatus: number;
  readonly seconds: number;
}

/** Writes a run down: its head as comments, then the lines that tell a result. */
export function writeRecord(head: RunHead, output: string): string {
  const lines = Object.entries(head).map(([name, value]) => `# ${name}: ${value}\n`);
  return lines.join("") + trimOutput(output);
}

/** Reads the head back. */
export function readHead(record: string): RunHead {
  const fields = new Map([...record.matchAll(/^# (\w+): (.*)$/gm)].map(([, name = "", value = ""]) => [name, value]));
  const text = (name: keyof RunHead): string => {
    const value = fields.get(name);
    if (value === undefined) throw new Error(`the record of a run does not tell its ${name}: run that channel and pace again`);
    return value;
  };
  return {
    channel: text("channel") as Channel, pace: text("pace") as Pace, atATime: Number(text("atATime")), date: text("date"),
    contour: text("contour"), gatewayApi: text("gatewayApi"), kubernetes: text("kubernetes"), envoy: text("envoy"),
    exitStatus: Number(text("exitStatus")), seconds: Number(text("seconds")),
  };
}

/** A run as it is judged, from its record and from the suite's report, where there is one. */
export function readRun(record: string, reportPath: string): Run {
  const { channel, exitStatus } = readHead(record);
  const report = existsSync(reportPath) ? (parse(readFileSync(reportPath, "utf8")) as Report) : undefined;
  return { channel, exitStatus, results: parseResults(record), ...(report === undefined ? {} : { report }) };
}
