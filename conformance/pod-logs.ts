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
  for (const entry of unlessGone(() => readdirSync(from, { withFileTypes: true })) ?? []) {
    const [path, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) linkAll(path, target, known);
    else if (entry.isFile()) unlessGone(() => linkOne(path, target, known));
  }
}

/** What was listed may be deleted before it is looked at. */
function unlessGone<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    return undefined;
  }
}

function linkOne(path: string, target: string, known: Set<number>): void {
  const { ino } = statSync(path);
  if (known.has(ino)) return;
  mkdirSync(dirname(target), { recursive: true });
  linkSync(path, existsSync(target) ? `${target}.${ino}` : target);
  known.add(ino);
}
