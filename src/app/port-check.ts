import { createServer } from "node:net";

/**
 * Throws when somebody listens on a port already. Envoy would share it without a word (SO_REUSEPORT), and half of the
 * connections would go elsewhere.
 */
export async function requireFreePort(address: string, port: number, flag: string): Promise<void> {
  const failure = await new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
    const server = createServer();
    server.once("error", resolve);
    server.listen({ host: address, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
  if (failure === undefined) return;
  if (failure.code === "EADDRINUSE") throw new Error(`${address}:${port} is in use by another program; choose another port with ${flag}`);
  if (failure.code === "EACCES") throw new Error(`this user may not listen on port ${port}; choose one above 1023 with ${flag}`);
  throw failure;
}
