import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { buildScope, buildWildScope, scopeOf } from "#envoy/scope";
import { scopeResourceName } from "#envoy/names";
import type { Route, VirtualHost as EnvoyVirtualHost } from "#gen/envoy/envoy/config/route/v3/route_components";
import { ScopedRouteConfiguration } from "#gen/envoy/envoy/config/route/v3/scoped_route";
import type { RouteAction, RouteMatch, VirtualHost } from "#model/route";
import { defaultEnvoySettings } from "#settings/envoy";

const origin = { kind: "Ingress", namespace: "shop", name: "web" } as const;
const forward: Extract<RouteAction, { kind: "forward" }> = { kind: "forward", targets: [{ cluster: "shop/web/80", weight: 1 }], mirrors: [], hashPolicies: [], websocket: false };

function virtualHost(host: string, more: Partial<VirtualHost> = {}): VirtualHost {
  const match = { path: { kind: "prefix", path: "/", by: "string" }, headers: [], queryParameters: [] } as const;
  return { listener: "ingress_http", host, wildcard: "one-label", requireSni: false, routes: [{ match, priority: 0, action: forward, policies: {}, origin }], origins: [origin], ...more };
}

const exact = (more: Partial<VirtualHost> = {}, namesOrigins = false): ScopedRouteConfiguration => ScopedRouteConfiguration.decode(buildScope(virtualHost("a.example.com", more), { settings: defaultEnvoySettings, namesOrigins }));
const wild = (...hosts: readonly VirtualHost[]): ScopedRouteConfiguration => ScopedRouteConfiguration.decode(buildWildScope("ingress_http", hosts, { settings: defaultEnvoySettings, namesOrigins: false }));
const hostsOf = (scope: ScopedRouteConfiguration): readonly EnvoyVirtualHost[] => scope.routeConfiguration?.virtualHosts ?? [];
const routesOf = (scope: ScopedRouteConfiguration): readonly Route[] => hostsOf(scope)[0]?.routes ?? [];

/** A route in short: its conditions on headers, and what it does. */
function inShort({ match, action }: Route): string {
  const headers = match?.headers.map(({ name, invertMatch }) => `${invertMatch ? "not " : ""}${name}`).join(" and ") ?? "";
  return `${headers || "any"}: ${action?.$case === "directResponse" ? action.value.status : action?.$case}`;
}

describe("the scope of an exact host", () => {
  it("has the name of its resource as its only key", () => {
    assert.deepEqual(exact().key?.fragments, [{ type: { $case: "stringKey", value: "ingress_http|a.example.com" } }]);
    assert.equal(exact().name, scopeResourceName("ingress_http|a.example.com"));
    assert.equal(scopeOf(buildScope(virtualHost("a.example.com"), { settings: defaultEnvoySettings, namesOrigins: false })), "ingress_http|a.example.com");
  });

  it("ends with an answer for paths that nothing matches, where there are such, and keeps the fallback filters away", () => {
    const routeTo = (path: string, headers: RouteMatch["headers"] = []): Partial<VirtualHost> => ({ routes: [{ match: { path: { kind: "prefix", path, by: "string" }, headers, queryParameters: [] }, priority: 0, action: forward, policies: {}, origin }] });
    const onlySome = { name: "x-a", value: { kind: "present" }, invert: false, treatMissingAsEmpty: false } as const;
    assert.deepEqual(routesOf(exact(routeTo("/shop"))).map(inShort), ["upgrade: 403", "any: route", "any: 404"]);
    assert.deepEqual(routesOf(exact(routeTo("/", [onlySome]))).map(inShort), ["upgrade: 403", "x-a: route", "any: 404"]);
    assert.deepEqual(routesOf(exact(routeTo("/"))).map(inShort), ["upgrade: 403", "any: route"]);
    assert.deepEqual(Object.keys(exact().routeConfiguration?.typedPerFilterConfig ?? {}), ["contour.lower-case-host", "contour.wildcard-host"]);
  });

  it("names its object for access logs that want it", () => {
    assert.equal(routesOf(exact())[1]?.metadata, undefined);
    const metadata = routesOf(exact({}, true))[1]?.metadata?.filterMetadata["envoy.access_loggers.file"];
    assert.deepEqual(metadata, { "io.projectcontour.kind": "Ingress", "io.projectcontour.namespace": "shop", "io.projectcontour.name": "web" });
  });

  it("with TLS begins with the refusal of requests for other hosts", () => {
    assert.equal(inShort(routesOf(exact({ requireSni: true }))[0] as Route), "not x-contour-sni: 421");
  });

  it("keeps the order of its routes", () => {
    const paths = ["/b", "/a", "/c"];
    const routes = paths.map((path) => ({ match: { path: { kind: "exact", path }, headers: [], queryParameters: [] }, priority: 0, action: { kind: "direct-response", status: 200 }, policies: {}, origin }) as const);
    assert.deepEqual(routesOf(exact({ routes })).flatMap(({ match }) => (match?.pathSpecifier?.$case === "path" ? [match.pathSpecifier.value] : [])), paths);
  });
});

describe("the scope of wildcard hosts", () => {
  it("has the same bytes whatever the order of the hosts", () => {
    const hosts = [virtualHost("*.b.example"), virtualHost("*"), virtualHost("*.a.example")];
    assert.deepEqual(buildWildScope("ingress_http", hosts, { settings: defaultEnvoySettings, namesOrigins: false }), buildWildScope("ingress_http", hosts.toReversed(), { settings: defaultEnvoySettings, namesOrigins: false }));
    assert.deepEqual(hostsOf(wild(...hosts)).map(({ domains }) => domains[0]), ["*", "*.a.example", "*.b.example"]);
  });

  it("lets requests whose connection failed be tried elsewhere, unless no route leaves that open or nobody wants it", () => {
    const retries = (host: VirtualHost, settings = defaultEnvoySettings): unknown => hostsOf(ScopedRouteConfiguration.decode(buildScope(host, { settings, namesOrigins: false })))[0]?.retryPolicy?.numRetries;
    const byUser = virtualHost("a.example.com").routes.map((route): VirtualHost["routes"][number] => ({ ...route, action: { ...forward, retry: { on: "5xx", count: 1, statusCodes: [] } } }));
    assert.deepEqual([retries(virtualHost("a.example.com")), retries(virtualHost("a.example.com", { routes: byUser })), retries(virtualHost("a.example.com"), { ...defaultEnvoySettings, connectionRetries: 0 })], [2, undefined, undefined]);
  });

  it("asks for one label where a wildcard stands for one", () => {
    const [one] = wild(virtualHost("*.a.example")).routeConfiguration?.virtualHosts ?? [];
    assert.deepEqual(one?.routes.map(inShort), [":authority and upgrade: 403", ":authority: route", "any: 404"]);
    assert.equal(JSON.stringify(one?.routes).includes("(?i)[^.:]+\\\\.a\\\\.example(:[0-9]+)?"), true);
    assert.deepEqual(routesOf(wild(virtualHost("*.a.example", { wildcard: "any-depth" }))).map(inShort), ["upgrade: 403", "any: route"]);
  });

  it("with TLS asks for a connection of that wildcard and a name under it", () => {
    const refusals = routesOf(wild(virtualHost("*.a.example", { requireSni: true }))).slice(0, 2).map(inShort);
    assert.deepEqual(refusals, [":authority and not x-contour-chain: 421", ":authority and not x-contour-sni: 421"]);
  });
});
