import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";

/** Passes connections on to whoever is behind it, as the address of a Service does. */
export interface Balancer {
  readonly port: number;
  /** Who new connections go to, in turn; who refuses is left out. */
  setTargets(ports: readonly number[]): void;
  /** Breaks every connection that stands. */
  cut(): void;
  /** How many connections stand to each target. */
  counts(): ReadonlyMap<number, number>;
  close(): void;
}

/** Starts a balancer on loopback. */
export async function startBalancer(targets: readonly number[]): Promise<Balancer> {
  let ports = targets;
  let turn = 0;
  const pairs = new Map<Socket, { readonly target: number; readonly inside: Socket }>();
  const forward = (outside: Socket, tries: number): void => {
    const target = ports[turn++ % ports.length];
    if (target === undefined || tries === 0) return void outside.destroy();
    const inside = connect(target, "127.0.0.1");
    const refused = (): void => forward(outside, tries - 1);
    inside.once("error", refused);
    inside.once("connect", () => {
      inside.off("error", refused);
      join(outside, inside, target);
    });
  };
  const join = (outside: Socket, inside: Socket, target: number): void => {
    pairs.set(outside, { target, inside });
    const end = (): void => {
      pairs.delete(outside);
      outside.destroy();
      inside.destroy();
    };
    for (const socket of [outside, inside]) socket.on("error", end).on("close", end);
    outside.pipe(inside).pipe(outside);
  };
  const server = createServer((outside) => {
    outside.on("error", () => outside.destroy());
    forward(outside, ports.length);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const cut = (): void => {
    for (const [outside, { inside }] of pairs) {
      outside.resetAndDestroy();
      inside.resetAndDestroy();
    }
  };
  return {
    port: (server.address() as AddressInfo).port,
    setTargets: (next) => void (ports = next),
    cut,
    counts() {
      const counts = new Map(ports.map((port) => [port, 0]));
      for (const { target } of pairs.values()) counts.set(target, (counts.get(target) ?? 0) + 1);
      return counts;
    },
    close() {
      server.close();
      cut();
    },
  };
}
