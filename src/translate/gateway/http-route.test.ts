import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ForwardAction, Route } from "#model/route";
import { clusters } from "#translate/facts";
import { World, basics, gateway, namespace, plain, referenceGrant, route, service } from "#translate/gateway/test-world";
import type { Draft } from "#translate/gateway/test-world";

const accepted = "Accepted=True:Accepted";
const resolved = "ResolvedRefs=True:ResolvedRefs";
const toA = [{ name: "a", port: 80 }];

/** A world with one listener and one route of these rules, for host shop.example. */
function ruled(...rules: readonly Draft[]): World {
  return new World([...basics(), gateway([plain]), route("shop/web", { hostnames: ["shop.example"], rules })]);
}

function routesOf(world: World): readonly Route[] {
  return world.virtualHost("http-80", "shop.example")?.routes ?? [];
}

function forward(world: World): ForwardAction {
  const action = routesOf(world)[0]?.action;
  assert.equal(action?.kind, "forward");
  return action as ForwardAction;
}

describe("attachment of an HTTPRoute", () => {
  it("serves its hostnames on the listeners of its Gateway", () => {
    const world = ruled({ backendRefs: toA });
    assert.deepEqual(world.parent("shop/web"), [accepted, resolved]);
    assert.equal(forward(world).targets.length, 1);
    assert.equal(world.listener("http").attached, 1);
    assert.equal([...world.graph.buckets(clusters)].length, 1);
  });
  const refusals: readonly (readonly [string, Draft, Draft, string])[] = [
    ["a sectionName that no listener has", plain, { parentRefs: [{ namespace: "infra", name: "gw", sectionName: "other" }] }, "NoMatchingParent"],
    ["a port that no listener has", plain, { parentRefs: [{ namespace: "infra", name: "gw", port: 81 }] }, "NoMatchingParent"],
    ["a sectionName and a port of different listeners", plain, { parentRefs: [{ namespace: "infra", name: "gw", sectionName: "http", port: 81 }] }, "NoMatchingParent"],
    ["another namespace than the listener allows", { ...plain, allowedRoutes: { namespaces: { from: "Same" } } }, {}, "NotAllowedByListeners"],
    ["namespaces of None", { ...plain, allowedRoutes: { namespaces: { from: "None" } } }, {}, "NotAllowedByListeners"],
    ["a namespace without the wanted label", { ...plain, allowedRoutes: { namespaces: { from: "Selector", selector: { matchLabels: { team: "x" } } } } }, {}, "NotAllowedByListeners"],
    ["a listener for other kinds", { ...plain, allowedRoutes: { namespaces: { from: "All" }, kinds: [{ kind: "GRPCRoute" }] } }, {}, "NotAllowedByListeners"],
    ["hosts that the listener does not have", { ...plain, hostname: "*.example.org" }, { hostnames: ["shop.example", "example.org"] }, "NoMatchingListenerHostname"],
    ["an address as host", plain, { hostnames: ["192.0.2.7"] }, "UnsupportedValue"],
    ["a wildcard inside a host", plain, { hostnames: ["a.*.example"] }, "UnsupportedValue"],
    ["a wildcard in part of a label", plain, { hostnames: ["*a.example"] }, "UnsupportedValue"],
    ["a filter that is not known", plain, { rules: [{ filters: [{ type: "Dance" }] }] }, "UnsupportedValue"],
    ["a redirect and a rewrite in one rule", plain, { rules: [{ filters: [{ type: "RequestRedirect", requestRedirect: {} }, { type: "URLRewrite", urlRewrite: {} }] }] }, "IncompatibleFilters"],
  ];
  for (const [name, listener, spec, reason] of refusals) {
    it(`is refused with ${reason} for ${name}`, () => {
      const world = new World([...basics(), gateway([listener]), route("shop/web", { rules: [{ backendRefs: toA }], ...spec })]);
      assert.deepEqual(world.parent("shop/web"), [`Accepted=False:${reason}`, resolved]);
      assert.equal(world.listener("http").attached, 0);
    });
  }
  it("says nothing about Gateways of others and kinds that are none", () => {
    const world = new World([...basics(), gateway([plain], { spec: { gatewayClassName: "other" } }), route("shop/web", { rules: [{ backendRefs: toA }] })]);
    assert.throws(() => world.status("HTTPRoute", "shop/web"));
    assert.throws(() => world.status("Gateway", "infra/gw"));
  });
  it("follows the labels of its namespace", () => {
    const selector = { matchExpressions: [{ key: "team", operator: "In", values: ["x", "y"] }] };
    const world = new World([...basics(), gateway([{ ...plain, allowedRoutes: { namespaces: { from: "Selector", selector } } }]), route("shop/web", { rules: [{ backendRefs: toA }] }), namespace("shop", { team: "y" })]);
    assert.equal(world.listener("http").attached, 1);
    world.put(namespace("shop", { team: "z" }));
    assert.deepEqual(world.parent("shop/web")[0], "Accepted=False:NotAllowedByListeners");
  });
  it("serves what its hosts and the listener's have in common", () => {
    const cases: readonly (readonly [string, readonly string[], readonly string[]])[] = [
      ["*.example.org", ["a.example.org", "a.b.example.org", "example.org"], ["a.example.org", "a.b.example.org"]],
      ["a.example.org", ["*.example.org"], ["a.example.org"]],
      ["*.example.org", ["*.b.example.org"], ["*.b.example.org"]],
      ["*.b.example.org", ["*.example.org"], ["*.b.example.org"]],
      ["a.example.org", [], ["a.example.org"]],
    ];
    for (const [hostname, hostnames, expected] of cases) {
      const world = new World([...basics(), gateway([{ ...plain, hostname }]), route("shop/web", { hostnames, rules: [{ backendRefs: toA }] })]);
      for (const host of expected) assert.equal(world.virtualHost("http-80", host)?.routes.length, 1, `${hostname} ${hostnames} ${host}`);
      assert.equal(world.virtualHost("http-80", "example.org"), undefined);
    }
  });
  it("never gets requests for a host of a more specific listener", () => {
    const world = new World([
      ...basics(),
      gateway([plain, { ...plain, name: "wild", hostname: "*.example.org" }, { ...plain, name: "exact", hostname: "a.example.org" }]),
      route("shop/any", { parentRefs: [{ namespace: "infra", name: "gw", sectionName: "http" }], hostnames: ["a.example.org", "b.example.org", "other.example"], rules: [{ backendRefs: toA }] }),
      route("shop/wild", { parentRefs: [{ namespace: "infra", name: "gw", sectionName: "wild" }], rules: [{ backendRefs: [{ name: "b", port: 80 }] }] }),
    ]);
    assert.deepEqual(world.virtualHost("http-80", "a.example.org")?.routes, []);
    assert.equal(world.virtualHost("http-80", "b.example.org"), undefined);
    assert.equal(world.virtualHost("http-80", "other.example")?.routes.length, 1);
    assert.equal(world.virtualHost("http-80", "*.example.org")?.routes.length, 1);
    assert.equal(world.virtualHost("http-80", "*.example.org")?.wildcard, "any-depth");
    assert.equal(world.listener("http").attached, 1);
  });
});

