// Run as a child process: starts one HTTP server per name that the parent sends, and answers with what it was asked.
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

interface Start {
  readonly name: string;
}

process.on("message", ({ name }: Start) => {
  const server = createServer((request, response) => void answer(name, request, response));
  server.listen(0, "127.0.0.1", () => process.send?.({ name, port: (server.address() as AddressInfo).port }));
});
// The parent is gone, or wants us to be: there is nothing to save.
process.on("disconnect", () => process.exit(0));

async function answer(name: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  let bytes = 0;
  for await (const chunk of request) bytes += (chunk as Buffer).length;
  const body = { service: name, method: request.method, path: request.url, host: request.headers.host, bodyBytes: bytes, headers: request.headers };
  response.writeHead(200, { "content-type": "application/json", "x-backend": name });
  response.end(`${JSON.stringify(body, undefined, 2)}\n`);
}
