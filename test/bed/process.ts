import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, existsSync, openSync, readFileSync } from "node:fs";
import { once } from "node:events";

/** A program that the test bed runs until it is told to stop. */
export interface RunningProcess {
  readonly name: string;
  readonly pid: number;
  /** Whether it has ended, by itself or by a signal. */
  exited(): boolean;
  signal(signal: NodeJS.Signals): void;
  /** Asks it to end, then insists; resolves when it is gone. */
  stop(patienceMs?: number): Promise<void>;
  /** The last lines it wrote. */
  logTail(): string;
}

/** What to run; both outputs go to `logPath`. */
export interface ProcessWish {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly logPath: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

const setpriv = "/usr/bin/setpriv";

/** Starts a program that the kernel ends with this process, however this one dies (where `setpriv` exists). */
export function startProcess(wish: ProcessWish): RunningProcess {
  const bound = existsSync(setpriv);
  const command = bound ? setpriv : wish.command;
  const args = bound ? ["--pdeathsig", "KILL", "--", wish.command, ...wish.args] : wish.args;
  const log = openSync(wish.logPath, "a");
  const child = spawn(command, args, { stdio: ["ignore", log, log], env: { ...process.env, ...wish.env }, cwd: wish.cwd });
  closeSync(log);
  return handleOf(child, wish);
}

function handleOf(child: ChildProcess, wish: ProcessWish): RunningProcess {
  let failure = "";
  child.on("error", (error) => (failure = error.message));
  const exited = (): boolean => failure !== "" || child.exitCode !== null || child.signalCode !== null;
  return {
    name: wish.name,
    pid: child.pid ?? 0,
    exited,
    signal: (signal) => void child.kill(signal),
    stop: (patienceMs = 5000) => stop(child, exited, patienceMs),
    logTail: () => `${failure}${tail(wish.logPath)}`,
  };
}

async function stop(child: ChildProcess, exited: () => boolean, patienceMs: number): Promise<void> {
  if (exited()) return;
  const gone = once(child, "exit");
  child.kill("SIGCONT"); // a paused process would not hear the next signal
  child.kill("SIGTERM");
  const insist = setTimeout(() => child.kill("SIGKILL"), patienceMs);
  await gone;
  clearTimeout(insist);
}

function tail(path: string): string {
  return existsSync(path) ? readFileSync(path, "utf8").split("\n").slice(-15).join("\n") : "";
}
