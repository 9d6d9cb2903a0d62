import { existsSync, linkSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";

/** Follows log files; `stop` looks a last time. */
export interface LogFollower {
  stop(): void;
}

/**
 * Gives each log file of `from` a second name under `to`, as it appears. Pods come and go during a run, and the kubelet
 * deletes the logs of those that went; the second name keeps the file, and nothing is copied.
 */
export function followLogs(from: string, to: string): LogFollower {
  const known = new Set<number>();
  const look = (): void => void (existsSync(from) && linkAll(from, to, known));
  look();
  const timer = setInterval(look, 500);
  return { stop: () => (clearInterval(timer), look()) };
}

function linkAll(from: string, to: string, known: Set<number>): void {
  for (const entry of readdirSync(from, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    try {
      linkOne(path, join(to, path.slice(from.length)), known);
    } catch (error) {
      // It was deleted after it had been listed.
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
}

function linkOne(path: string, target: string, known: Set<number>): void {
  const { ino } = statSync(path);
  if (known.has(ino)) return;
  mkdirSync(dirname(target), { recursive: true });
  linkSync(path, existsSync(target) ? `${target}.${ino}` : target);
  known.add(ino);
}
