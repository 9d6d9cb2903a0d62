import { request as httpRequest } from "node:http";
import type { ClientRequest, IncomingMessage, RequestOptions } from "node:http";
import { Agent, request as httpsRequest } from "node:https";
import type { ClusterAccess } from "#sources/kubernetes/kubeconfig";

/** The answer of an API server. */
export interface ApiResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: unknown;
}

/** Talks to one API server. */
export interface KubeClient {
  /** Sends a request and reads the whole answer. Rejects only when there is no answer. */
  request(method: string, path: string, body?: unknown, contentType?: string): Promise<ApiResponse>;
  /** Opens a stream of JSON lines and gives them as they come, all of a network packet together. Ends when the server ends it. */
  stream(path: string, onLines: (lines: readonly string[]) => void, signal: AbortSignal): Promise<{ readonly status: number; readonly body?: unknown }>;
  close(): void;
}

/** Seconds without an answer after which a request has failed. */
const requestTimeoutMs = 30_000;

/** Opens a client; connections are kept and shared. */
export function createKubeClient(access: ClusterAccess): KubeClient {
  const secure = access.server.protocol === "https:";
  const agent = new Agent({ keepAlive: true, maxSockets: 64, ...(access.ca === undefined ? {} : { ca: access.ca }), rejectUnauthorized: !access.insecure, ...access.certificate });
  const open = async (method: string, path: string, headers: Readonly<Record<string, string>>, signal?: AbortSignal): Promise<ClientRequest> => {
    const token = await access.token();
    const prefix = access.server.pathname.replace(/\/$/, "");
    const options: RequestOptions = { method, host: access.server.hostname.replace(/^\[|\]$/g, ""), port: access.server.port === "" ? (secure ? 443 : 80) : access.server.port, path: `${prefix}${path}`, headers: { accept: "application/json", ...headers, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) }, ...(signal === undefined ? {} : { signal }) };
    return secure ? httpsRequest({ ...options, agent }) : httpRequest(options);
  };
  return {
    async request(method, path, body, contentType = "application/json") {
      const payload = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
      const request = await open(method, path, payload === undefined ? {} : { "content-type": contentType, "content-length": String(payload.length) });
      request.setTimeout(requestTimeoutMs, () => request.destroy(new Error(`no answer to ${method} ${path} in ${requestTimeoutMs / 1000} s`)));
      const response = await send(request, payload);
      const text = await readAll(response);
      return { status: response.statusCode ?? 0, headers: response.headers, body: parseJson(text) };
    },
    async stream(path, onLines, signal) {
      const request = await open("GET", path, {}, signal);
      const response = await send(request);
      if (response.statusCode !== 200) return { status: response.statusCode ?? 0, body: parseJson(await readAll(response)) };
      await readLines(response, onLines);
      return { status: 200 };
    },
    close: () => agent.destroy(),
  };
}

function send(request: ClientRequest, payload?: Buffer): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.once("response", resolve);
    request.once("error", reject);
    request.end(payload);
  });
}

async function readAll(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

async function readLines(response: IncomingMessage, onLines: (lines: readonly string[]) => void): Promise<void> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of response) {
    const bytes = rest.length === 0 ? (chunk as Buffer) : Buffer.concat([rest, chunk as Buffer]);
    const end = bytes.lastIndexOf(10);
    if (end === -1) rest = bytes;
    else {
      rest = bytes.subarray(end + 1);
      onLines(bytes.toString("utf8", 0, end).split("\n").filter((line) => line !== ""));
    }
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
