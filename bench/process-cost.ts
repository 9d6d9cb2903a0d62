import { readdirSync, readFileSync } from "node:fs";

/** CPU time that a process has used so far, over all its threads, in milliseconds (the scheduler's nanosecond count). */
export function cpuMs(pid: number): number {
  return readdirSync(`/proc/${pid}/task`).reduce((sum, thread) => sum + scheduledMs(`/proc/${pid}/task/${thread}/schedstat`), 0);
}

/** CPU time of the main thread alone, in milliseconds. */
export function mainThreadCpuMs(pid: number): number {
  return scheduledMs(`/proc/${pid}/task/${pid}/schedstat`);
}

function scheduledMs(path: string): number {
  try {
    return Number(readFileSync(path, "utf8").split(" ")[0]) / 1e6;
  } catch {
    return 0; // the thread ended between listing and reading
  }
}

/** Resident memory of a process in MiB: now, and at its highest. */
export function memoryMiB(pid: number): { readonly now: number; readonly peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const value = (key: string): number => Number(new RegExp(`^${key}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? 0) / 1024;
  return { now: value("VmRSS"), peak: value("VmHWM") };
}

/** The share of the machine's CPUs that was idle between two moments, in percent; tells how far to trust a figure. */
export function startIdleMeter(): () => number {
  const [idle0, all0] = cpuTimes();
  return () => {
    const [idle, all] = cpuTimes();
    return all === all0 ? 100 : (100 * (idle - idle0)) / (all - all0);
  };
}

function cpuTimes(): readonly [idle: number, all: number] {
  const line = readFileSync("/proc/stat", "utf8").split("\n")[0] ?? "";
  const times = line.trim().split(/\s+/).slice(1, 9).map(Number);
  return [(times[3] ?? 0) + (times[4] ?? 0), times.reduce((sum, time) => sum + time, 0)];
}
