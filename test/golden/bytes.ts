import { connect } from "node:net";
import { connect as connectTls } from "node:tls";
import type { Answer } from "../envoy/client.ts";

/** Sends a text over a connection of bytes, with TLS for an SNI, and gives what comes back until it ends with that text. */
export async function sendBytes(port: number, text: string, sni: string | undefined): Promise<Answer> {
  const socket = sni === undefined ? connect(port, "127.0.0.1") : connectTls({ port, host: "127.0.0.1", servername: sni, rejectUnauthorized: false });
  const answer = (status: number, body: string): Answer => ({ status, headers: {}, body, echo: undefined, certificate: undefined });
  return new Promise((resolve) => {
    let body = "";
    socket.setEncoding("utf8");
    socket.on("data", (part: string) => {
      body += part;
      if (!body.endsWith(text)) return;
      socket.destroy();
      resolve(answer(200, body));
    });
    socket.on("error", () => resolve(answer(0, body)));
    socket.on("close", () => resolve(answer(0, body)));
    socket.write(text);
  });
}
