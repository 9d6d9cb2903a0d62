import { createServer } from "node:net";
import type { Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { pemOf } from "./identities.ts";
import { listen } from "./listen.ts";
import type { Peer } from "./listen.ts";

/** Starts a server that says its name and then gives back every byte, over TLS if wanted. */
export function startTcpEcho(name: string, secure: boolean): Promise<Peer> {
  const talk = (socket: Socket): void => {
    socket.on("error", () => socket.destroy());
    socket.write(`${name}: `);
    socket.pipe(socket);
  };
  const { certificate, key } = pemOf("backend");
  return listen(secure ? createTlsServer({ cert: certificate, key }, talk) : createServer(talk));
}