describe("rules of an HTTPRoute", () => {
  it("are tried in the order of the specification, whatever route they are of", () => {
    const at = (value: string, type = "PathPrefix", more: Draft = {}): Draft => ({ matches: [{ path: { type, value }, ...more }], backendRefs: toA });
    const world = new World([
      ...basics(),
      gateway([plain]),
      route("shop/young", { hostnames: ["shop.example"], rules: [at("/"), at("/long"), at("/x", "Exact")] }, "2026-02-02T00:00:00Z"),
      route("shop/old", { hostnames: ["shop.example"], rules: [at("/"), at("/", "PathPrefix", { queryParams: [{ name: "q", value: "1" }] }), at("/", "PathPrefix", { headers: [{ name: "H", value: "1" }] }), at("/", "PathPrefix", { method: "GET" })] }, "2026-01-01T00:00:00Z"),
    ]);
    const shown = routesOf(world).map(({ match, origin }) => `${match.path.kind} ${match.path.kind === "regex" ? "" : match.path.path} ${match.method ?? ""}${match.headers.map(({ name }) => name)}${match.queryParameters.map(({ name }) => name)} ${origin.name}`);
    assert.deepEqual(shown, ["exact /x  young", "prefix /long  young", "prefix / GET old", "prefix / h old", "prefix / q old", "prefix /  old"]);
  });
  it("match headers without regard to case, and only the first test of a name", () => {
    const world = ruled({ matches: [{ headers: [{ name: "X-A", value: "1" }, { name: "x-a", value: "2" }, { name: "b", value: "[0-9]+", type: "RegularExpression" }] }], backendRefs: toA });
    const names = routesOf(world)[0]?.match.headers.map(({ name, value }) => [name, value.kind === "present" ? "" : value.kind === "regex" ? value.pattern : value.value]);
    assert.deepEqual(names, [["x-a", "1"], ["b", "[0-9]+"]]);
  });
  const broken: readonly (readonly [string, Draft])[] = [
    ["a path without slash", { matches: [{ path: { type: "Exact", value: "x" } }] }],
    ["a path with two slashes in a row", { matches: [{ path: { value: "/a//b" } }] }],
    ["a path type that is not known", { matches: [{ path: { type: "Glob", value: "/" } }] }],
    ["a path that is no regular expression", { matches: [{ path: { type: "RegularExpression", value: "/(" } }] }],
    ["a header that is no regular expression", { matches: [{ headers: [{ type: "RegularExpression", name: "a", value: "(" }] }] }],
    ["a query type that is not known", { matches: [{ queryParams: [{ type: "Glob", name: "a", value: "b" }] }] }],
    ["a timeout that is no duration", { timeouts: { request: "soon" } }],
    ["a backend timeout longer than the request's", { timeouts: { request: "1s", backendRequest: "2s" } }],
    ["a path modifier that is not known", { filters: [{ type: "URLRewrite", urlRewrite: { path: { type: "Twist" } } }] }],
    ["a prefix rewrite of an exact path", { matches: [{ path: { type: "Exact", value: "/a" } }], filters: [{ type: "URLRewrite", urlRewrite: { path: { type: "ReplacePrefixMatch", replacePrefixMatch: "/" } } }] }],
    ["a replacement without slash", { filters: [{ type: "URLRewrite", urlRewrite: { path: { type: "ReplaceFullPath", replaceFullPath: "x" } } }] }],
    ["a replacement with a line break", { filters: [{ type: "RequestRedirect", requestRedirect: { path: { type: "ReplacePrefixMatch", replacePrefixMatch: "/x\n" } } }] }],
    ["a Host with a line break", { filters: [{ type: "RequestHeaderModifier", requestHeaderModifier: { set: [{ name: "Host", value: "a\nb" }] } }] }],
    ["a mirror at one backend", { backendRefs: [{ name: "a", port: 80, filters: [{ type: "RequestMirror" }] }] }],
    ["a header name with a space", { filters: [{ type: "RequestHeaderModifier", requestHeaderModifier: { add: [{ name: "a b", value: "" }] } }] }],
    ["a redirect code that is not known", { filters: [{ type: "RequestRedirect", requestRedirect: { statusCode: 305 } }] }],
  ];
  for (const [name, rule] of broken) {
    it(`with ${name} are told in the status; the others go on`, () => {
      const bad = { backendRefs: toA, ...rule };
      assert.deepEqual(ruled(bad).parent("shop/web"), ["Accepted=False:UnsupportedValue", resolved]);
      const mixed = ruled(bad, { matches: [{ path: { value: "/fine" } }], backendRefs: toA });
      assert.deepEqual(mixed.parent("shop/web"), [accepted, resolved, "PartiallyInvalid=True:UnsupportedValue"]);
      const fine = routesOf(mixed).filter(({ action }) => action.kind === "forward");
      assert.equal(fine.length, 1);
    });
  }
  it("never skip a filter that they cannot follow", () => {
    const world = ruled({ matches: [{ path: { value: "/secret" } }], filters: [{ type: "ExtensionRef" }], backendRefs: toA }, { backendRefs: toA });
    assert.deepEqual(routesOf(world).map(({ action }) => (action.kind === "direct-response" ? action.status : action.kind)), [500, "forward"]);
  });
});

