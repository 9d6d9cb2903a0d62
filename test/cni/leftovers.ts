import { execFile } from "node:child_process";
import { existsSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Ends what still runs in a network namespace: nobody but a lab puts anything into one that is its own. */
export async function endAllIn(space: string): Promise<void> {
  const { stdout } = await run("ip", ["netns", "pids", space]).catch(() => ({ stdout: "" }));
  const pids = stdout.split("\n").filter((line) => line !== "");
  // One that has ended meanwhile is no mistake.
  if (pids.length > 0) await run("kill", ["-KILL", ...pids]).catch(() => undefined);
}

/** Removes what runs have left behind that were killed before they could: namespaces, mounts and folders, which are named by process. */
export async function removeLeftovers(): Promise<void> {
  const gone = (name: string, pattern: RegExp): boolean => {
    const pid = pattern.exec(name)?.[1];
    return pid !== undefined && !existsSync(`/proc/${pid}`);
  };
  const { stdout } = await run("ip", ["netns"]);
  for (const name of stdout.split("\n").map((line) => line.split(" ")[0] ?? "").filter((space) => gone(space, /^cni(\d+)[a-z0-9]{2}-/))) {
    await endAllIn(name);
    await run("ip", ["netns", "del", name]);
  }
  const folder = /^contour-cni-(\d+)-/;
  const mounts = readFileSync("/proc/mounts", "utf8").split("\n").map((line) => line.split(" ")[1] ?? "").filter((path) => path.startsWith(`${tmpdir()}/`) && gone(path.slice(tmpdir().length + 1), folder));
  for (const path of mounts) await run("umount", [path]);
  for (const name of readdirSync(tmpdir()).filter((entry) => gone(entry, folder))) rmSync(join(tmpdir(), name), { recursive: true, force: true });
}
