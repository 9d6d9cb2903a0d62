import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import type { Peer } from "./echo.ts";
import { pemOf } from "./identities.ts";

/** Starts a server that says its name and then gives back every byte, over TLS if wanted. */
export async function startTcpEcho(name: string, secure: boolean): Promise<Peer> {
  const open = new Set<Socket>();
  const talk = (socket: Socket): void => {
    open.add(socket);
    socket.on("error", () => socket.destroy());
    socket.once("close", () => open.delete(socket));
    socket.write(`${name}: `);
    socket.pipe(socket);
  };
  const { certificate, key } = pemOf("backend");
  const server = secure ? createTlsServer({ cert: certificate, key }, talk) : createServer(talk);
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
