import { connect } from "node:net";
import { connect as connectTls, TLSSocket } from "node:tls";
import type { Answer } from "../envoy/client.ts";

/** Sends a text over a connection of bytes, with TLS for an SNI, and gives what comes back until it ends with that text. */
export async function sendBytes(port: number, text: string, sni: string | undefined): Promise<Answer> {
  const socket = sni === undefined ? connect(port, "127.0.0.1") : connectTls({ port, host: "127.0.0.1", servername: sni, rejectUnauthorized: false });
  return new Promise((resolve) => {
    let body = "";
    let certificate: string | undefined;
    socket.setEncoding("utf8");
    socket.on("secureConnect", () => (certificate = subjectOf(socket)));
    socket.on("data", (part: string) => {
      body += part;
      if (!body.endsWith(text)) return;
      socket.destroy();
      resolve(answerOfBytes(200, body, certificate));
    });
    socket.on("error", () => resolve(answerOfBytes(0, body, certificate)));
    socket.on("close", () => resolve(answerOfBytes(0, body, certificate)));
    socket.write(text);
  });
}

function subjectOf(socket: unknown): string | undefined {
  const name = socket instanceof TLSSocket ? socket.getPeerCertificate().subject?.CN : undefined;
  return Array.isArray(name) ? name[0] : name;
}

/** An answer without HTTP; peers that speak no HTTP say who they are before a colon. */
export function answerOfBytes(status: number, body: string, certificate?: string): Answer {
  const backend = /^(\S+): /.exec(body)?.[1];
  return { status, headers: {}, body, echo: backend === undefined ? undefined : { backend, method: "", url: "", headers: {} }, certificate };
}
