import { once } from "node:events";
import * as http from "node:http";
import * as http2 from "node:http2";
import * as https from "node:https";
import type { Echoed } from "../peers/echo.ts";
import type { Echo } from "./rig.ts";

/** A request as the tests write it. */
export interface Wish {
  readonly port: number;
  /** The Host header as it is sent. */
  readonly host: string;
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Speaks TLS with this SNI; empty for none. */
  readonly sni?: string;
  readonly body?: string;
  /** Sends the body in chunks, without saying how long it is. */
  readonly chunked?: boolean;
  /** Speaks HTTP/2. */
  readonly http2?: boolean;
  /** The highest version of TLS that the client speaks. */
  readonly maxTlsVersion?: "TLSv1.2" | "TLSv1.3";
  /** Shows a client certificate. */
  readonly identity?: { readonly certificate: string; readonly key: string };
}

/** What came back. */
export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
  /** What the backend said that it got. */
  readonly echo: (Echo & Partial<Echoed>) | undefined;
  /** The common name of the server's certificate. */
  readonly certificate: string | undefined;
}

/** Sends a request over a new connection to loopback. */
export async function send(wish: Wish): Promise<Answer> {
  return wish.http2 === true ? sendHttp2(wish) : sendHttp1(wish, "127.0.0.1");
}

/** Sends a request over HTTP/1.1 to one of the addresses of loopback. */
export async function sendTo(address: string, wish: Wish): Promise<Answer> {
  return sendHttp1(wish, address);
}

function tlsOptions({ sni, identity, maxTlsVersion }: Wish) {
  return { servername: sni ?? "", rejectUnauthorized: false, ...(maxTlsVersion === undefined ? {} : { maxVersion: maxTlsVersion }), ...(identity === undefined ? {} : { cert: identity.certificate, key: identity.key }) };
}

async function sendHttp2(wish: Wish): Promise<Answer> {
  const session = http2.connect(`${wish.sni === undefined ? "http" : "https"}://127.0.0.1:${wish.port}`, wish.sni === undefined ? {} : tlsOptions(wish));
  try {
    // An error of the session is one of its streams, too, and is thrown there.
    session.on("error", () => undefined);
    const stream = session.request({ ...wish.headers, ":method": wish.method ?? "GET", ":path": wish.path ?? "/", ":authority": wish.host }, { endStream: wish.body === undefined });
    if (wish.body !== undefined) stream.end(wish.body);
    const [headers] = (await once(stream, "response")) as [http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader];
    let body = "";
    stream.setEncoding("utf8");
    for await (const part of stream) body += String(part);
    const plain = headers as http.IncomingHttpHeaders;
    return { status: headers[":status"] ?? 0, headers: plain, body, echo: echoOf(plain, body), certificate: undefined };
  } finally {
    session.destroy();
  }
}

async function sendHttp1(wish: Wish, address: string): Promise<Answer> {
  const options = { host: address, port: wish.port, path: wish.path ?? "/", method: wish.method ?? "GET", headers: { ...wish.headers, host: wish.host }, agent: false as const };
  const request = wish.sni === undefined ? http.request(options) : https.request({ ...options, ...tlsOptions(wish) });
  let certificate: string | undefined;
  request.on("socket", (socket) => socket.on("secureConnect", () => (certificate = "getPeerCertificate" in socket ? subjectOf(socket) : undefined)));
  request.on("upgrade", (response, socket) => {
    socket.destroy();
    request.emit("response", response);
  });
  if (wish.body !== undefined && wish.chunked === true) request.write(wish.body);
  // A request may be answered, and its connection closed, before all of its body is sent.
  request.on("error", () => undefined);
  request.end(wish.chunked === true ? undefined : wish.body);
  const [response] = (await once(request, "response")) as [http.IncomingMessage];
  const body = response.statusCode === 101 ? "" : await text(response);
  return { status: response.statusCode ?? 0, headers: response.headers, body, echo: echoOf(response.headers, body), certificate };
}

function subjectOf(socket: unknown): string | undefined {
  const name = (socket as { getPeerCertificate(): { subject?: { CN?: string | string[] } } }).getPeerCertificate().subject?.CN;
  return Array.isArray(name) ? name[0] : name;
}

async function text(response: http.IncomingMessage): Promise<string> {
  let body = "";
  response.setEncoding("utf8");
  for await (const part of response) body += String(part);
  return body;
}

function echoOf(headers: http.IncomingHttpHeaders, body: string): Echo | undefined {
  return headers["content-type"]?.includes("json") && body !== "" ? (JSON.parse(body) as Echo) : undefined;
}
