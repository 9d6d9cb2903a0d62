import { once } from "node:events";
import { createServer } from "node:net";

/** Below the ports that the kernel gives to outgoing connections: those would be taken between asking and listening. */
const [first, last] = [10_240, 32_000];

/** Where this process begins to look; processes side by side begin at different places. */
let next = first + ((process.pid * 97) % (last - first));

/** Finds loopback TCP ports that nobody listens on, all different. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const ports: number[] = [];
  while (ports.length < count) {
    const port = next;
    next = next + 1 < last ? next + 1 : first;
    if (await isFree(port)) ports.push(port);
  }
  return ports;
}

/** Finds one loopback TCP port that nobody listens on. */
export async function freePort(): Promise<number> {
  const [port] = await freePorts(1);
  return port ?? 0;
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const listening = await new Promise<boolean>((resolve) => {
    server.once("error", () => resolve(false));
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => resolve(true));
  });
  if (!listening) return false;
  const closed = once(server, "close");
  server.close();
  await closed;
  return true;
}
