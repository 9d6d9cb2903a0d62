import { setTimeout as delay } from "node:timers/promises";
import type { Bench } from "./cold-start.ts";
import { addressesOf, collections, create, endpointSlice, firstFreeAddress, hasTls, httpProxy, itemName, uniqueAddress } from "./load.ts";
import { cpuMs, startIdleMeter } from "./process-cost.ts";
import { type Session, tlsHostsAreInListeners } from "./session.ts";
import { type Sightings, watchClient, watchObjects } from "./sightings.ts";
import { formatBytes, formatSummary, summarize } from "./stats.ts";
import type { XdsType } from "./xds-client.ts";

/** One kind of change: how to make it, and how to recognise it. */
interface ChangeKind {
  readonly name: string;
  readonly collection: string;
  /** Where the text that tells one change from all others is found in the object. */
  readonly tokenOf: (object: unknown) => string;
  /** Types of resources that must show the token before the change counts as arrived. */
  readonly types: readonly XdsType[];
  readonly pauseMs: number;
  readonly write: (attempt: number) => Promise<void>;
  readonly token: (attempt: number) => string;
}

/** Measures every kind of single change, one after another. Items `n` up to `n + changes` must have backends and no HTTPProxy. */
export async function measureChanges(bench: Bench, session: Session, changes: number): Promise<void> {
  const idleRate = await idleCpuRate(session.controller.process.pid);
  for (const kind of changeKinds(bench, session)) await measureKind(bench, session, { kind, changes, idleRate });
  await removeAdded(bench, changes);
}

const isolatedMs = 1200;
const backToBackMs = 50;

function changeKinds(bench: Bench, session: Session): readonly ChangeKind[] {
  const routes: XdsType = session.mirror.count("srds") > 0 ? "srds" : "rds";
  const added = tlsHostsAreInListeners(session, bench.n) ? [routes, "lds" as const] : [routes];
  return [
    proxyChange(bench, { name: "HTTPProxy changed, isolated", types: [routes], pauseMs: isolatedMs, tls: false }),
    proxyChange(bench, { name: "HTTPProxy changed, back to back", types: [routes], pauseMs: backToBackMs, tls: false }),
    proxyChange(bench, { name: "HTTPProxy with TLS changed, isolated", types: [routes], pauseMs: isolatedMs, tls: true }),
    addedHost(bench, added),
    sliceChange(bench, "EndpointSlice changed, isolated", isolatedMs),
    sliceChange(bench, "EndpointSlice changed, back to back", backToBackMs),
  ];
}

let tokens = 0;

function nextToken(): string {
  tokens += 1;
  return `/zq${String(tokens).padStart(6, "0")}`;
}

interface ProxyChangeWish {
  readonly name: string;
  readonly types: readonly XdsType[];
  readonly pauseMs: number;
  readonly tls: boolean;
}

function proxyChange({ api, n }: Bench, wish: ProxyChangeWish): ChangeKind {
  const indexes = Array.from({ length: n }, (_, index) => index).filter((index) => hasTls(index) === wish.tls);
  const base = Number(nextToken().slice(3)) * 1000;
  const token = (attempt: number): string => `/zq${base + attempt}z`;
  return {
    ...wish, token,
    collection: collections.proxies,
    tokenOf: (object) => (object as ReturnType<typeof httpProxy> & { readonly spec: { readonly routes: readonly { readonly conditions: readonly { readonly prefix: string }[] }[] } }).spec.routes[0]?.conditions[0]?.prefix ?? "",
    write: async (attempt) => {
      const index = indexes[(attempt * 37) % indexes.length] ?? 0;
      await patch(api, `${collections.proxies}/${itemName(index)}`, "/spec/routes/0/conditions/0/prefix", token(attempt));
    },
  };
}

function addedHost({ api, n }: Bench, types: readonly XdsType[]): ChangeKind {
  return {
    name: "HTTPProxy with TLS added, isolated", types, pauseMs: isolatedMs,
    collection: collections.proxies,
    tokenOf: (object) => (object as { readonly metadata: { readonly name: string } }).metadata.name,
    token: (attempt) => itemName(n + attempt),
    write: async (attempt) => await create(api, collections.proxies, httpProxy(n + attempt, { tls: true })),
  };
}

let addresses = firstFreeAddress;

