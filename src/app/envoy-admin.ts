import { request } from "node:http";
import type { IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";

const answerMs = 5000;

/** Asks Envoy's admin interface, and gives the answer as it begins. Whoever reads it decides what to do with a large one. */
export function openAdmin(socketPath: string, method: "GET" | "POST", path: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, method, path, headers: { host: "admin" }, timeout: answerMs, agent: false }, (answer) => {
      if (answer.statusCode === 200) return resolve(answer);
      text(answer).then((reason) => reject(new Error(`${method} ${path}: ${answer.statusCode} ${reason.trim()}`)), reject);
    });
    outgoing.on("timeout", () => outgoing.destroy(new Error(`${method} ${path}: no answer within ${answerMs / 1000} s`)));
    outgoing.on("error", reject).end();
  });
}

/** The same, with the answer as a text. */
export async function askAdmin(socketPath: string, method: "GET" | "POST", path: string): Promise<string> {
  return text(await openAdmin(socketPath, method, path));
}
