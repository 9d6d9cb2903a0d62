import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { plainChain } from "#envoy/filters/filter";
import { httpFilters, perFilterConfig } from "#envoy/filters/order";
import { LuaPerRoute } from "#gen/envoy/envoy/extensions/filters/http/lua/v3/lua";
import { defaultEnvoySettings } from "#settings/envoy";

const provider = { id: "idp", name: "idp", default: true, issuer: "i", audiences: [], forward: false, keys: { kind: "local", jwks: "{}" } } as const;

const place = { level: "route", host: "h" } as const;

describe("HTTP filters", () => {
  it("stand in their order, the router last", () => {
    const names = httpFilters({ guards: [{ kind: "jwt", provider }], shared: false }, defaultEnvoySettings).map(({ name }) => name.replace("envoy.filters.http.", ""));
    assert.deepEqual(names, ["contour.lower-case-host", "contour.wildcard-host", "compressor", "contour.error-pages", "grpc_web", "grpc_stats", "cors", "local_ratelimit", "rbac", "jwt_authn", "lua", "router"]);
  });

  it("stand only where they are needed", () => {
    const names = httpFilters(plainChain, { ...defaultEnvoySettings, compression: "off" }).map(({ name }) => name);
    assert.equal(names.includes("envoy.filters.http.jwt_authn") || names.includes("envoy.filters.http.compressor"), false);
  });

  it("hear nothing from a route without policies", () => assert.deepEqual(perFilterConfig({}, place), {}));

  it("what users write about cookies is data and never script", () => {
    const scriptFor = (path: string): string => {
      const config = perFilterConfig({ cookieRewrites: [{ name: "id", path }] }, place)["envoy.filters.http.lua"];
      const { override, filterContext } = LuaPerRoute.decode(config?.value ?? new Uint8Array());
      assert.deepEqual(filterContext, { cookies: { id: { path } } });
      return override?.$case === "sourceCode" && override.value.specifier?.$case === "inlineString" ? override.value.specifier.value : "";
    };
    assert.notEqual(scriptFor("/a"), "");
    assert.equal(scriptFor('/a"; os.exit() --'), scriptFor("/a"));
  });
});
