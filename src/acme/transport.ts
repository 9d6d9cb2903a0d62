import { Agent, request as httpsRequest } from "node:https";
import type { IncomingMessage } from "node:http";
import { AcmeProblem, problemOf } from "#acme/problem";

/** An answer as the client library wants it. */
export interface TransportAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** JSON where the server says that it is, text otherwise. */
  readonly data: unknown;
}

/** Sends one request. Answers that refuse it are `AcmeProblem`s, but those for a stale nonce, which the library answers by itself. */
export type Transport = (url: string, method: string, options?: { readonly data?: unknown; readonly headers?: Readonly<Record<string, string>> }) => Promise<TransportAnswer>;

const silenceMs = 30_000;
/** A chain of certificates is some kilobytes. */
const largestAnswer = 1 << 20;

/** Speaks HTTPS with one server. `caBundle` replaces the authorities that Node knows. Proxies are those of the environment. */
export function createTransport(caBundle: string | undefined, env: NodeJS.ProcessEnv): Transport {
  const agent = new Agent({ ...(caBundle === undefined ? {} : { ca: caBundle }), proxyEnv: env, keepAlive: true, keepAliveMsecs: 10_000, timeout: silenceMs });
  return async (url, method, { data, headers = {} } = {}) => {
    const body = data === undefined ? undefined : JSON.stringify(data);
    const answer = await send(agent, url, method.toUpperCase(), { "user-agent": "contour", ...(body === undefined ? {} : { "content-type": "application/jose+json" }), ...headers }, body);
    const problem = answer.status >= 400 ? problemOf(answer) : undefined;
    if (problem !== undefined && problem.type !== "badNonce") throw problem;
    return answer;
  };
}

function send(agent: Agent, url: string, method: string, headers: Readonly<Record<string, string>>, body: string | undefined): Promise<TransportAnswer> {
  const { host } = new URL(url);
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => reject(new AcmeProblem({ type: "unreachable", detail: `${host} cannot be reached: ${error.message}`, transient: true }));
    const sent = httpsRequest(url, { agent, method, headers: { ...headers, ...(body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) }) }, timeout: silenceMs }, (answer) => {
      read(answer).then((text) => resolve({ status: answer.statusCode ?? 0, headers: plain(answer), data: decode(answer, text) }), fail);
    });
    sent.on("timeout", () => sent.destroy(new Error(`no answer within ${silenceMs / 1000} s`)));
    sent.on("error", fail);
    sent.end(body);
  });
}

async function read(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer) {
    size += (chunk as Buffer).length;
    if (size > largestAnswer) throw new Error(`the answer is larger than ${largestAnswer} bytes`);
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function plain({ headers }: IncomingMessage): TransportAnswer["headers"] {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(", ") : value]));
}

function decode({ headers }: IncomingMessage, text: string): unknown {
  if (!/json/.test(headers["content-type"] ?? "")) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
