import { createHash } from "node:crypto";
import * as http from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import * as http2 from "node:http2";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import * as https from "node:https";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import { fromCanonicalJson } from "#envoy/json";
import { pemOf } from "./identities.ts";
import { listen } from "./listen.ts";
import type { Peer } from "./listen.ts";

/** How a peer speaks. */
export type EchoProtocol = "http/1.1" | "h2c" | "h2" | "tls";

/** What an echo backend says that it got. */
export interface Echoed {
  readonly backend: string;
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly protocol: string;
  readonly bodyBytes: number;
  /** Of a TLS connection. */
  readonly tls?: { readonly version: string; readonly sni: string | false; readonly client?: string };
}

type Request = IncomingMessage | Http2ServerRequest;
type Response = ServerResponse | Http2ServerResponse;

/**
 * Starts a backend that tells what it got, as JSON. Some paths make it do something else first: `/status/N` answers N,
 * `/wait/MS` is slow, `/set-cookie` sets two cookies, `/moved/P` leads to /P, `/fails/N/KEY` answers 503 the first N
 * times, `/hangs` never answers, `/large` is text that is worth compressing. gRPC calls get the same as a string.
 */
export async function startEcho(name: string, protocol: EchoProtocol = "http/1.1", onRequest: () => void = () => undefined, { certificate, key } = pemOf("backend")): Promise<Peer> {
  const failures = new Map<string, number>();
  const listener = (request: Request, response: Response): void => (onRequest(), void answer(name, failures, request, response));
  const identity = { cert: certificate, key, requestCert: true, rejectUnauthorized: false };
  const server = {
    "http/1.1": () => http.createServer(listener),
    h2c: () => http2.createServer(listener),
    h2: () => http2.createSecureServer({ ...identity, allowHTTP1: false }, listener),
    tls: () => https.createServer({ ...identity, ALPNProtocols: ["http/1.1"] }, listener),
  }[protocol]();
  if (protocol === "http/1.1") server.on("upgrade", webSocketEcho);
  return listen(server);
}

async function answer(name: string, failures: Map<string, number>, request: Request, response: Response): Promise<void> {
  let bodyBytes = 0;
  try {
    for await (const chunk of request) bodyBytes += (chunk as Buffer).length;
  } catch {
    // The client gave up; so does the backend.
    return;
  }
  if (request.headers["content-type"] === "application/grpc") return answerCall(response as Http2ServerResponse, name, JSON.stringify(echoed(name, request, bodyBytes)));
  const [, what = "", first = "", second = ""] = (request.url ?? "/").split(/[/?]/);
  const send = (status: number, headers: Readonly<Record<string, string | string[]>>, body: string): void => {
    response.statusCode = status;
    // Node says how long a body is, but not that of an answer to HEAD.
    response.setHeader("content-length", Buffer.byteLength(body));
    for (const [key, value] of Object.entries(headers)) response.setHeader(key, value);
    (response as ServerResponse).end(body);
  };
  if (what === "hangs") return;
  if (what === "wait") await new Promise((resolve) => setTimeout(resolve, Number(first)));
  if (what === "status") return send(Number(first), { "content-type": "text/plain" }, `status ${first} of ${name}`);
  if (what === "moved") return send(302, { location: `http://${authorityOf(request)}/${first}` }, "");
  if (what === "large") return send(200, { "content-type": "text/plain" }, "all work and no play ".repeat(200));
  const failed = failures.get(second) ?? 0;
  if (what === "fails" && failed < Number(first)) {
    failures.set(second, failed + 1);
    return send(503, {}, "not yet");
  }
  const cookies: Readonly<Record<string, string[]>> = what === "set-cookie" ? { "set-cookie": ["id=1; Path=/old; Domain=old.example; Secure; HttpOnly", "other=2; Path=/stay"] } : {};
  send(200, { "content-type": "application/json", "x-backend": name, ...cookies }, JSON.stringify(echoed(name, request, bodyBytes)));
}

/** Answers a gRPC call with a google.protobuf.StringValue (gRPC over HTTP/2). */
function answerCall(response: Http2ServerResponse, name: string, text: string): void {
  const message = Buffer.from(fromCanonicalJson("google.protobuf.StringValue", text));
  const length = Buffer.alloc(5);
  length.writeUInt32BE(message.length, 1);
  response.setHeader("content-type", "application/grpc");
  response.setHeader("x-backend", name);
  response.addTrailers({ "grpc-status": "0" });
  response.end(Buffer.concat([length, message]));
}

function authorityOf(request: Request): string {
  return String(request.headers[":authority"] ?? request.headers.host ?? "");
}

function echoed(backend: string, request: Request, bodyBytes: number): Echoed {
  const { ":method": _method, ":path": _path, ":scheme": _scheme, ":authority": authority, ...headers } = request.headers;
  const socket = request.socket as TLSSocket;
  const client = "getPeerCertificate" in socket ? socket.getPeerCertificate().subject?.CN : undefined;
  return {
    backend,
    method: request.method ?? "",
    url: request.url ?? "",
    headers: { ...(headers as Record<string, string>), ...(authority === undefined ? {} : { host: String(authority) }) },
    protocol: request.httpVersion === "2.0" ? "HTTP/2" : "HTTP/1.1",
    bodyBytes,
    ...("encrypted" in socket && socket.encrypted ? { tls: { version: socket.getProtocol() ?? "", sni: (socket as TLSSocket & { servername?: string | false }).servername ?? false, ...(client === undefined ? {} : { client: Array.isArray(client) ? (client[0] ?? "") : client }) } } : {}),
  };
}

/** Accepts a WebSocket (RFC 6455, section 4.2.2) and gives back each frame unmasked. Frames of up to 125 bytes will do. */
function webSocketEcho(request: IncomingMessage, socket: Duplex): void {
  const accept = createHash("sha1").update(`${request.headers["sec-websocket-key"] ?? ""}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: ${accept}\r\n\r\n`);
  socket.on("error", () => socket.destroy());
  socket.on("data", (frame: Buffer) => {
    const length = (frame[1] ?? 0) & 0x7f;
    const mask = frame.subarray(2, 6);
    const payload = frame.subarray(6, 6 + length).map((byte, i) => byte ^ (mask[i % 4] ?? 0));
    socket.write(Buffer.concat([Buffer.from([frame[0] ?? 0x81, length]), payload]));
  });
}
