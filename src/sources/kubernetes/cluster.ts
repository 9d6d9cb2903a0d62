import type { Logger } from "pino";
import type { KindName, KindSpec } from "#k8s/kinds";
import type { FieldError, ObjectMeta, ObjectRef } from "#k8s/object";
import type { ObjectSink } from "#store/event";
import type { ApiClient } from "#sources/kubernetes/client";
import { Reflector } from "#sources/kubernetes/reflector";
import type { WatchMetrics } from "#sources/kubernetes/reflector";

/** What watching a cluster needs. */
export interface WatchClusterOptions {
  readonly client: ApiClient;
  readonly kinds: readonly KindSpec[];
  /** The namespaces in which a kind is looked at; undefined for all of them. */
  readonly namespacesOf?: (kind: KindSpec) => readonly string[] | undefined;
  /** The one object of a kind that is looked at; undefined for all of them. */
  readonly nameOf?: (kind: KindSpec) => string | undefined;
  readonly sink: ObjectSink;
  readonly log: Logger;
  readonly signal: AbortSignal;
  readonly sleep: (ms: number) => Promise<void>;
  readonly random: () => number;
  readonly metrics?: WatchMetrics;
  /** Hears which version of a kind is read, where the API server does not have the usual one. */
  readonly onVersion?: (kind: KindName, version: string) => void;
  readonly onInvalid: (ref: ObjectRef, errors: readonly FieldError[], metadata: ObjectMeta) => void;
}

/** Milliseconds between two looks whether a kind that is absent has come. */
const absentMs = 2000;

/** Watches all kinds; a kind whose CRD is absent is off until it appears. `synced` resolves when every kind that is served was listed once. */
export function watchCluster(options: WatchClusterOptions): { readonly synced: Promise<void>; readonly stopped: Promise<void> } {
  const { kinds, namespacesOf } = options;
  const running = kinds.flatMap((kind) => (namespacesOf?.(kind) ?? [undefined]).map((namespace) => watchKind(options, kind, namespace)));
  return { synced: Promise.all(running.map((entry) => entry.listed)).then(() => undefined), stopped: Promise.all(running.map((entry) => entry.stopped)).then(() => undefined) };
}

interface ApiResources {
  readonly resources?: readonly { readonly name: string }[];
}

/** The newest older version of a kind that the API server has. */
export async function servedOlder(client: ApiClient, { group, plural, older = [] }: KindSpec): Promise<string | undefined> {
  for (const version of older) {
    const found = await client.call<ApiResources>({ path: `/apis/${group}/${version}` }).catch(() => undefined);
    if (found?.resources?.some(({ name }) => name === plural) === true) return version;
  }
  return undefined;
}

function watchKind(options: WatchClusterOptions, kind: KindSpec, namespace: string | undefined): { readonly listed: Promise<void>; readonly stopped: Promise<void> } {
  const { promise: listed, resolve } = Promise.withResolvers<void>();
  const name = options.nameOf?.(kind);
  const place = { ...(namespace === undefined ? {} : { namespace }), ...(name === undefined ? {} : { name }) };
  const usual = new Reflector({ ...options, ...place, kind });
  const loop = async (): Promise<void> => {
    let told = false;
    const onListed = (): void => {
      if (told) options.log.info({ kind: kind.kind }, "a kind appeared in the cluster and is watched now");
      told = false;
      resolve();
    };
    while (!options.signal.aborted) {
      // A kind that we may not read must not keep all others from being served.
      const outcome = await usual.run(onListed, resolve);
      if (outcome === "stopped") break;
      const version = await servedOlder(options.client, kind);
      if (version !== undefined) {
        options.log.info({ kind: kind.kind, version }, "a kind is there in an older version only; that is read");
        options.onVersion?.(kind.kind, version);
        if ((await new Reflector({ ...options, ...place, kind: { ...kind, version } }).run(onListed, resolve)) === "stopped") break;
        options.onVersion?.(kind.kind, kind.version);
        continue;
      }
      if (!told) options.log.info({ kind: kind.kind, group: kind.group, version: kind.version }, "a kind is not in the cluster; it is off until its CRD appears");
      told = true;
      resolve();
      await options.sleep(absentMs);
    }
    resolve();
  };
  return { listed, stopped: loop() };
}
