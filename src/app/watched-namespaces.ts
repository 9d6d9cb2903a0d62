import type { KindSpec } from "#k8s/kinds";

/** In which namespaces objects are looked at; an empty list is all of them. */
export interface WatchedNamespaces {
  readonly all: readonly string[];
  /** Of Secrets, where the rights on them are narrower than on all else. */
  readonly secrets: readonly string[];
}

/** The namespaces in which a kind is looked at; undefined for all of them. The Service of Envoy has the addresses for statuses, wherever it is, and its EndpointSlices say where Envoys are. */
export function namespacesOf({ kind, namespaced }: KindSpec, { all, secrets }: WatchedNamespaces, envoyNamespace: string): readonly string[] | undefined {
  if (!namespaced) return undefined;
  const wanted = kind === "Secret" && secrets.length > 0 ? secrets : all;
  if (wanted.length === 0) return undefined;
  return [...new Set(kind === "Service" || kind === "EndpointSlice" ? [...wanted, envoyNamespace] : wanted)];
}

/** Whether objects of a kind in some namespace are looked at. */
export function isWatched(kind: KindSpec, watched: WatchedNamespaces | undefined, namespace: string): boolean {
  return watched === undefined || (namespacesOf(kind, watched, "")?.includes(namespace) ?? true);
}

/** What is wrong with a choice of namespaces: what is named elsewhere has to be among them. */
export function namespaceProblem({ all }: WatchedNamespaces, rootNamespaces: readonly string[]): string | undefined {
  const missing = all.length === 0 ? [] : rootNamespaces.filter((name) => !all.includes(name));
  return missing.length === 0 ? undefined : `--watch-namespaces leaves out ${missing.join(", ")}, which --root-namespaces names; add it there`;
}
