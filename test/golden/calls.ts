import { once } from "node:events";
import * as http2 from "node:http2";
import type { IncomingHttpHeaders } from "node:http";
import { fromCanonicalJson, toCanonicalJson } from "#envoy/json";
import type { Answer, Wish } from "../envoy/client.ts";
import type { Echo } from "../envoy/rig.ts";

const text = "google.protobuf.StringValue";

/** Makes a unary gRPC call over a new connection; its trailers are among the headers of the answer. */
export async function call(wish: Wish): Promise<Answer> {
  const session = http2.connect(`${wish.sni === undefined ? "http" : "https"}://127.0.0.1:${wish.port}`, { servername: wish.sni ?? "", rejectUnauthorized: false });
  try {
    // An error of the session is one of its streams, too, and is thrown there.
    session.on("error", () => undefined);
    const stream = session.request({ ...wish.headers, ":method": "POST", ":path": wish.path ?? "/", ":authority": wish.host, "content-type": "application/grpc", te: "trailers" });
    let trailers: http2.IncomingHttpHeaders = {};
    stream.on("trailers", (late) => (trailers = late));
    stream.end(framed(Buffer.from(fromCanonicalJson(text, "hello"))));
    const [headers] = (await once(stream, "response")) as [http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader];
    const parts: Buffer[] = [];
    for await (const part of stream) parts.push(part as Buffer);
    const bytes = Buffer.concat(parts);
    const body = bytes.length > 5 ? String(toCanonicalJson(text, bytes.subarray(5))) : "";
    return { status: headers[":status"] ?? 0, headers: { ...headers, ...trailers } as IncomingHttpHeaders, body, echo: body === "" ? undefined : (JSON.parse(body) as Echo), certificate: undefined };
  } finally {
    session.destroy();
  }
}

/** One message that is not compressed, as gRPC sends it. */
function framed(message: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}
