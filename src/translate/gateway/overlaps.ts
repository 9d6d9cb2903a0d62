import type { GatewayShape } from "#translate/gateway/gateway-shape";
import { anyHost } from "#translate/gateway/hostnames";
import type { ListenerShape } from "#translate/gateway/listener-shape";

/** How many neighbours are named. */
const named = 10;

/** HTTPS listeners of a Gateway that have hosts of one another's, by key, with the names of some of the others. */
export function findOverlaps({ listeners }: GatewayShape): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  const note = (listener: ListenerShape, other: ListenerShape): void => {
    const names = found.get(listener.key) ?? [];
    found.set(listener.key, names);
    if (names.length < named) names.push(other.name);
  };
  const wide = new Map<string, ListenerShape[]>();
  const https = listeners.filter(({ protocol }) => protocol === "HTTPS");
  for (const listener of https) if (listener.host.startsWith("*")) wide.set(`${listener.port} ${listener.host}`, [...(wide.get(`${listener.port} ${listener.host}`) ?? []), listener]);
  const byHost = Map.groupBy(https, ({ port, host }) => `${port} ${host}`);
  for (const listener of https) {
    for (const other of byHost.get(`${listener.port} ${listener.host}`) ?? []) if (other.key !== listener.key) note(listener, other);
    for (const cover of coversOf(listener.host)) {
      for (const other of wide.get(`${listener.port} ${cover}`) ?? []) {
        note(listener, other);
        note(other, listener);
      }
    }
  }
  return found;
}

/** The wider hosts that a host is one of: `*.example.com`, `*.com` and `*` for shop.example.com. */
function coversOf(host: string): readonly string[] {
  if (host === anyHost) return [];
  const labels = (host.startsWith("*.") ? host.slice(2) : host).split(".");
  return [...labels.slice(1).map((_, i) => `*.${labels.slice(i + 1).join(".")}`), anyHost];
}
