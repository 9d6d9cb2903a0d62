// backend.ts NAME: what runs in a pod of the lab. HTTP/1.1 on 8080 (echo, /bytes/N, WebSockets), gRPC frames over HTTP/2 on 8081.
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import type { ServerHttp2Stream } from "node:http2";
import type { Duplex } from "node:stream";

const name = process.argv[2] ?? "";

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const hash = createHash("sha256");
  let received = 0;
  for await (const chunk of request) {
    hash.update(chunk as Buffer);
    received += (chunk as Buffer).length;
  }
  const bytes = /\/bytes\/(\d+)$/.exec(request.url ?? "")?.[1];
  if (bytes !== undefined) return void response.end(Buffer.alloc(Number(bytes), "contour "));
  const peer = (request.socket.remoteAddress ?? "").replace("::ffff:", "");
  // Each request is a connection of its own: what a network does to new connections must be seen.
  response.setHeader("connection", "close");
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify({ pod: name, peer, forwardedFor: request.headers["x-forwarded-for"], received, hash: hash.digest("hex") }));
}

/** Accepts a WebSocket and gives back each small frame unmasked (RFC 6455). */
function webSocket(request: IncomingMessage, socket: Duplex): void {
  const accept = createHash("sha1").update(`${request.headers["sec-websocket-key"] ?? ""}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: ${accept}\r\n\r\n`);
  socket.on("error", () => socket.destroy());
  socket.on("data", (frame: Buffer) => {
    const length = (frame[1] ?? 0) & 0x7f;
    const mask = frame.subarray(2, 6);
    socket.write(Buffer.concat([Buffer.from([frame[0] ?? 0x81, length]), frame.subarray(6, 6 + length).map((byte, i) => byte ^ (mask[i % 4] ?? 0))]));
  });
}

const server = createServer((request, response) => void answer(request, response).catch(() => response.destroy()));
server.on("upgrade", webSocket);
server.listen(8080, "::");

const calls = createHttp2Server();
calls.on("stream", (stream: ServerHttp2Stream) => {
  stream.on("error", () => undefined);
  stream.respond({ ":status": 200, "content-type": "application/grpc", "x-pod": name }, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
  stream.pipe(stream);
});
calls.listen(8081, "::");
