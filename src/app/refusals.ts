import { Isolation } from "#app/isolation";
import type { HiddenForm, IsolationStep } from "#app/isolation";
import { hiddenParts, partsOf, resourceKey, suspects } from "#app/parts";
import { nameInXds } from "#app/xds-feed";
import { extensionError } from "#conditions/extension-service";
import { proxyError } from "#conditions/http-proxy";
import { hostsListenerName, spokenName } from "#envoy/names";
import { parseFieldPath } from "#k8s/object";
import { inFleet, splitFleet } from "#model/fleet";
import type { FleetName } from "#model/fleet";
import type { Origin } from "#model/origin";
import type { Family } from "#store/family";
import type { Fact, Graph } from "#store/graph";
import { clusters, extensionProblems, ingressProblems, listeners, objectKey, proxyReports, tlsHosts, virtualHosts, wildcardHosts } from "#translate/facts";
import { bytesOf } from "#xds/resource";
import type { ResourceStore, StoredResource } from "#xds/store";
import { clusterType, endpointsType, listenerType, scopeType, secretType } from "#xds/types";
import type { TypeUrl } from "#xds/types";

/** What is known about a resource that Envoy refused. */
interface Refusal {
  readonly type: TypeUrl;
  readonly name: string;
  /** While it is being found out which part it is. */
  isolation?: Isolation;
  /** The parts that there were when that began. */
  parts: string;
  hidden: ReadonlyMap<string, HiddenForm>;
  /** Parts that Envoy refuses, with its words. */
  found: Map<string, string>;
  /** Objects that were told. */
  blamed: ReadonlySet<string>;
}

/**
 * What to do when Envoy refuses something: the part that it refuses is found and kept from it, its object is told, and
 * everything else is served. What is all of one piece stays as it was when Envoy took it last.
 */
export class Refusals {
  readonly #graph: Graph;
  readonly #storeOf: (fleet: FleetName) => ResourceStore;
  readonly #refusals = new Map<string, Refusal>();

  constructor(graph: Graph, storeOf: (fleet: FleetName) => ResourceStore) {
    this.#graph = graph;
    this.#storeOf = storeOf;
  }

  /** Envoy refused the newest version of a resource, whose name is qualified by its fleet, or it could not even be encoded. Gives what follows. */
  refused(type: TypeUrl, name: string, message: string): readonly Fact[] {
    const key = refusalKey(type, name);
    const known = this.#refusals.get(key);
    const parts = this.#parts(type, name);
    const refusal: Refusal = known ?? { type, name, parts, hidden: new Map(), found: new Map(), blamed: new Set() };
    this.#refusals.set(key, refusal);
    if (refusal.isolation !== undefined) return this.#take(refusal, refusal.isolation.next(false, message), message);
    const chosen = this.#suspects(refusal);
    if (chosen.length === 0) return this.#blame(refusal, new Map(), message);
    refusal.parts = parts;
    refusal.isolation = new Isolation(chosen, message);
    return this.#take(refusal, refusal.isolation.begin(), message);
  }

  /** Whether anything of a resource was refused that is called `nameInXds`, and that is not settled. */
  knows(type: TypeUrl, nameInXds: string): boolean {
    return this.#refusals.has(resourceKey(type, nameInXds));
  }

