import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePorts } from "../bed/free-port.ts";
import { waitFor } from "../bed/wait.ts";

/** What `contour run --output json` says after each change. */
export interface State {
  readonly routes: readonly { readonly url: string; readonly curl?: string }[];
  readonly problems: readonly { readonly severity: string; readonly file?: string; readonly line?: number; readonly column?: number; readonly message: string }[];
  readonly ca: string;
}

/** `contour run` as a process of its own, on a copy of a folder. */
export class RunningContour {
  readonly folder = mkdtempSync(join(tmpdir(), "contour-run-test-"));
  readonly states: State[] = [];
  /** What it said besides. */
  readonly said: string[] = [];
  httpPort = 0;
  httpsPort = 0;
  errors = "";
  exitCode: number | null | undefined;
  #process: ReturnType<typeof spawn> | undefined;

  /** Starts it, and waits until it says what it serves. */
  async start(from: string, ...more: readonly string[]): Promise<void> {
    cpSync(from, join(this.folder, "manifests"), { recursive: true });
    [this.httpPort = 0, this.httpsPort = 0] = await freePorts(2);
    const args = ["run", join(this.folder, "manifests"), "--output", "json", "--http-port", String(this.httpPort), "--https-port", String(this.httpsPort), ...more];
    const child = spawn(join(import.meta.dirname, "../../bin/contour"), args, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, XDG_DATA_HOME: join(this.folder, "data") }, detached: true });
    this.#process = child;
    child.stderr.on("data", (text) => (this.errors += String(text)));
    child.on("exit", (code) => (this.exitCode = code));
    let rest = "";
    child.stdout.on("data", (text) => {
      const lines = (rest + String(text)).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        const said = JSON.parse(line) as { readonly event: string; readonly message?: string } & State;
        if (said.event === "state") this.states.push(said);
        if (said.event === "progress") this.said.push(said.message ?? "");
      }
    });
    await waitFor(() => this.states.length > 0, { what: `contour run starts (${this.errors})`, timeoutMs: 120_000, intervalMs: 20 });
  }

  /** The newest state that fits. */
  state(what: string, fits: (state: State) => boolean): Promise<State> {
    const newest = (): State => {
      const state = this.states.at(-1);
      if (state === undefined || !fits(state)) throw new Error(JSON.stringify(state?.problems));
      return state;
    };
    return waitFor(newest, { what, timeoutMs: 10_000, intervalMs: 5 });
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  /** Presses Ctrl-C, which reaches the whole group of processes as in a terminal, and waits for the end. */
  async interrupt(): Promise<number | null> {
    if (this.#process === undefined || this.exitCode !== undefined) return this.exitCode ?? null;
    const gone = once(this.#process, "exit");
    process.kill(-this.pid, "SIGINT");
    const [code] = (await gone) as [number | null];
    return code;
  }

  cleanUp(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
