import { once } from "node:events";
import type { AddressInfo, Server, Socket } from "node:net";

/** A server that a test started. */
export interface Peer {
  readonly port: number;
  close(): Promise<void>;
}

/** Lets a server listen on a free port of loopback; closing ends its connections, too. */
export async function listen(server: Server): Promise<Peer> {
  const open = new Set<Socket>();
  server.on("connection", (socket) => (open.add(socket), socket.once("close", () => open.delete(socket))));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      for (const socket of open) socket.destroy();
      server.close();
    },
  };
}
