import { appendFileSync } from "node:fs";
import type { LoadResult } from "./load.ts";

/** What a fault did, for docs/RELIABILITY.md. */
export interface Finding {
  /** What was done, as a sentence without an end. */
  readonly fault: string;
  readonly load?: LoadResult;
  /** Requests, events or writes that were lost: 0, or what physics demands. */
  readonly lost: number;
  /** Why not everything could be kept, where something was lost. */
  readonly because?: string;
  /** What else was seen, in numbers. */
  readonly seen: string;
}

/** Prints what a fault did and, where RELIABILITY_RESULTS names a file, adds a line to it. */
export function report(test: { diagnostic(message: string): void }, finding: Finding): void {
  const { load, ...rest } = finding;
  const line = { ...rest, ...(load === undefined ? {} : { requests: load.requests, connections: load.connections, failed: load.failures.length, slowestMs: load.slowestMs }) };
  test.diagnostic(JSON.stringify(line));
  const file = process.env["RELIABILITY_RESULTS"];
  if (file !== undefined) appendFileSync(file, `${JSON.stringify(line)}\n`);
}
