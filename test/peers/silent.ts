import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { waitFor } from "../bed/wait.ts";
import type { Peer } from "./listen.ts";

const listenAndTell = "const server = require('node:net').createServer(); server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => console.log(server.address().port));";

/** How many connections Linux queues for a backlog of 1. */
const queued = 2;

/**
 * A port that answers nothing, as where packets are dropped: its process is stopped, and its queue of new connections is full, so that
 * the kernel drops every SYN.
 */
export async function startSilent(): Promise<Peer> {
  const child = spawn(process.execPath, ["-e", listenAndTell], { stdio: ["ignore", "pipe", "inherit"] });
  const [told] = (await once(child.stdout, "data")) as [Buffer];
  const port = Number(told.toString());
  child.kill("SIGSTOP");
  await waitFor(() => /\) T /.test(readFileSync(`/proc/${child.pid}/stat`, "utf8")), { what: "the process is stopped", intervalMs: 5 });
  const sockets = await Promise.all(Array.from({ length: queued }, async (): Promise<Socket> => {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => undefined);
    await once(socket, "connect");
    return socket;
  }));
  return {
    port,
    async close() {
      for (const socket of sockets) socket.destroy();
      const gone = once(child, "exit");
      child.kill("SIGKILL");
      await gone;
    },
  };
}
