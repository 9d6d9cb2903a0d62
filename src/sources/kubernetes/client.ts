import type { IncomingMessage } from "node:http";
import type { ApiAccess } from "#sources/kubernetes/access";
import { apiError } from "#sources/kubernetes/api-error";
import { Connections } from "#sources/kubernetes/connection";
import type { WireRequest } from "#sources/kubernetes/connection";

/** One request to the Kubernetes API. */
export interface ApiRequest {
  readonly method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** With its query. */
  readonly path: string;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly accept?: string;
  readonly signal?: AbortSignal;
  /** How long the server may be silent; 30 s unless said otherwise. */
  readonly silenceMs?: number;
}

/** Talks to one API server. There is no rate limit on this side: the server has its own (priority and fairness), and says when to wait. */
export interface ApiClient {
  /** One request and its parsed answer. Throws `ApiError` unless it succeeds. */
  call<T = unknown>(request: ApiRequest): Promise<T>;
  /** The bytes of a long answer as they come. Throws `ApiError` unless it begins well. */
  stream(request: ApiRequest): Promise<AsyncIterable<Buffer>>;
  /** Ends connections that nobody uses. */
  close(): void;
}

/** What is counted about requests. */
export interface RequestMetrics {
  /** A request was answered; code is the HTTP status, or `<error>` when none came. */
  requested(method: string, code: string, host: string, seconds: number): void;
}

/** What a client needs. */
export interface ApiClientOptions {
  readonly access: ApiAccess;
  readonly userAgent: string;
  /** Where HTTPS_PROXY and NO_PROXY come from. */
  readonly env?: NodeJS.ProcessEnv;
  readonly metrics?: RequestMetrics;
}

const defaultSilenceMs = 30_000;

/** Makes a client; connects on first use. */
export function createApiClient({ access, userAgent, env = {}, metrics }: ApiClientOptions): ApiClient {
  const connections = new Connections(access, env);
  const { host } = new URL(access.server);
  const send = async (wish: WireRequest): Promise<IncomingMessage> => {
    const started = performance.now();
    const count = (code: string): void => metrics?.requested(wish.method, code, host, (performance.now() - started) / 1000);
    return connections.send(wish).then(
      (answer) => (count(String(answer.statusCode)), answer),
      (error: unknown) => {
        count("<error>");
        throw error;
      },
    );
  };
  const open = async (request: ApiRequest): Promise<IncomingMessage> => {
    const wish = toWire(request, userAgent);
    const answer = await send(wish);
    if (answer.statusCode !== 401) return await expectSuccess(answer);
    // A token may have been replaced since it was read: once more with fresh credentials.
    answer.resume();
    access.forget();
    return await expectSuccess(await send(wish));
  };
  return {
    call: async <T>(request: ApiRequest) => JSON.parse(await readText(await open(request))) as T,
    stream: async (request) => (await open(request)) as AsyncIterable<Buffer>,
    close: () => connections.close(),
  };
}

function toWire(request: ApiRequest, userAgent: string): WireRequest {
  const body = request.body === undefined ? undefined : JSON.stringify(request.body);
  const bodyHeaders = body === undefined ? {} : { "content-type": request.contentType ?? "application/json", "content-length": String(Buffer.byteLength(body)) };
  return {
    method: request.method ?? "GET",
    path: request.path,
    headers: { accept: request.accept ?? "application/json", "user-agent": userAgent, ...bodyHeaders },
    silenceMs: request.silenceMs ?? defaultSilenceMs,
    ...(body === undefined ? {} : { body }),
    ...(request.signal === undefined ? {} : { signal: request.signal }),
  };
}

async function expectSuccess(answer: IncomingMessage): Promise<IncomingMessage> {
  const { statusCode = 0, headers } = answer;
  if (statusCode >= 200 && statusCode < 300) return answer;
  throw apiError(statusCode, await readText(answer), headers["retry-after"]);
}

async function readText(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}
