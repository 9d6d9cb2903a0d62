import { readdirSync, rmSync, statSync } from "node:fs";
import { createServer, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RoutedView } from "#doctor/view";

/** What a running `contour run` tells the doctor. */
export interface RunFacts {
  readonly pid: number;
  /** The files and folders that it serves, as they were written. */
  readonly paths: readonly string[];
  readonly adminSocket: string;
  readonly view: RoutedView;
}

/** Where a run has its sockets: readable for its user alone. */
export const runFolderPrefix = "contour-run-";
const doorName = "doctor.sock";

/** Lets the doctor ask a run about what it serves, over a socket in its folder. */
export async function openRunDoor(folder: string, facts: () => RunFacts): Promise<{ close(): void }> {
  const path = join(folder, doorName);
  const server = createServer((_request, response) => void response.writeHead(200, { "content-type": "application/json", connection: "close" }).end(JSON.stringify(facts())));
  await new Promise<void>((resolve, reject) => void server.once("error", reject).listen(path, resolve));
  return {
    close() {
      server.close();
      rmSync(path, { force: true });
    },
  };
}

/** All runs of this user on this machine that answer. */
export async function findRuns(folder = tmpdir()): Promise<readonly RunFacts[]> {
  // Where everybody may write, others could pretend to be a run of this user.
  const isOwn = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.uid === process.getuid?.();
  const folders = readdirSync(folder).filter((name) => name.startsWith(runFolderPrefix)).toSorted().map((name) => join(folder, name));
  const doors = folders.filter(isOwn).map((path) => join(path, doorName));
  return (await Promise.all(doors.map((door) => ask(door).catch(() => undefined)))).filter((facts) => facts !== undefined);
}

function ask(socketPath: string): Promise<RunFacts> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, path: "/", headers: { host: "run" }, agent: false, timeout: 10_000 }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on("data", (chunk: Buffer) => chunks.push(chunk)).on("error", reject);
      answer.on("end", () => resolve(JSON.parse(Buffer.concat(chunks).toString("utf8")) as RunFacts));
    });
    outgoing.on("timeout", () => outgoing.destroy(new Error("no answer")));
    outgoing.on("error", reject).end();
  });
}
