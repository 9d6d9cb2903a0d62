import { once } from "node:events";
import * as http from "node:http";
import * as https from "node:https";
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
  /** Shows a client certificate. */
  readonly identity?: { readonly certificate: string; readonly key: string };
}

/** What came back. */
export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
  /** What the backend said that it got. */
  readonly echo: Echo | undefined;
  /** The common name of the server's certificate. */
  readonly certificate: string | undefined;
}

/** Sends a request over a new connection to loopback. */
export async function send(wish: Wish): Promise<Answer> {
  const options = { host: "127.0.0.1", port: wish.port, path: wish.path ?? "/", method: wish.method ?? "GET", headers: { ...wish.headers, host: wish.host }, agent: false as const };
  const request = wish.sni === undefined ? http.request(options) : https.request({ ...options, servername: wish.sni, rejectUnauthorized: false, ...(wish.identity === undefined ? {} : { cert: wish.identity.certificate, key: wish.identity.key }) });
  let certificate: string | undefined;
  request.on("socket", (socket) => socket.on("secureConnect", () => (certificate = "getPeerCertificate" in socket ? subjectOf(socket) : undefined)));
  request.on("upgrade", (response, socket) => {
    socket.destroy();
    request.emit("response", response);
  });
  request.end();
  const [response] = (await once(request, "response")) as [http.IncomingMessage];
  const body = response.statusCode === 101 ? "" : await text(response);
  return { status: response.statusCode ?? 0, headers: response.headers, body, echo: echoOf(response, body), certificate };
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

function echoOf(response: http.IncomingMessage, body: string): Echo | undefined {
  return response.headers["content-type"]?.includes("json") && body !== "" ? (JSON.parse(body) as Echo) : undefined;
}