describe("backends of an HTTPRoute", () => {
  const failures: readonly (readonly [string, Draft, string])[] = [
    ["a Service that does not exist", { name: "none", port: 80 }, "BackendNotFound"],
    ["a port that does not exist", { name: "a", port: 81 }, "BackendNotFound"],
    ["a missing port", { name: "a" }, "BackendNotFound"],
    ["another kind", { name: "a", port: 80, kind: "Pod" }, "InvalidKind"],
    ["another group", { name: "a", port: 80, group: "example.org" }, "InvalidKind"],
    ["another namespace without a grant", { name: "a", port: 80, namespace: "other" }, "RefNotPermitted"],
  ];
  for (const [name, backend, reason] of failures) {
    it(`answer 500 for ${name} (${reason})`, () => {
      const world = ruled({ backendRefs: [backend] });
      assert.deepEqual(world.parent("shop/web"), [accepted, `ResolvedRefs=False:${reason}`]);
      assert.deepEqual(routesOf(world)[0]?.action, { kind: "direct-response", status: 500 });
    });
  }
  it("are told with their field, each once", () => {
    const world = ruled({ backendRefs: toA }, { matches: [{ path: { value: "/a" } }, { path: { value: "/b" } }], backendRefs: [{ name: "none", port: 80 }] });
    const [parent] = world.status("HTTPRoute", "shop/web")["parents"] as readonly { conditions: readonly { type: string; message: string }[] }[];
    assert.equal(parent?.conditions.find(({ type }) => type === "ResolvedRefs")?.message, 'spec.rules[1].backendRefs[0]: there is no Service "none" in namespace "shop"');
  });
  it("answer 500 for the share of those that cannot be resolved", () => {
    const world = ruled({ backendRefs: [{ name: "a", port: 80, weight: 3 }, { name: "none", port: 80, weight: 2 }, { name: "b", port: 80, weight: 0 }] });
    assert.deepEqual(forward(world).targets.map(({ weight }) => weight), [3, 2]);
    assert.equal(forward(world).targets[1]?.cluster, "contour/unresolved-backend");
  });
  it("may be none, or all of weight 0: that answers 500 and is no mistake", () => {
    for (const backendRefs of [undefined, [], [{ name: "a", port: 80, weight: 0 }]]) {
      const world = ruled(backendRefs === undefined ? {} : { backendRefs });
      assert.deepEqual(world.parent("shop/web"), [accepted, resolved]);
      assert.deepEqual(routesOf(world)[0]?.action, { kind: "direct-response", status: 500 });
    }
  });
  it("may be in another namespace while a ReferenceGrant says so", () => {
    const from = { group: "gateway.networking.k8s.io", kind: "HTTPRoute", namespace: "shop" };
    const world = ruled({ backendRefs: [{ name: "far", namespace: "other", port: 80 }] });
    world.put(service("other/far"), referenceGrant("other", from, { group: "", kind: "Service", name: "near" }));
    assert.deepEqual(world.parent("shop/web"), [accepted, "ResolvedRefs=False:RefNotPermitted"]);
    world.put(referenceGrant("other", from, { group: "", kind: "Service" }));
    assert.deepEqual(world.parent("shop/web"), [accepted, resolved]);
    assert.equal(forward(world).targets.length, 1);
    world.remove(referenceGrant("other", from, {}));
    assert.deepEqual(world.parent("shop/web"), [accepted, "ResolvedRefs=False:RefNotPermitted"]);
  });
  it("speak the protocol of their Service, or are refused", () => {
    const world = ruled({ backendRefs: toA });
    world.put(service("shop/a", { appProtocol: "kubernetes.io/h2c" }));
    assert.equal([...world.graph.buckets(clusters)][0]?.[1][0]?.protocol, "h2c");
    world.put(service("shop/a", { appProtocol: "kubernetes.io/wss" }));
    assert.deepEqual(world.parent("shop/web"), [accepted, "ResolvedRefs=False:UnsupportedProtocol"]);
  });
});

