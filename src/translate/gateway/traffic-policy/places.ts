import type { ListenerShape } from "#translate/gateway/listener-shape";
import type { CompiledRoute } from "#translate/gateway/request-route/compiled-route";
import type { PolicyPlace } from "#translate/gateway/traffic-policy/attach";

/** A listener as policies name it: a section of its Gateway. Those of ListenerSets have the policies of the whole Gateway. */
export function listenerPlace(gateway: string, { owner, name }: ListenerShape): PolicyPlace {
  return { target: `Gateway/${gateway}`, ...(owner.kind === "Gateway" ? { section: name } : {}) };
}

/** A rule of a route as policies name it. */
export function rulePlace({ kind, key }: Pick<CompiledRoute, "kind" | "key">, name: string | undefined): PolicyPlace {
  return { target: `${kind}/${key}`, ...(name === undefined ? {} : { section: name }) };
}
