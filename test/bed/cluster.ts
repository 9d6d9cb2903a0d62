import { execFile, spawn } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { type IncomingMessage, request as httpRequest } from "node:http";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { testbedFolder } from "./cache.ts";
import { buildImage, type ImageWish } from "./image.ts";
import { createKubeClient, type KubeClient, type TestObject } from "./kube-client.ts";
import { type RunningProcess, startProcess } from "./process.ts";
import { waitFor } from "./wait.ts";

const run = promisify(execFile);
const scripts = join(import.meta.dirname, "kubernetes");
const nodeIp = "10.245.0.2";

/** What a program wrote. */
export interface Output {
  readonly stdout: string;
  readonly stderr: string;
}

/** An HTTP answer from inside the cluster. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/** An HTTP request to an address inside the cluster. */
export interface HttpWish {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly timeoutMs?: number;
}

/** A whole Kubernetes on this machine, in a network namespace without a way out; pods really run. */
export interface Cluster extends KubeClient {
  readonly name: string;
  readonly nodeIp: string;
  /** Valid inside the namespace only: for what `exec` and `start` run. */
  readonly kubeconfigPath: string;
  /** Logs of every component, sockets and state. */
  readonly folder: string;
  /** Runs a program inside the namespace until it ends; throws unless it ends well. */
  exec(command: string, ...args: readonly string[]): Promise<Output>;
  kubectl(...args: readonly string[]): Promise<string>;
  /** Starts a program inside the namespace; end it with its own `stop`. */
  start(name: string, command: string, ...args: readonly string[]): RunningProcess;
  /** Opens a connection, from this process, to an address inside the namespace. */
  connect(host: string, port: number): Socket;
  /** One HTTP request, from this process, to an address inside the namespace. */
  fetch(url: string, wish?: HttpWish): Promise<HttpAnswer>;
  /** Builds an image and hands it to the node. Pods must say `imagePullPolicy: IfNotPresent` or `Never`. */
  importImage(wish: ImageWish): Promise<void>;
  /** Resolves when every replica of a Deployment or DaemonSet is ready; else throws with what its pods say. */
  untilRolledOut(workload: TestObject, timeoutMs?: number): Promise<void>;
  /** Ends everything, unless the cluster was there before (`CONTOUR_TEST_CLUSTER`). */
  stop(): Promise<void>;
}

/** Brings a cluster up (15 to 25 s). `CONTOUR_TEST_CLUSTER=name` keeps one of that name between runs. */
export async function startCluster(): Promise<Cluster> {
  const kept = process.env["CONTOUR_TEST_CLUSTER"];
  const name = kept ?? `contour-${process.pid}`;
  const janitor = kept === undefined ? startJanitor(name) : undefined;
  try {
    await script(name, "up.sh");
    return await attach(name, janitor);
  } catch (error) {
    if (janitor !== undefined) await script(name, "down.sh", "--wipe");
    janitor?.dismiss();
    throw error;
  }
}

async function script(name: string, file: string, ...args: readonly string[]): Promise<void> {
  try {
    await run(join(scripts, file), args, { env: { ...process.env, BED_NAME: name } });
  } catch (error) {
    const { stdout, stderr } = error as Output;
    throw new Error(`${file} failed; logs lie in ${runFolder(name)}/log\n${stdout}${stderr}`, { cause: error });
  }
}

function runFolder(name: string): string {
  return join(testbedFolder(), `run-${name}`);
}

interface Janitor {
  dismiss(): void;
}

// Outlives this process: when it dies without having stopped its cluster, the janitor does.
function startJanitor(name: string): Janitor {
  const duty = `tail --pid=${process.pid} -f /dev/null; exec ${scripts}/down.sh --wipe`;
  const child = spawn("bash", ["-c", duty], { detached: true, stdio: "ignore", env: { ...process.env, BED_NAME: name } });
  child.unref();
  return { dismiss: () => void (child.pid !== undefined && process.kill(-child.pid, "SIGKILL")) };
}

