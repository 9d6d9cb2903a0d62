import { Agent as HttpAgent } from "node:http";
import type { IncomingMessage } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { WebSocket } from "ws";
import type { RawData } from "ws";
import type { ApiAccess } from "#sources/kubernetes/access";
import { apiError } from "#sources/kubernetes/api-error";

/** A program to run in a container. */
export interface ExecWish {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  readonly command: readonly string[];
  /** What the program reads; its end is not told, as older API servers cannot. */
  readonly input: string;
  readonly onOutput: (chunk: Buffer) => void;
  readonly signal: AbortSignal;
}

/** How a program ended. */
export interface ExecEnd {
  /** Absent where the program was never started. */
  readonly code?: number;
  readonly message: string;
  /** The end of what it wrote to its standard error. */
  readonly stderr: string;
}

// Subprotocols of remotecommand in Kubernetes: the first byte of a message is its channel.
const subprotocols = ["v5.channel.k8s.io", "v4.channel.k8s.io"];
const channels = { stdin: 0, stdout: 1, stderr: 2, status: 3 } as const;
const largestMessage = 32 * 1024;
const keptStderr = 4000;

/** Runs a program in a container, over a WebSocket of the API server, until it ends. Throws `ApiError` where the API server refuses. */
export async function execInPod(access: ApiAccess, env: NodeJS.ProcessEnv, wish: ExecWish): Promise<ExecEnd> {
  const socket = await connect(access, env, pathOf(wish), wish.signal);
  const end = followEnd(socket, wish);
  for (let at = 0; at < wish.input.length; at += largestMessage) socket.send(Buffer.concat([Buffer.from([channels.stdin]), Buffer.from(wish.input.slice(at, at + largestMessage))]));
  return end;
}

function pathOf({ namespace, pod, container, command }: ExecWish): string {
  const query = new URLSearchParams([["container", container], ...command.map((part) => ["command", part] as [string, string]), ["stdin", "true"], ["stdout", "true"], ["stderr", "true"]]);
  return `/api/v1/namespaces/${namespace}/pods/${pod}/exec?${query.toString()}`;
}

async function connect(access: ApiAccess, env: NodeJS.ProcessEnv, path: string, signal: AbortSignal): Promise<WebSocket> {
  const { ca, certificate: cert, key, authorization } = await access.credentials();
  const base = new URL(access.server);
  const secure = base.protocol === "https:";
  const proxyEnv = access.proxyUrl === undefined ? env : { HTTP_PROXY: access.proxyUrl, HTTPS_PROXY: access.proxyUrl };
  const tls = { ca, cert, key, rejectUnauthorized: !access.insecure, ...(access.tlsServerName === undefined ? {} : { servername: access.tlsServerName }) };
  const socket = new WebSocket(`${secure ? "wss" : "ws"}://${base.host}${base.pathname.replace(/\/$/, "")}${path}`, subprotocols, {
    headers: { ...(access.headers as Record<string, string>), ...(authorization === undefined ? {} : { authorization }), "user-agent": "contour-doctor" },
    handshakeTimeout: 15_000,
    agent: secure ? new HttpsAgent({ proxyEnv, ...tls }) : new HttpAgent({ proxyEnv }),
    ...tls,
  });
  signal.addEventListener("abort", () => socket.terminate(), { once: true });
  return new Promise((resolve, reject) => {
    socket.once("open", () => {
      socket.removeAllListeners("error").on("error", () => undefined);
      resolve(socket);
    });
    socket.once("unexpected-response", (_request: unknown, answer: IncomingMessage) => void refusal(answer).then(reject, reject).finally(() => socket.terminate()));
    socket.once("error", reject);
  });
}

async function refusal(answer: IncomingMessage): Promise<Error> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  return apiError(answer.statusCode ?? 0, Buffer.concat(chunks).toString("utf8"), answer.headers["retry-after"]);
}

function followEnd(socket: WebSocket, { onOutput }: ExecWish): Promise<ExecEnd> {
  return new Promise((resolve) => {
    let stderr = "";
    let status = "";
    socket.on("message", (data: RawData) => {
      const message = Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data as Buffer);
      const body = message.subarray(1);
      if (message[0] === channels.stdout) onOutput(body);
      else if (message[0] === channels.stderr) stderr = `${stderr}${body.toString("utf8")}`.slice(-keptStderr);
      else if (message[0] === channels.status) status += body.toString("utf8");
    });
    socket.on("close", () => resolve({ ...readStatus(status), stderr }));
  });
}

interface ExecStatus {
  readonly status?: string;
  readonly message?: string;
  readonly details?: { readonly causes?: readonly { readonly reason?: string; readonly message?: string }[] };
}

/** What the last message says: a Status (meta/v1), with the exit code among its causes. */
function readStatus(text: string): Omit<ExecEnd, "stderr"> {
  if (text === "") return { message: "the connection ended before the program did" };
  const { status, message = "", details } = JSON.parse(text) as ExecStatus;
  if (status === "Success") return { code: 0, message: "" };
  const code = Number(details?.causes?.find(({ reason }) => reason === "ExitCode")?.message ?? Number.NaN);
  return { message, ...(Number.isNaN(code) ? {} : { code }) };
}
