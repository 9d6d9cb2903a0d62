import { createHash, randomBytes } from "node:crypto";
import { request } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import type { Socket } from "node:net";

/** Opens a connection as it goes out from some place of the lab. */
export type Dial = (host: string, port: number) => Socket;

/** Where an Envoy is to be asked. */
export interface Door {
  readonly dial: Dial;
  readonly address: string;
  readonly port: number;
}

/** What came back. */
export interface Answer {
  readonly status: number;
  readonly body: Buffer;
}

/** What a backend of the lab says that it got. */
export interface Echo {
  readonly pod: string;
  readonly peer: string;
  readonly forwardedFor?: string;
  readonly received: number;
  readonly hash: string;
}

/** The host of all routes of the lab. */
export const host = "lab.example.com";

/** One request over a new connection; status 0 where none comes to be or no whole answer comes in time. */
export function ask({ dial, address, port }: Door, path: string, { body, timeoutMs = 8000 }: { readonly body?: Buffer; readonly timeoutMs?: number } = {}): Promise<Answer> {
  return new Promise((resolve) => {
    const failed = (): void => resolve({ status: 0, body: Buffer.alloc(0) });
    const outgoing = request({ host: address, port, path, method: body === undefined ? "GET" : "POST", headers: { host, connection: "close" }, createConnection: () => dial(address, port) }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk)).on("error", failed);
      incoming.on("end", () => resolve({ status: incoming.statusCode ?? 0, body: Buffer.concat(chunks) }));
    });
    outgoing.on("error", failed);
    const limit = setTimeout(() => outgoing.destroy(new Error("no answer in time")), timeoutMs);
    outgoing.on("close", () => clearTimeout(limit)).end(body);
  });
}

/** What the backend behind a path saw; undefined unless it answered 200. */
export async function echo(door: Door, path: string): Promise<Echo | undefined> {
  const { status, body } = await ask(door, path);
  return status === 200 ? (JSON.parse(body.toString()) as Echo) : undefined;
}

/** Sends 5 MB to a backend and has 5 MB sent back; whether both arrived unchanged. */
export async function largeBodies(door: Door, path: string): Promise<{ readonly up: boolean; readonly down: boolean }> {
  const size = 5_000_000;
  const sent = randomBytes(size);
  const up = await ask(door, path, { body: sent, timeoutMs: 20_000 });
  const hash = createHash("sha256").update(sent).digest("hex");
  const down = await ask(door, `${path}/bytes/${size}`, { timeoutMs: 20_000 });
  return { up: up.status === 200 && (JSON.parse(up.body.toString()) as Echo).hash === hash, down: down.body.equals(Buffer.alloc(size, "contour ")) };
}

/** Opens a WebSocket and has some messages come back. */
export function webSocket({ dial, address, port }: Door, path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const headers = { host, connection: "upgrade", upgrade: "websocket", "sec-websocket-version": "13", "sec-websocket-key": randomBytes(16).toString("base64") };
    const outgoing = request({ host: address, port, path, headers, createConnection: () => dial(address, port) });
    const limit = setTimeout(() => outgoing.destroy(new Error("no answer in time")), 8000);
    outgoing.on("error", () => resolve(false)).on("response", () => resolve(false)).on("close", () => clearTimeout(limit));
    outgoing.on("upgrade", (_, socket) => {
      const messages = ["one", "two", "three"];
      let back = "";
      const say = (): void => {
        const text = messages.shift();
        if (text !== undefined) return void socket.write(Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)]));
        socket.destroy();
        clearTimeout(limit);
        resolve(back === "onetwothree");
      };
      socket.on("error", () => resolve(false)).on("data", (frame: Buffer) => ((back += frame.subarray(2).toString()), say()));
      say();
    });
    outgoing.end();
  });
}

/** A gRPC stream in both directions: messages are sent one after the other, each when the one before came back. */
export function grpcStream({ dial, address, port }: Door, path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const session = connectHttp2(`http://${host}`, { createConnection: () => dial(address, port) });
    const end = (good: boolean): void => (clearTimeout(limit), session.destroy(), resolve(good));
    const limit = setTimeout(() => end(false), 8000);
    session.on("error", () => end(false));
    const stream = session.request({ ":method": "POST", ":path": path, "content-type": "application/grpc", te: "trailers" });
    let left = 4;
    const message = (): Buffer => Buffer.from([0, 0, 0, 0, 5, 104, 101, 108, 108, 111]);
    stream.on("error", () => end(false)).on("trailers", (trailers) => end(left === 0 && trailers["grpc-status"] === "0"));
    stream.on("data", (chunk: Buffer) => {
      if (!chunk.equals(message())) return end(false);
      if (--left === 0) stream.end();
      else stream.write(message());
    });
    stream.write(message());
  });
}
