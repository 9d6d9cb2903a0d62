import type { ChainSettings } from "#envoy/filters/filter";
import { guardId } from "#model/listener";
import type { Guard, Listener } from "#model/listener";

/** What stands in front of hosts on a listener, those with `guards` of their own or, when shared, all of its hosts. */
export function chainSettings({ authorization, rateLimitService, sessions }: Listener, guards: readonly Guard[], shared: boolean): ChainSettings {
  return { guards, shared, ...(authorization === undefined ? {} : { authorization }), ...(rateLimitService === undefined ? {} : { rateLimitService }), ...(sessions === true ? { sessions } : {}) };
}

/** The guards, by id, that requests pass on such a chain, in a fixed order. */
export function passedGuards({ guards, shared, authorization }: ChainSettings): readonly string[] {
  const own = new Set(guards.map(guardId));
  const replaced = !shared && guards.some(({ kind }) => kind === "authorization");
  if (authorization !== undefined && !replaced) own.add(guardId({ kind: "authorization", authorization }));
  return [...own].toSorted();
}
