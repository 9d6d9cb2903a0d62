import { packAny } from "#envoy/any";
import { inlineString } from "#envoy/data-source";
import type { Filter } from "#envoy/filters/filter";
import { httpFilter } from "#envoy/filters/http-filter";
import { sharedVmId } from "#envoy/filters/lua";
import { scopeHeader } from "#envoy/scope-key";
import { FilterConfig } from "#gen/envoy/envoy/config/route/v3/route_components";
import { Lua, LuaPerRoute } from "#gen/envoy/envoy/extensions/filters/http/lua/v3/lua";
import type { Any } from "#gen/envoy/google/protobuf/any";

// Every filter chain carries these, so they are short.
const readKey = `function envoy_on_request(r) local h=r:headers() local l,n=string.match(h:get("${scopeHeader}") or "","^([^|]*|)(.*)$")`;
const writeKey = (key: string): string => `h:replace("${scopeHeader}",${key}) r:clearRouteCache() end end`;

// Scope keys are compared as they are, while hosts have no upper and lower case.
const lowerCaseScript = `${readKey} if n and n~=string.lower(n) then ${writeKey("l..string.lower(n)")}`;
const wildcardScript = `${readKey} if l then ${writeKey('l.."*"')}`;

/** Looks again, in lower case, for a host that has no scope as the client wrote it. */
export const lowerCaseHost: Filter = luaFilter("contour.lower-case-host", lowerCaseScript);

/** Looks among the wildcard hosts for a host that has no scope of its own. */
export const wildcardHost: Filter = luaFilter("contour.wildcard-host", wildcardScript);

function luaFilter(name: string, script: string): Filter {
  return { name, inListener: () => httpFilter(name, Lua, { defaultSourceCode: inlineString(script), sharedVmId: sharedVmId(name, script) }) };
}

/**
 * What an exact host's scope says to these filters: its requests are where they belong. The first filter is left out
 * when a request arrives at the scope directly. The second must ask for each request, because a host in capital letters
 * gets to its scope only after the filters of the request were chosen.
 */
export const exactHostConfig: Readonly<Record<string, Any>> = {
  [lowerCaseHost.name]: packAny(FilterConfig, { disabled: true }),
  [wildcardHost.name]: packAny(LuaPerRoute, { override: { $case: "disabled", value: true } }),
};
