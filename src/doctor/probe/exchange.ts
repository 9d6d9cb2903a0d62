import { request as httpRequest } from "node:http";
import type { IncomingMessage } from "node:http";
import { connect as connectHttp2, constants } from "node:http2";
import type { Socket } from "node:net";
import type { Outcome, Probe } from "#doctor/plan";
import { shortReason, wantsClientCertificate } from "#doctor/probe/dial";
import { limit } from "#doctor/probe/limit";
import { Bug } from "#lib/bug";

/** A request that changes nothing: `large` has a body that no server has to look at. */
export type RequestShape = "small" | "head" | "large";

/** Bytes of a large request: more than one window of a new connection, and less than the window of a stream of HTTP/2. */
export const largeBytes = 65_000;

/** How much of an answer is read. */
const enoughBytes = 1_000_000;

/** Who asks, for the logs of backends. */
const userAgent = "contour-doctor";

/** How a request ended. */
export type Exchange =
  | { readonly kind: "answered"; readonly status: number; readonly ms: number; readonly complete: boolean; readonly received: number; readonly expected?: number }
  | { readonly kind: "silent" }
  | { readonly kind: "closed"; readonly outcome: Outcome };

/** Sends one request over a connection and reads the answer. */
export function exchange(socket: Socket, http: NonNullable<Probe["http"]>, shape: RequestShape, timeoutMs: number): Promise<Exchange> {
  switch (http.version) {
    case "1.1":
      return overHttp1(socket, http, shape, timeoutMs);
    case "2":
      return overHttp2(socket, http, shape, timeoutMs);
    default:
      throw new Bug(`HTTP version ${http.version satisfies never}`);
  }
}

function bodyOf(shape: RequestShape): Buffer | undefined {
  return shape === "large" ? Buffer.alloc(largeBytes, "contour doctor ") : undefined;
}

function overHttp1(socket: Socket, { host, path }: NonNullable<Probe["http"]>, shape: RequestShape, timeoutMs: number): Promise<Exchange> {
  const body = bodyOf(shape);
  const started = performance.now();
  return new Promise((resolve) => {
    let answer: { readonly message: IncomingMessage; readonly ms: number } | undefined;
    let received = 0;
    const outgoing = httpRequest({ createConnection: () => socket, method: shape === "head" ? "HEAD" : "GET", path, headers: { host, connection: "close", "user-agent": userAgent, accept: "*/*", ...(body === undefined ? {} : { "content-type": "application/octet-stream", "content-length": body.length }) } });
    const settle = (result: Exchange): void => {
      timer.clear();
      // What is still to be acknowledged is looked at by who dialled: the socket stays.
      outgoing.removeAllListeners("error").on("error", () => undefined);
      resolve(result);
    };
    const answered = (complete: boolean): void => {
      if (answer === undefined) return;
      const expected = Number(answer.message.headers["content-length"] ?? Number.NaN);
      settle({ kind: "answered", status: answer.message.statusCode ?? 0, ms: answer.ms, complete, received, ...(Number.isNaN(expected) ? {} : { expected }) });
    };
    const timer = limit(timeoutMs, () => (answer === undefined ? settle({ kind: "silent" }) : answered(isEndless(answer.message))));
    outgoing.on("response", (message) => {
      answer = { message, ms: performance.now() - started };
      message.on("data", (chunk: Buffer) => {
        received += chunk.length;
        if (received >= enoughBytes) answered(true);
      });
      message.on("end", () => answered(true)).on("error", () => answered(true));
    });
    outgoing.on("upgrade", () => settle({ kind: "answered", status: 101, ms: performance.now() - started, complete: true, received: 0 }));
    outgoing.on("error", (error: NodeJS.ErrnoException) => (answer === undefined ? settle({ kind: "closed", outcome: errorOutcome(error) }) : answered(true)));
    outgoing.end(body);
  });
}

/** Answers without a length may go on for ever: events, or what a server waits for. */
function isEndless({ headers }: IncomingMessage): boolean {
  return headers["content-length"] === undefined;
}

function errorOutcome(error: NodeJS.ErrnoException): Outcome {
  const { code = "", message } = error;
  if (wantsClientCertificate(error)) return { kind: "client-certificate-wanted" };
  if (code.startsWith("HPE_")) return { kind: "not-http", reason: "what it answers is not HTTP/1.1" };
  if (code === "ECONNRESET" || code === "EPIPE") return { kind: "not-http", reason: "it closes the connection without an answer" };
  return { kind: "failed", reason: shortReason(message) };
}

function overHttp2(socket: Socket, { host, path }: NonNullable<Probe["http"]>, shape: RequestShape, timeoutMs: number): Promise<Exchange> {
  const body = bodyOf(shape);
  const started = performance.now();
  return new Promise((resolve) => {
    const session = connectHttp2(`http://${/^[\w.-]+$/.test(host) ? host : "backend"}`, { createConnection: () => socket });
    let answer: { readonly status: number; readonly ms: number; readonly expected: number } | undefined;
    let received = 0;
    const settle = (result: Exchange): void => {
      timer.clear();
      session.removeAllListeners("error").on("error", () => undefined);
      resolve(result);
    };
    const answered = (complete: boolean): void => {
      if (answer !== undefined) settle({ kind: "answered", status: answer.status, ms: answer.ms, complete, received, ...(Number.isNaN(answer.expected) ? {} : { expected: answer.expected }) });
    };
    const timer = limit(timeoutMs, () => (answer === undefined ? settle({ kind: "silent" }) : answered(Number.isNaN(answer.expected))));
    const broken = (): void => (answer === undefined ? settle({ kind: "closed", outcome: { kind: "not-http", reason: "it does not speak HTTP/2" } }) : answered(true));
    session.on("error", broken).on("close", broken);
    const stream = session.request({ ":method": shape === "head" ? "HEAD" : "GET", ":path": path, ":authority": host, "user-agent": userAgent, ...(body === undefined ? {} : { "content-length": String(body.length) }) }, { endStream: body === undefined });
    stream.on("error", broken);
    stream.on("response", (headers) => {
      answer = { status: Number(headers[constants.HTTP2_HEADER_STATUS] ?? 0), ms: performance.now() - started, expected: Number(headers["content-length"] ?? Number.NaN) };
    });
    stream.on("data", (chunk: Buffer) => {
      received += chunk.length;
      if (received >= enoughBytes) answered(true);
    });
    stream.on("end", () => answered(true));
    if (body !== undefined) stream.end(body);
  });
}
