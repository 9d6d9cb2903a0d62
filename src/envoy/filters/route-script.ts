import type { Filter } from "#envoy/filters/filter";
import { httpFilter } from "#envoy/filters/http-filter";
import { luaPerRoute } from "#envoy/filters/lua";
import { Lua } from "#gen/envoy/envoy/extensions/filters/http/lua/v3/lua";
import type { CookieRewrite } from "#model/policy";

const name = "envoy.filters.http.lua";

// What users write comes in as data, never as a part of this text.
const script = `
local function attribute_name(part)
  return string.lower(string.match(part, "^%s*([^=%s]*)") or "")
end

local function rewrite(value, rule)
  local parts = {}
  for part in string.gmatch(value, "[^;]+") do
    local name = attribute_name(part)
    local replaced = #parts > 0 and ((name == "path" and rule.path) or (name == "domain" and rule.domain)
      or (name == "samesite" and rule.sameSite) or (name == "secure" and rule.secure ~= nil))
    if not replaced then parts[#parts + 1] = part end
  end
  if rule.path then parts[#parts + 1] = " Path=" .. rule.path end
  if rule.domain then parts[#parts + 1] = " Domain=" .. rule.domain end
  if rule.sameSite then parts[#parts + 1] = " SameSite=" .. rule.sameSite end
  if rule.secure then parts[#parts + 1] = " Secure" end
  return table.concat(parts, ";")
end

local function refuse(request)
  request:respond({ [":status"] = "413", ["content-type"] = "text/plain" }, "Payload Too Large")
end

function envoy_on_request(request)
  local limit = request:filterContext():get("maxRequestBytes")
  if not limit then return end
  local headers = request:headers()
  local length = tonumber(headers:get("content-length") or "")
  if length then
    if length > limit then refuse(request) end
    return
  end
  -- Streams of both directions would wait for each other for ever.
  if headers:get("upgrade") or string.sub(headers:get("content-type") or "", 1, 16) == "application/grpc" then return end
  -- Waits for the whole body, in a buffer that the route limits, too.
  local body = request:body()
  if body and body:length() > limit then refuse(request) end
end

function envoy_on_response(response)
  local rules = response:filterContext():get("cookies")
  local headers = response:headers()
  local count = headers:getNumValues("set-cookie")
  if not rules or count == 0 then return end
  local cookies = {}
  for i = 0, count - 1 do
    local value = headers:getAtIndex("set-cookie", i)
    local rule = rules[string.match(value, "^%s*([^=%s]*)%s*=") or ""]
    cookies[#cookies + 1] = rule and rewrite(value, rule) or value
  end
  headers:remove("set-cookie")
  for _, value in ipairs(cookies) do headers:add("set-cookie", value) end
end`;

/**
 * Changes attributes of cookies that backends set, and refuses bodies that are too large. The script comes with the few
 * routes that need it: a listener may have thousands of filter chains, and all of them would carry it.
 */
export const routeScript: Filter = {
  name,
  inListener: () => httpFilter(name, Lua, {}),
  onRoute: ({ cookieRewrites = [], maxRequestBytes = 0 }, { level }) => {
    // A host's limit is told route by route: the settings of a route replace those of its host.
    if (level === "host" || (cookieRewrites.length === 0 && maxRequestBytes === 0)) return undefined;
    const cookies = Object.fromEntries(cookieRewrites.map(({ name: cookie, ...changes }) => [cookie, changes]));
    const filterContext = { ...(cookieRewrites.length === 0 ? {} : { cookies }), ...(maxRequestBytes === 0 ? {} : { maxRequestBytes }) };
    return { [name]: luaPerRoute(name, script, filterContext) };
  },
};

/** The rewrites of one backend together with those of its route; the backend's count where both name a cookie. */
export function mergeCookieRewrites(target: readonly CookieRewrite[] | undefined, route: readonly CookieRewrite[] | undefined): readonly CookieRewrite[] {
  const own = target ?? [];
  return [...own, ...(route ?? []).filter(({ name: cookie }) => !own.some((rewrite) => rewrite.name === cookie))];
}