  /** Envoy took a version of a resource, which is called `nameInXds` there. */
  taken(type: TypeUrl, nameInXds: string, version: string): readonly Fact[] {
    const refusal = this.#refusals.get(resourceKey(type, nameInXds));
    if (refusal === undefined) return [];
    const { name } = refusal;
    if ((this.#newest(type, name) ?? this.#served(type, name))?.version !== version) return [];
    if (refusal.isolation !== undefined) return this.#take(refusal, refusal.isolation.next(true), "");
    return refusal.found.size === 0 ? this.#forget(refusal) : [];
  }

  /** The parts of these resources have changed: what was refused may be mended, or gone. */
  follow(resources: readonly string[]): readonly Fact[] {
    if (this.#refusals.size === 0) return [];
    const byOwnName = new Map([...this.#refusals.values()].map((refusal) => [resourceKey(refusal.type, refusal.name), refusal]));
    return resources.flatMap((key) => {
      const refusal = byOwnName.get(key);
      if (refusal === undefined) return [];
      const { type, name } = refusal;
      const parts = this.#parts(type, name);
      if (parts === refusal.parts) return [];
      // What is being tried is no longer what there is: Envoy is asked anew.
      if (refusal.isolation !== undefined || refusal.found.size === 0) return parts === "" || refusal.isolation !== undefined ? this.#forget(refusal) : [];
      refusal.parts = parts;
      const there = new Set(partsOf(this.#graph, type, name).map(({ key }) => key));
      for (const part of refusal.found.keys()) if (!there.has(part)) refusal.found.delete(part);
      if (refusal.found.size === 0) return this.#forget(refusal);
      return [...this.#hide(refusal, new Map([...refusal.hidden].filter(([part]) => there.has(part)))), ...this.#blame(refusal, refusal.found, "")];
    });
  }

  #newest(type: TypeUrl, qualified: string): StoredResource | undefined {
    const { fleet, name } = splitFleet(qualified);
    return this.#storeOf(fleet).newest(type, nameInXds(type, name));
  }

  #served(type: TypeUrl, qualified: string): StoredResource | undefined {
    const { fleet, name } = splitFleet(qualified);
    return this.#storeOf(fleet).get(type, nameInXds(type, name));
  }

  #parts(type: TypeUrl, name: string): string {
    return partsOf(this.#graph, type, name).map(({ key }) => key).join("\n");
  }

  #suspects({ type, name, hidden }: Refusal): readonly string[] {
    const [newest, served] = [this.#newest(type, name), this.#served(type, name)];
    const good = served === undefined || served.version === newest?.version ? undefined : bytesOf(served);
    const all = suspects(this.#graph, type, name, hidden, newest === undefined ? undefined : bytesOf(newest), good);
    return all.filter((part) => !hidden.has(part));
  }

  #take(refusal: Refusal, step: IsolationStep, message: string): readonly Fact[] {
    if (step.hopeless === true) {
      delete refusal.isolation;
      return [...this.#hide(refusal, new Map()), ...this.#blame(refusal, new Map(), message)];
    }
    const kept = [...refusal.hidden].filter(([part]) => refusal.found.has(part));
    const hidden = this.#hide(refusal, new Map([...kept, ...step.hidden]));
    if (step.refused === undefined) return hidden;
    delete refusal.isolation;
    refusal.found = new Map([...refusal.found, ...step.refused]);
    return [...hidden, ...this.#blame(refusal, refusal.found, "")];
  }

  #forget(refusal: Refusal): readonly Fact[] {
    this.#refusals.delete(refusalKey(refusal.type, refusal.name));
    return [...this.#hide(refusal, new Map()), ...this.#tell(refusal, [])];
  }

  #hide(refusal: Refusal, hidden: ReadonlyMap<string, HiddenForm>): readonly Fact[] {
    refusal.hidden = hidden;
    return [{ family: hiddenParts as Family<unknown>, bucket: resourceKey(refusal.type, refusal.name), publisher: "refusals", items: hidden.size === 0 ? [] : [hidden] }];
  }

  /** Tells the objects of the parts that were found or, where none can be, all that the resource was made from. */
  #blame(refusal: Refusal, found: ReadonlyMap<string, string>, message: string): readonly Fact[] {
    const { type, name } = refusal;
    if (found.size === 0) return this.#tell(refusal, originsOf(this.#graph, type, name).map((origin) => ({ origin, text: `Envoy refuses what this becomes, so the last good version is served: ${message}` })));
    const parts = partsOf(this.#graph, type, name);
    return this.#tell(refusal, parts.flatMap(({ key, origins }) => (found.has(key) ? origins.map((origin) => ({ origin, text: `Envoy refuses what this becomes, so requests for it fail: ${found.get(key) ?? ""}` })) : [])));
  }

  #tell(refusal: Refusal, told: readonly { readonly origin: Origin; readonly text: string }[]): readonly Fact[] {
    const publisher = `envoy ${resourceKey(refusal.type, refusal.name)}`;
    const byObject = Map.groupBy(told.filter(({ origin }) => origin.kind in tellers), ({ origin }) => `${origin.kind} ${objectKey(origin.namespace, origin.name)}`);
    const objects = new Set([...refusal.blamed, ...byObject.keys()]);
    refusal.blamed = new Set(byObject.keys());
    return [...objects].flatMap((object) => {
      const [kind = "", bucket = ""] = object.split(" ");
      const teller = tellers[kind as keyof typeof tellers];
      return [{ family: teller.family as Family<unknown>, bucket, publisher, items: teller.items(byObject.get(object) ?? []) }];
    });
  }
}

/** Refusals are found by what Envoys say, and each Envoy acknowledges each resource. */
function refusalKey(type: TypeUrl, qualified: string): string {
  const { fleet, name } = splitFleet(qualified);
  return resourceKey(type, inFleet(fleet, nameInXds(type, name)));
}

interface Told {
  readonly origin: Origin;
  readonly text: string;
}

/** How each kind of object is told. */
const tellers = {
  HTTPProxy: { family: proxyReports, items: (told: readonly Told[]) => (told.length === 0 ? [] : [{ reached: false, problems: told.map(({ origin, text }) => proxyError("EnvoyError", "RejectedByEnvoy", parseFieldPath(origin.field ?? "spec"), text)) }]) },
  ExtensionService: { family: extensionProblems, items: (told: readonly Told[]) => told.map(({ origin, text }) => extensionError("EnvoyError", "RejectedByEnvoy", parseFieldPath(origin.field ?? "spec"), text)) },
  Ingress: { family: ingressProblems, items: (told: readonly Told[]) => told.map(({ origin, text }) => ({ field: origin.field ?? "spec", message: text })) },
} as const;

/** The objects and fields that a resource was made from. */
export function originsOf(graph: Graph, type: TypeUrl, name: string): readonly Origin[] {
  switch (type) {
    case clusterType:
      return graph.items(clusters, name).map(({ origin }) => origin);
    case endpointsType:
      return [...graph.buckets(clusters)].flatMap(([, items]) => items.flatMap(({ source, origin }) => (source.kind === "endpoints" && source.endpoints === splitFleet(name).name ? [origin] : [])));
    case secretType:
      // A certificate on demand has the name of its host.
      if (!splitFleet(name).name.includes("/")) return [...graph.buckets(tlsHosts)].flatMap(([key, hosts]) => (key.endsWith(`|${splitFleet(name).name.toLowerCase()}`) ? hosts.map((host) => host.origin) : []));
      return [...graph.buckets(tlsHosts)].flatMap(([, hosts]) => hosts.flatMap((host) => ("tls" in host && host.tls.certificate === (spokenName(splitFleet(name).name) ?? splitFleet(name).name) ? [host.origin] : [])));
    case scopeType:
      return [...graph.items(virtualHosts, name), ...graph.items(wildcardHosts, name.replace(/\|\*$/, ""))].flatMap((host) => host.origins);
    case listenerType:
      return graph.items(listeners, hostsListenerName(name)).length === 0 ? [] : partsOf(graph, type, name).flatMap(({ origins }) => origins);
    default:
      return [];
  }
}
