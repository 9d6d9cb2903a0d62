import { join } from "node:path";
import { freePorts } from "../test/bed/free-port.ts";
import { type RunningProcess, startProcess } from "../test/bed/process.ts";

/** The controller under test, as a process of its own. */
export interface Controller {
  readonly process: RunningProcess;
  readonly xdsPort: number;
  /** When it was started, on the clock of `performance.now()`. */
  readonly startedAt: number;
}

/** What the controller needs to know. */
export interface ControllerWish {
  readonly kubeconfigPath: string;
  /** Its log goes here. */
  readonly folder: string;
  readonly args: readonly string[];
  readonly target: Target;
}

/** What can be measured. */
export type Target = "contour" | "floor";

const commands: Readonly<Record<Target, readonly [command: string, ...args: string[]]>> = {
  contour: [process.env["CONTOUR_BIN"] ?? join(import.meta.dirname, "../bin/contour")],
  floor: [process.execPath, join(import.meta.dirname, "floor.ts")],
};

/** Starts `contour serve`; it may not listen yet. */
export async function startController(wish: ControllerWish): Promise<Controller> {
  const [xdsPort = 0, httpPort = 0] = await freePorts(2);
  const [command, ...first] = commands[wish.target];
  const args = [
    ...first, "serve", "--kubeconfig", wish.kubeconfigPath, "--insecure",
    "--xds-address", "127.0.0.1", "--xds-port", String(xdsPort),
    "--http-address", "127.0.0.1", "--http-port", String(httpPort),
    ...wish.args,
  ];
  const startedAt = performance.now();
  return { startedAt, xdsPort, process: startProcess({ name: wish.target, command, args, logPath: join(wish.folder, "contour.log") }) };
}