async function attach(name: string, janitor: Janitor | undefined): Promise<Cluster> {
  const folder = runFolder(name);
  const relay = await startRelay(name);
  const client = createClient(folder, relay);
  const inside = enter(name, folder);
  const stop = async (): Promise<void> => {
    client.close();
    await relay.process.stop();
    if (janitor !== undefined) await script(name, "down.sh", "--wipe");
    janitor?.dismiss();
  };
  return {
    ...client, ...inside, name, nodeIp, folder,
    kubeconfigPath: join(folder, "admin.kubeconfig"),
    connect: relay.connect,
    fetch: (url, wish = {}) => fetchInside(relay, url, wish),
    importImage: (wish) => importImage(name, folder, wish),
    untilRolledOut: (workload, timeoutMs = 60_000) => untilRolledOut(inside, workload, timeoutMs),
    stop,
  };
}

interface Relay {
  readonly process: RunningProcess;
  connect(host: string, port: number): Socket;
}

async function startRelay(name: string): Promise<Relay> {
  const socketPath = `/run/${name}-relay-${process.pid}.sock`; // short: sockets allow 108 characters
  rmSync(socketPath, { force: true });
  const args = [`--net=/run/netns/${name}`, "--", process.execPath, join(import.meta.dirname, "relay.ts"), socketPath];
  const relay = startProcess({ name: "relay", command: "nsenter", args, logPath: join(runFolder(name), "log", "relay.log") });
  await waitFor(() => existsSync(socketPath), { what: "the relay listens", timeoutMs: 20_000 });
  const open = (host: string, port: number): Socket => {
    const socket = connect(socketPath);
    socket.write(`${host} ${port}\n`);
    return socket;
  };
  return { process: { ...relay, stop: async () => void (await relay.stop(), rmSync(socketPath, { force: true })) }, connect: open };
}

function createClient(folder: string, relay: Relay): KubeClient {
  const read = (file: string): string => readFileSync(join(folder, "pki", file), "utf8");
  return createKubeClient({
    url: `https://${nodeIp}:6443`,
    ca: read("ca.crt"), certificate: read("admin.crt"), key: read("admin.key"),
    connect: () => relay.connect(nodeIp, 6443),
  });
}

type Inside = Pick<Cluster, "exec" | "kubectl" | "start">;

function enter(name: string, folder: string): Inside {
  const env = { KUBECONFIG: join(folder, "admin.kubeconfig") };
  const enterArgs = (command: string, args: readonly string[]): readonly string[] => [`--net=/run/netns/${name}`, "--", command, ...args];
  const exec: Cluster["exec"] = (command, ...args) => run("nsenter", enterArgs(command, args), { env: { ...process.env, ...env }, maxBuffer: 64 * 1024 * 1024 });
  return {
    exec,
    kubectl: async (...args) => (await exec(join(testbedFolder(), "bin", "kubectl"), ...args)).stdout,
    start: (label, command, ...args) =>
      startProcess({ name: label, command: "nsenter", args: enterArgs(command, args), env, logPath: join(folder, "log", `${label}.log`) }),
  };
}

async function importImage(name: string, folder: string, wish: ImageWish): Promise<void> {
  const file = join(folder, `${(wish.tags[0] ?? "image").replaceAll(/[^\w.-]/g, "_")}.tar`);
  buildImage(file, wish);
  await script(name, "import.sh", file);
}

function fetchInside(relay: Relay, url: string, wish: HttpWish): Promise<HttpAnswer> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const options = { method: wish.method ?? "GET", headers: { connection: "close", ...wish.headers }, createConnection: () => relay.connect(hostname, Number(port || 80)) };
    const outgoing = httpRequest(url, options, (message) => readAnswer(message).then(resolve, reject));
    outgoing.setTimeout(wish.timeoutMs ?? 5000, () => outgoing.destroy(new Error(`${url}: no answer in time`)));
    outgoing.on("error", reject).end(wish.body);
  });
}

async function readAnswer(message: IncomingMessage): Promise<HttpAnswer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return { status: message.statusCode ?? 0, headers: message.headers, body: Buffer.concat(chunks).toString("utf8") };
}

async function untilRolledOut({ kubectl }: Inside, workload: TestObject, timeoutMs: number): Promise<void> {
  const { name, namespace = "default" } = workload.metadata;
  try {
    await kubectl("-n", namespace, "rollout", "status", `${workload.kind}/${name}`, `--timeout=${timeoutMs}ms`);
  } catch (error) {
    throw new Error(`${workload.kind} ${namespace}/${name} is not ready\n${await kubectl("-n", namespace, "describe", "pods")}`, { cause: error });
  }
}
