import { createSocket } from "node:dgram";
import { once } from "node:events";
import type { Answer } from "../envoy/client.ts";
import { answerOfBytes } from "./bytes.ts";

/** A datagram that nobody answers leaves no other trace: loopback answers within a fraction of this. */
const patienceMs = 250;

/** Sends a datagram from a port of its own, and gives the one that comes back. */
export async function sendDatagram(port: number, text: string): Promise<Answer> {
  const socket = createSocket("udp4");
  try {
    socket.connect(port, "127.0.0.1");
    await once(socket, "connect");
    socket.send(text);
    const [answer] = (await once(socket, "message", { signal: AbortSignal.timeout(patienceMs) })) as [Buffer];
    return answerOfBytes(200, String(answer));
  } catch {
    // Refused, or nobody answers.
    return answerOfBytes(0, "");
  } finally {
    socket.close();
  }
}
