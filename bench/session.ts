import { setTimeout as delay } from "node:timers/promises";
import type { ApiServer } from "../test/bed/api-server.ts";
import { HopelessError, waitFor } from "../test/bed/wait.ts";
import { type Controller, type ControllerWish, startController } from "./controller.ts";
import { expectedHosts, hasTls, hostOf } from "./load.ts";
import { createMirror, type Mirror } from "./mirror.ts";
import { connectXds, type XdsClient } from "./xds-client.ts";

/** A controller that runs, with our xDS client attached to it. */
export interface Session {
  readonly controller: Controller;
  readonly client: XdsClient;
  readonly mirror: Mirror;
  /** Milliseconds from the start of the process until the xDS port accepted a connection. */
  readonly portOpenMs: number;
  /** Milliseconds from the start of the process until the client held everything. */
  readonly completeMs: number;
  stop(): Promise<void>;
}

/** Starts the controller, connects, and waits until the configuration of `count` items is complete at the client. */
export async function startSession(api: ApiServer, count: number, wish: Pick<ControllerWish, "args" | "target">): Promise<Session> {
  const controller = await startController({ kubeconfigPath: api.kubeconfigPath, folder: api.folder, ...wish });
  try {
    return await attach(controller, count);
  } catch (error) {
    await controller.process.stop();
    throw new Error(`${String(error)}\nthe controller's last words:\n${controller.process.logTail()}`, { cause: error });
  }
}

async function attach(controller: Controller, count: number): Promise<Session> {
  const client = await connect(controller);
  const portOpenMs = performance.now() - controller.startedAt;
  const mirror = createMirror(client);
  const stop = async (): Promise<void> => {
    client.close();
    await controller.process.stop();
  };
  try {
    const completeMs = (await untilComplete(controller, client, mirror, count)) - controller.startedAt;
    return { controller, client, mirror, portOpenMs, completeMs, stop };
  } catch (error) {
    client.close();
    throw error;
  }
}

async function connect(controller: Controller): Promise<XdsClient> {
  const ended = new AbortController();
  const watch = async (): Promise<never> => {
    while (!controller.process.exited()) await delay(50, undefined, { signal: ended.signal });
    throw new Error("the controller ended before it listened");
  };
  try {
    return await Promise.race([connectXds(`127.0.0.1:${controller.xdsPort}`, 120_000), watch()]);
  } finally {
    ended.abort();
  }
}

async function untilComplete(controller: Controller, client: XdsClient, mirror: Mirror, count: number): Promise<number> {
  let lastChange = 0;
  const end = client.onChanges(() => (lastChange = performance.now()));
  const expected = expectedHosts(count);
  let missing: readonly string[] = [];
  const complete = (): boolean => {
    const failure = controller.process.exited() ? "the controller ended" : client.failure();
    if (failure !== undefined) throw new HopelessError(failure);
    if (mirror.count("srds") + mirror.count("rds") === 0) return false;
    missing = mirror.missing(expected);
    if (missing.some((text) => text.endsWith("no certificate"))) client.subscribeSecrets(expected.flatMap(({ host, tls }) => (tls ? [host] : [])));
    return missing.length === 0;
  };
  try {
    await waitFor(complete, { what: "the configuration is complete", timeoutMs: 180_000, intervalMs: 20 });
  } catch (error) {
    throw new Error(`${String(error)}; missing: ${missing.join(", ")}`, { cause: error });
  } finally {
    end();
  }
  return lastChange;
}

/** Whether hosts with TLS have filter chains of their own, so that a new one is served only once a listener came. */
export function tlsHostsAreInListeners(session: Session, count: number): boolean {
  const last = Array.from({ length: count }, (_, index) => index).findLast(hasTls);
  return last !== undefined && session.mirror.listenersName(hostOf(last));
}
