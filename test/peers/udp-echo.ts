import { createSocket } from "node:dgram";
import { once } from "node:events";
import type { Peer } from "./listen.ts";

/** Starts a server that answers each datagram with its name and what it got. */
export async function startUdpEcho(name: string): Promise<Peer> {
  const socket = createSocket("udp4");
  socket.on("message", (bytes, { port, address }) => socket.send(`${name}: ${bytes.toString()}`, port, address));
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return {
    port: socket.address().port,
    async close() {
      socket.close();
    },
  };
}
