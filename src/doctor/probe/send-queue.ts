import { readFileSync } from "node:fs";
import ipaddr from "ipaddr.js";

/** What the kernel knows about a connection. */
export interface SendQueue {
  /** Bytes that were written and that the peer has not acknowledged. */
  readonly unacknowledged: number;
  /** Times that the oldest of them was sent again. */
  readonly retransmits: number;
  /** The peer takes no more: its program does not read. */
  readonly peerIsFull: boolean;
}

/** A connection by its ends. */
export interface ConnectionEnds {
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
}

/** Milliseconds for which one look at the table of connections serves all probes: on a busy node it is long. */
const freshMs = 200;

const looks = new Map<string, { readonly at: number; readonly text: string }>();

/** Looks into the kernel's table of connections; undefined where the connection is gone, `unknown` where there is no such table. */
export function sendQueue(ends: ConnectionEnds): SendQueue | "unknown" | undefined {
  const table = look(ends.remoteAddress.includes(":") ? "/proc/net/tcp6" : "/proc/net/tcp");
  return table === undefined ? "unknown" : findQueue(table, ends);
}

function look(path: string): string | undefined {
  const now = performance.now();
  const known = looks.get(path);
  if (known !== undefined && now - known.at < freshMs) return known.text;
  try {
    const text = readFileSync(path, "utf8");
    looks.set(path, { at: now, text });
    return text;
  } catch {
    return undefined;
  }
}

/** Finds a connection in such a table (proc_net_tcp.txt of the kernel's documentation). */
export function findQueue(table: string, { localPort, remoteAddress, remotePort }: ConnectionEnds): SendQueue | undefined {
  const remote = `${hexAddress(remoteAddress)}:${hexPort(remotePort)}`;
  const local = `:${hexPort(localPort)} `;
  const line = table.split("\n").find((one) => one.includes(remote) && one.includes(local));
  const [, , , , queues = "", timer = "", retransmits = "0"] = line?.trim().split(/\s+/) ?? [];
  if (line === undefined) return undefined;
  return { unacknowledged: Number.parseInt(queues.split(":")[0] ?? "0", 16), retransmits: Number.parseInt(retransmits, 16), peerIsFull: timer.startsWith("04") };
}

function hexPort(port: number): string {
  return port.toString(16).toUpperCase().padStart(4, "0");
}

/** Words of four bytes, each as a little-endian machine has it. */
function hexAddress(address: string): string {
  const bytes = ipaddr.parse(address).toByteArray();
  const words = Array.from({ length: bytes.length / 4 }, (_, i) => bytes.slice(4 * i, 4 * i + 4).toReversed());
  return words.flat().map((byte) => byte.toString(16).toUpperCase().padStart(2, "0")).join("");
}