describe("filters of an HTTPRoute", () => {
  it("change headers; setting Host rewrites the host", () => {
    const filters = [{ type: "RequestHeaderModifier", requestHeaderModifier: { set: [{ name: "Host", value: "inside" }, { name: "a", value: "50%" }], add: [{ name: "b", value: "1" }], remove: ["c"] } }];
    const world = ruled({ filters, backendRefs: toA });
    assert.deepEqual(routesOf(world)[0]?.policies.requestHeaders, { set: [{ name: "a", value: "50%%" }], add: [{ name: "b", value: "1" }], remove: ["c"] });
    assert.deepEqual(forward(world).hostRewrite, { kind: "literal", host: "inside" });
  });
  it("change headers for one backend only", () => {
    const filters = [{ type: "ResponseHeaderModifier", responseHeaderModifier: { remove: ["server"] } }];
    assert.deepEqual(forward(ruled({ backendRefs: [{ name: "a", port: 80, filters }] })).targets[0]?.responseHeaders?.remove, ["server"]);
  });
  it("mirror a share of the requests; a mirror that leads nowhere is told and left out", () => {
    const mirror = (name: string, share: Draft): Draft => ({ type: "RequestMirror", requestMirror: { backendRef: { name, port: 80 }, ...share } });
    const world = ruled({ filters: [mirror("b", { percent: 20 }), mirror("c", { fraction: { numerator: 1, denominator: 8 } }), mirror("none", {})], backendRefs: toA });
    assert.deepEqual(forward(world).mirrors.map(({ percent }) => percent), [20, 12.5]);
    assert.deepEqual(world.parent("shop/web"), [accepted, "ResolvedRefs=False:BackendNotFound"]);
  });
  it("rewrite the path: whole, or the segments that matched", () => {
    const rewrite = (path: Draft, value: string): World => ruled({ matches: [{ path: { value } }], filters: [{ type: "URLRewrite", urlRewrite: { hostname: "inside", path } }], backendRefs: toA });
    const prefix = rewrite({ type: "ReplacePrefixMatch", replacePrefixMatch: "/xyz" }, "/foo/");
    assert.deepEqual(routesOf(prefix)[0]?.match.path, { kind: "prefix", path: "/foo", by: "segment" });
    assert.deepEqual(forward(prefix).pathRewrite, { kind: "prefix", prefix: "/xyz" });
    assert.deepEqual(forward(prefix).hostRewrite, { kind: "literal", host: "inside" });
    assert.deepEqual(forward(rewrite({ type: "ReplaceFullPath", replaceFullPath: "/all" }, "/")).pathRewrite, { kind: "full", path: "/all" });
  });
  it("let pages of other sites in", () => {
    const cors = { allowOrigins: ["https://a.example", "https://*.b.example", "*"], allowMethods: ["GET"], allowCredentials: true };
    const policy = routesOf(ruled({ filters: [{ type: "CORS", cors }], backendRefs: toA }))[0]?.policies.cors;
    assert.deepEqual(policy?.allowOrigins, [{ kind: "exact", origin: "https://a.example" }, { kind: "regex", pattern: "https://[^/:]+\\.b\\.example" }, { kind: "any" }]);
    assert.equal(policy?.maxAgeSeconds, 5);
  });
  it("try again as the rule says", () => {
    const retry = { codes: [503], attempts: 3, backoff: "100ms" };
    const action = forward(ruled({ retry, timeouts: { request: "10s", backendRequest: "1s" }, backendRefs: toA }));
    assert.deepEqual(action.retry, { on: "connect-failure,refused-stream,reset,retriable-status-codes", count: 3, statusCodes: [503], perTryTimeoutMs: 1000, backOffBaseMs: 100 });
    assert.deepEqual(action.responseTimeout, { kind: "after", ms: 10_000 });
  });
  it("redirect with the port of the scheme, else of the listener", () => {
    const cases: readonly (readonly [number, Draft, Draft])[] = [
      [80, {}, {}],
      [8080, {}, { port: 8080 }],
      [80, { port: 8443, scheme: "https" }, { port: 8443, scheme: "https" }],
      [8080, { scheme: "https" }, { scheme: "https", port: 443 }],
      [8080, { scheme: "https", hostname: "new.example" }, { scheme: "https", host: "new.example" }],
      [8080, { scheme: "http", hostname: "new.example" }, { scheme: "http", host: "new.example" }],
      [80, { scheme: "https", port: 443 }, { scheme: "https" }],
      [8080, { port: 80, hostname: "new.example" }, { host: "new.example" }],
    ];
    for (const [port, requestRedirect, expected] of cases) {
      const world = new World([...basics(), gateway([{ ...plain, port }]), route("shop/web", { hostnames: ["shop.example"], rules: [{ filters: [{ type: "RequestRedirect", requestRedirect }] }] })]);
      assert.deepEqual(world.virtualHost(`http-${port}`, "shop.example")?.routes[0]?.action, { kind: "redirect", code: 302, ...expected }, `${port} ${JSON.stringify(requestRedirect)}`);
    }
  });
  it("limit the time: 0s lifts the limit, the shorter one counts", () => {
    const timeout = (timeouts: Draft): unknown => forward(ruled({ backendRefs: toA, timeouts })).responseTimeout;
    assert.deepEqual(timeout({ request: "1m30s" }), { kind: "after", ms: 90_000 });
    assert.deepEqual(timeout({ request: "0s" }), { kind: "off" });
    assert.deepEqual(timeout({ request: "10s", backendRequest: "500ms" }), { kind: "after", ms: 500 });
    assert.deepEqual(timeout({ request: "10s", backendRequest: "0s" }), { kind: "after", ms: 10_000 });
  });
});
