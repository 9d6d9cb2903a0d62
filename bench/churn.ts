import { setTimeout as delay } from "node:timers/promises";
import { addressesOf, collections, endpointSlice, firstFreeAddress, itemName, uniqueAddress } from "./load.ts";
import { patch } from "./one-change.ts";
import { cpuMs, memoryMiB, startIdleMeter } from "./process-cost.ts";
import type { Bench } from "./cold-start.ts";
import type { Session } from "./session.ts";
import { formatSummary, summarize } from "./stats.ts";
import { textsAt } from "./wire.ts";

const perSecond = 50;
const graceMs = 15_000;

interface Update {
  readonly address: string;
  readonly slice: number;
  readonly wroteAt: number;
}

/** 50 EndpointSlice updates a second: how old is what the client holds, and does anything get lost? */
export async function measureChurn(bench: Bench, session: Session, forSeconds: number): Promise<void> {
  const { pid } = session.controller.process;
  const seenAt = recordAddresses(session);
  const idle = startIdleMeter();
  const before = { cpu: cpuMs(pid), at: performance.now() };
  const updates = await writeUpdates(bench, forSeconds);
  const [cpu, elapsed] = [cpuMs(pid) - before.cpu, performance.now() - before.at];
  const end = performance.now() + graceMs;
  while (performance.now() < end && updates.some(({ address }) => !seenAt.times.has(address))) await delay(100);
  seenAt.stop();
  bench.report.add({
    scenario: `${perSecond} EndpointSlice updates/s for ${forSeconds} s`, n: bench.n,
    figures: { ...fates(updates, seenAt.times), "CPU %": ((100 * cpu) / elapsed).toFixed(0), "CPU ms/update": (cpu / updates.length).toFixed(1), "RSS now/peak MiB": rss(pid), "idle %": idle().toFixed(0) },
  });
  for (const index of new Set(updates.map(({ slice }) => slice))) await bench.api.apply([endpointSlice(index, addressesOf(index))]);
}

function rss(pid: number): string {
  const { now, peak } = memoryMiB(pid);
  return `${now.toFixed(0)} / ${peak.toFixed(0)}`;
}

interface Recording {
  readonly times: ReadonlyMap<string, number>;
  stop(): void;
}

function recordAddresses(session: Session): Recording {
  const times = new Map<string, number>();
  const stop = session.client.onChanges((changes) => {
    const at = performance.now();
    for (const { type, body } of changes) {
      if (type !== "eds" || body === undefined) continue;
      for (const address of textsAt(body, [2, 2, 1, 1, 1, 2])) if (!times.has(address)) times.set(address, at);
    }
  });
  return { times, stop };
}

async function writeUpdates({ api, n }: Bench, forSeconds: number): Promise<readonly Update[]> {
  const start = performance.now();
  const updates: Update[] = [];
  const writes: Promise<void>[] = [];
  for (let number = 0; number < perSecond * forSeconds; number++) {
    await delay(Math.max(0, start + (number * 1000) / perSecond - performance.now()));
    const [address, slice] = [uniqueAddress(firstFreeAddress + 100_000 + number), (number * 7) % n];
    updates.push({ address, slice, wroteAt: performance.now() });
    writes.push(patch(api, `${collections.slices}/${itemName(slice)}`, "/endpoints/0/addresses/0", address));
  }
  await Promise.all(writes);
  return updates;
}

// An update that was never seen although a later one of the same slice was is superseded, which is right; else it is lost.
function fates(updates: readonly Update[], seenAt: ReadonlyMap<string, number>): Readonly<Record<string, string>> {
  const stale = updates.flatMap(({ address, wroteAt }) => {
    const at = seenAt.get(address);
    return at === undefined ? [] : [at - wroteAt];
  });
  const unseen = updates.filter(({ address }) => !seenAt.has(address));
  const superseded = unseen.filter(({ slice, wroteAt }) => updates.some((later) => later.slice === slice && later.wroteAt > wroteAt && seenAt.has(later.address)));
  const { max } = summarize(stale);
  return {
    "staleness p50/p90/p99 ms": formatSummary(summarize(stale)),
    "max ms": max.toFixed(1),
    "seen/superseded/lost": `${stale.length}/${superseded.length}/${unseen.length - superseded.length}`,
  };
}
