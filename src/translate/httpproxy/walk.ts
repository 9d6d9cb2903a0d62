import type { HTTPProxy } from "#gen/k8s/http-proxy";
import { proxyError } from "#conditions/http-proxy";
import type { FieldPath } from "#k8s/object";
import { objectKey, ourProxies } from "#translate/facts";
import { blockKey, matchesEverything, mergeBlocks, parseConditions } from "#translate/httpproxy/match-conditions";
import type { MatchBlock } from "#translate/httpproxy/match-conditions";
import { translateRoute } from "#translate/httpproxy/routes";
import type { ProxyRoute } from "#translate/httpproxy/routes";
import { originOf, proxyKey } from "#translate/httpproxy/visit";
import type { Visit } from "#translate/httpproxy/visit";

type IncludeSpec = NonNullable<HTTPProxy["spec"]["includes"]>[number];

/** The way from the root to an object: its objects, and the conditions that were added on it. */
interface Chain {
  readonly keys: readonly string[];
  readonly blocks: readonly MatchBlock[];
}

/** All routes of an HTTPProxy and of what it includes. Includes come first, so that an own route wins over an equal one. */
export function walkRoutes(visit: Visit, proxy: HTTPProxy, chain: Chain = { keys: [], blocks: [] }): readonly ProxyRoute[] {
  visit.reach(proxy);
  const here: Chain = { keys: [...chain.keys, proxyKey(proxy)], blocks: chain.blocks };
  const included = walkIncludes(visit, proxy, here);
  const own = (proxy.spec.routes ?? []).map((route, i) => translateRoute(visit, proxy, route, ["spec", "routes", i], chain.blocks));
  if (visit.settings.routeErrors === "discard-object" && own.some(({ failed }) => failed)) return [];
  return [...included, ...own.flatMap(({ routes }) => routes)];
}

function walkIncludes(visit: Visit, proxy: HTTPProxy, here: Chain): readonly ProxyRoute[] {
  const seen = new Set<string>();
  return (proxy.spec.includes ?? []).flatMap((include, i) => {
    const at = ["spec", "includes", i];
    const block = visit.take(proxy, parseConditions(include.conditions, [...at, "conditions"], "include"));
    if (block === undefined) return [];
    const key = blockKey(block);
    if (seen.has(key) && !matchesEverything(block)) {
      visit.report(proxy, proxyError("IncludeError", "DuplicateMatchConditions", [...at, "conditions"], "another include above has the same conditions, so this one would never be reached; change or remove one of them"));
      return [];
    }
    seen.add(key);
    return walkInclude(visit, proxy, include, at, { keys: here.keys, blocks: [...here.blocks, block] }, block);
  });
}

function walkInclude(visit: Visit, proxy: HTTPProxy, include: IncludeSpec, at: FieldPath, chain: Chain, block: MatchBlock): readonly ProxyRoute[] {
  const namespace = include.namespace === undefined || include.namespace === "" ? (proxy.metadata.namespace ?? "") : include.namespace;
  const child = visit.read.one(ourProxies, objectKey(namespace, include.name));
  if (child === undefined) {
    visit.report(proxy, proxyError("IncludeError", "IncludeNotFound", at, `there is no HTTPProxy ${JSON.stringify(`${namespace}/${include.name}`)} to include`));
    return badGateway(proxy, at, chain, block);
  }
  if (child.spec.virtualhost !== undefined) {
    visit.report(proxy, proxyError("IncludeError", "RootIncludesRoot", at, `HTTPProxy ${JSON.stringify(`${namespace}/${include.name}`)} has a virtualhost of its own; only an HTTPProxy without one can be included`));
    return badGateway(proxy, at, chain, block);
  }
  if (chain.keys.includes(proxyKey(child))) {
    visit.report(proxy, proxyError("IncludeError", "IncludeCreatesCycle", at, `this include leads back to where it came from: ${[...chain.keys, proxyKey(child)].join(" → ")}`));
    return [];
  }
  return walkRoutes(visit, child, chain);
}

/** What was to be included is not there: requests for it get 502, others go on. Without conditions that would be all requests. */
function badGateway(proxy: HTTPProxy, at: FieldPath, chain: Chain, block: MatchBlock): readonly ProxyRoute[] {
  if (matchesEverything(block)) return [];
  return [{ match: mergeBlocks(chain.blocks), priority: 0, action: { kind: "direct-response", status: 502 }, policies: {}, permitInsecure: false, origin: originOf(proxy, at) }];
}
