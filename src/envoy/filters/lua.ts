import { createHash } from "node:crypto";
import { packAny } from "#envoy/any";
import { inlineString } from "#envoy/data-source";
import { LuaPerRoute } from "#gen/envoy/envoy/extensions/filters/http/lua/v3/lua";
import type { Any } from "#gen/envoy/google/protobuf/any";

/** One Lua machine per worker thread for all that run the same script; with one each, a thousand take 345 MB more. */
export function sharedVmId(name: string, script: string): string {
  return `${name}/${createHash("sha256").update(script).digest("hex").slice(0, 8)}`;
}

/** A script for a host or route. What users wrote is in `data`, never in the script. */
export function luaPerRoute(name: string, script: string, data: Readonly<Record<string, unknown>>): Any {
  return packAny(LuaPerRoute, { override: { $case: "sourceCode", value: inlineString(script) }, filterContext: data, sharedVmId: sharedVmId(name, script) });
}