function sliceChange({ api, n }: Bench, name: string, pauseMs: number): ChangeKind {
  const base = addresses;
  addresses += 1000;
  const token = (attempt: number): string => uniqueAddress(base + attempt);
  return {
    name, pauseMs, token,
    types: ["eds"],
    collection: collections.slices,
    tokenOf: firstAddress,
    write: async (attempt) => await patch(api, `${collections.slices}/${itemName((attempt * 37) % n)}`, "/endpoints/0/addresses/0", token(attempt)),
  };
}

/** The first address of an EndpointSlice. */
export function firstAddress(object: unknown): string {
  return (object as { readonly endpoints?: readonly { readonly addresses: readonly string[] }[] }).endpoints?.[0]?.addresses[0] ?? "";
}

/** Replaces one value of one object. */
export async function patch(api: Bench["api"], path: string, pointer: string, value: string): Promise<void> {
  const { status, body } = await api.request("PATCH", path, [{ op: "replace", path: pointer, value }], "application/json-patch+json");
  if (status !== 200) throw new Error(`PATCH ${path}: ${status} ${JSON.stringify(body)}`);
}

interface Measurement {
  readonly kind: ChangeKind;
  readonly changes: number;
  /** Milliseconds of CPU per millisecond that the controller uses when nothing happens. */
  readonly idleRate: number;
}

async function measureKind(bench: Bench, session: Session, { kind, changes, idleRate }: Measurement): Promise<void> {
  const { pid } = session.controller.process;
  const client = watchClient(session.client, kind.types);
  const watch = await watchObjects(bench.api, kind.collection, kind.tokenOf);
  const idle = startIdleMeter();
  const before = { ...session.client.traffic(), cpu: cpuMs(pid), at: performance.now() };
  const samples: Sample[] = [];
  for (let attempt = 0; attempt < changes; attempt++) {
    await delay(kind.pauseMs);
    samples.push(await oneChange(kind, attempt, client, watch));
  }
  await delay(300); // what follows a change (its status) belongs to it
  const elapsed = performance.now() - before.at;
  const after = session.client.traffic();
  client.stop();
  watch.stop();
  bench.report.add({
    scenario: kind.name, n: bench.n,
    figures: {
      "write → client p50/p90/p99 ms": formatSummary(summarize(samples.map(({ total }) => total))),
      "watch → client p50/p90/p99 ms": formatSummary(summarize(samples.map(({ afterWatch }) => afterWatch))),
      "bare watch p50 ms": summarize(samples.map(({ watch: own }) => own)).p50.toFixed(1),
      "bytes/change": formatBytes((after.bytes - before.bytes) / changes),
      "messages/change": ((after.messages - before.messages) / changes).toFixed(1),
      "CPU ms/change": Math.max(0, (cpuMs(pid) - before.cpu - idleRate * elapsed) / changes).toFixed(1),
      "idle %": idle().toFixed(0),
    },
  });
}

interface Sample {
  readonly total: number;
  readonly watch: number;
  readonly afterWatch: number;
}

async function oneChange(kind: ChangeKind, attempt: number, client: Sightings, watch: Sightings): Promise<Sample> {
  const token = kind.token(attempt);
  const seen = Promise.all([client.expect(token), watch.expect(token), kind.write(attempt)]);
  const start = performance.now();
  const [atClient, atWatch] = await seen;
  return { total: atClient - start, watch: atWatch - start, afterWatch: atClient - atWatch };
}

async function idleCpuRate(pid: number): Promise<number> {
  const [cpu, at] = [cpuMs(pid), performance.now()];
  await delay(4000);
  return (cpuMs(pid) - cpu) / (performance.now() - at);
}

// The next scenario finds the size that it expects, with the addresses that the completeness check expects.
async function removeAdded({ api, n }: Bench, changes: number): Promise<void> {
  for (let index = n; index < n + changes; index++) await api.request("DELETE", `${collections.proxies}/${itemName(index)}`);
  await restoreSlices(api, n, changes);
}

async function restoreSlices(api: Bench["api"], n: number, changes: number): Promise<void> {
  const touched = new Set(Array.from({ length: changes }, (_, attempt) => (attempt * 37) % n));
  for (const index of touched) await api.apply([endpointSlice(index, addressesOf(index))]);
}
