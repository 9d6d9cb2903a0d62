import type { Filter } from "#envoy/filters/filter";
import { httpFilter } from "#envoy/filters/http-filter";
import { luaPerRoute } from "#envoy/filters/lua";
import { Lua } from "#gen/envoy/envoy/extensions/filters/http/lua/v3/lua";
import type { ErrorPage } from "#model/policy";

const name = "contour.error-pages";

// What users write comes in as data, never as a part of this text.
const script = `
local function page_for(pages, status)
  for _, page in ipairs(pages) do
    for _, code in ipairs(page.codes) do
      if code == status or code == string.sub(status, 1, 1) .. "xx" then return page end
    end
  end
end

function envoy_on_request(request)
  -- The answer to a HEAD request has no body, whatever its headers say.
  if request:headers():get(":method") == "HEAD" then request:streamInfo():dynamicMetadata():set("contour.error-pages", "head", true) end
end

function envoy_on_response(response)
  local headers = response:headers()
  local page = page_for(response:filterContext():get("pages") or {}, headers:get(":status"))
  if not page then return end
  headers:replace("content-type", page.contentType)
  headers:remove("content-encoding")
  headers:remove("etag")
  if page.status then headers:replace(":status", page.status) end
  local seen = response:streamInfo():dynamicMetadata():get("contour.error-pages")
  if seen and seen["head"] then
    headers:replace("content-length", tostring(#page.body))
  else
    headers:replace("content-length", tostring(response:body(true):setBytes(page.body)))
  end
end`;

/** Puts pages in place of error answers, of backends and of Envoy itself. Envoy's own filter for this is not yet meant for traffic from strangers. */
export const errorPages: Filter = {
  name,
  inListener: () => httpFilter(name, Lua, {}),
  onRoute: ({ errorPages: pages }) => (pages === undefined || pages.length === 0 ? undefined : { [name]: luaPerRoute(name, script, { pages: pages.map(pageData) }) }),
};

function pageData({ answers, body, contentType, status }: ErrorPage) {
  const codes = answers.map(({ from, to }) => (from === to ? String(from) : `${String(from).slice(0, 1)}xx`));
  return { codes, body, contentType, ...(status === undefined ? {} : { status: String(status) }) };
}
