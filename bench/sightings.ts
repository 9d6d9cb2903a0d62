import type { ApiServer } from "../test/bed/api-server.ts";
import type { WatchEvent } from "../test/bed/kube-client.ts";
import type { XdsChange, XdsClient, XdsType } from "./xds-client.ts";

/** Tells when something was seen for the first time, on the clock of `performance.now()`. */
export interface Sightings {
  /** Resolves when `token` is seen; rejects after `timeoutMs`. */
  expect(token: string, timeoutMs?: number): Promise<number>;
  stop(): void;
}

interface Waiting {
  readonly token: string;
  readonly types: readonly XdsType[];
  readonly settle: (at: number) => void;
}

/** Sees tokens inside the bodies of xDS resources of the given types: it has been seen once every type has shown it. */
export function watchClient(client: XdsClient, types: readonly XdsType[]): Sightings {
  const waiting = new Map<string, Map<XdsType, Waiting>>();
  const look = (changes: readonly XdsChange[]): void => {
    const at = performance.now();
    for (const { type, body } of changes) {
      if (body === undefined || !types.includes(type)) continue;
      const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
      for (const [token, open] of waiting) if (open.has(type) && text.includes(token)) settle(waiting, token, type, at);
    }
  };
  const stop = client.onChanges(look);
  const expect = (token: string, timeoutMs = 30_000): Promise<number> =>
    withLimit(`${token} at the xDS client`, timeoutMs, (resolve) => {
      waiting.set(token, new Map(types.map((type) => [type, { token, types, settle: resolve }])));
    });
  return { expect, stop };
}

function settle(waiting: Map<string, Map<XdsType, Waiting>>, token: string, type: XdsType, at: number): void {
  const open = waiting.get(token);
  const found = open?.get(type);
  open?.delete(type);
  if (open?.size !== 0) return;
  waiting.delete(token);
  found?.settle(at);
}

/** Sees tokens in a bare watch of a collection: what the API server alone costs. `tokenOf` finds the token in an object. */
export async function watchObjects(api: ApiServer, collection: string, tokenOf: (object: unknown) => string): Promise<Sightings> {
  const { metadata } = await api.get<{ readonly metadata: { readonly resourceVersion: string } }>(`${collection}?limit=1`);
  const end = new AbortController();
  const waiting = new Map<string, (at: number) => void>();
  const onEvent = ({ type, object }: WatchEvent): void => {
    if (type === "ERROR" || type === "BOOKMARK") return;
    const token = tokenOf(object);
    waiting.get(token)?.(performance.now());
    waiting.delete(token);
  };
  void api.watch(`${collection}?watch=1&resourceVersion=${metadata.resourceVersion}`, onEvent, end.signal).catch((error: unknown) => {
    if (!end.signal.aborted) console.error(`bare watch: ${String(error)}`);
  });
  return {
    expect: (token, timeoutMs = 30_000) => withLimit(`${token} at the bare watch`, timeoutMs, (resolve) => void waiting.set(token, resolve)),
    stop: () => end.abort(),
  };
}

function withLimit(what: string, timeoutMs: number, start: (resolve: (at: number) => void) => void): Promise<number> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${what}: not seen within ${timeoutMs} ms`)), timeoutMs);
    start((at) => {
      clearTimeout(timer);
      resolve(at);
    });
  });
}
