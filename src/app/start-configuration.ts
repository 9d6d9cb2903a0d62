import type { Logger } from "pino";
import { Registry } from "prom-client";
import { followConfiguration } from "#app/configuration-source";
import type { ConfigurationSource } from "#app/configuration-source";
import type { ControllerPlaces } from "#app/controller-places";
import type { Health } from "#app/health";
import { serveHttp } from "#app/http-endpoints";
import { LiveConfiguration } from "#app/live-configuration";
import type { ConfigurationFollower, LiveChoices } from "#app/live-configuration";
import type { WatchedNamespaces } from "#app/watched-namespaces";
import type { FieldPath } from "#k8s/object";
import type { ConfigurationMetric } from "#metrics/configuration";
import type { Choices } from "#settings/configuration";
import type { ApiClient } from "#sources/kubernetes/client";
import type { ObjectEvent } from "#store/event";

/** What the flags say about a configuration, and about the time before there is one. */
export interface GivenConfiguration extends Choices, ControllerPlaces {
  readonly configuration?: ConfigurationSource;
  readonly namespaces?: WatchedNamespaces;
  readonly provision?: object;
  readonly log: Logger;
  readonly clock: () => number;
  readonly signal: AbortSignal;
}

/** What starting with a configuration needs beside that. */
export interface StartConfigurationOptions {
  readonly client: ApiClient;
  readonly state: Health;
  readonly alive: () => Promise<boolean>;
  readonly metric: ConfigurationMetric;
  readonly sleep: (ms: number) => Promise<void>;
}

/** What counts at the start, and a way to hear of what counts later. */
export interface StartedConfiguration {
  readonly first: LiveChoices;
  /** `onEvents` hears of the object like of any other. */
  follow(follower: ConfigurationFollower, onEvents: (events: readonly ObjectEvent[]) => void): void;
}

/** Reads the configuration and goes on following it. Waits for one that does not exist yet: alive, and not ready. Undefined when the signal aborts. */
export async function startConfiguration(given: GivenConfiguration, options: StartConfigurationOptions): Promise<StartedConfiguration | undefined> {
  const { configuration: source, log, clock, signal } = given;
  const base: LiveChoices = { settings: given.settings, envoySettings: given.envoySettings, places: given };
  if (source === undefined) return { first: base, follow() {} };
  const live = new LiveConfiguration({ base, fixed: fixedFields(given), watched: given.namespaces?.all ?? [], log, clock, metric: options.metric });
  const early: ObjectEvent[] = [];
  let onEvents = (events: readonly ObjectEvent[]): void => void early.push(...events);
  followConfiguration(source, { ...options, log, signal, onNews: (news) => live.take(news), onEvents: (events) => onEvents(events) });
  // A file was read already.
  const first = source.kind === "file" ? await live.first : await whileWaiting(live, given, options);
  return first && {
    first,
    follow(follower, hear) {
      onEvents = hear;
      if (early.length > 0) hear(early);
      live.follow(follower);
    },
  };
}

/** Answers for its health meanwhile: the API server may be away, or the object not there yet, and a restart helps in neither case. */
async function whileWaiting(live: LiveConfiguration, given: GivenConfiguration, { state, alive }: StartConfigurationOptions): Promise<LiveChoices | undefined> {
  const { signal, health, log } = given;
  const http = await serveHttp({ http: health, health, debug: health, registry: new Registry(), ready: () => false, state, alive, debugPages: [], log, signal });
  const aborted = new Promise<undefined>((resolve) => (signal.aborted ? resolve(undefined) : signal.addEventListener("abort", () => resolve(undefined), { once: true })));
  try {
    return await Promise.race([live.first, aborted]);
  } finally {
    http.close();
  }
}

/** What the process is started with: its own addresses, and what was made by these settings outside of it. */
function fixedFields({ provision, namespaces }: GivenConfiguration): readonly FieldPath[] {
  return [
    ["spec", "xdsServer"],
    ["spec", "metrics"],
    ["spec", "health"],
    ["spec", "debug"],
    // The pods of provisioned Envoys have probes on these ports.
    ...(provision === undefined ? [] : [["spec", "envoy", "metrics"], ["spec", "envoy", "network", "adminPort"]]),
    ...(namespaces === undefined || namespaces.all.length === 0 ? [] : [["spec", "envoy", "service", "namespace"]]),
  ];
}
