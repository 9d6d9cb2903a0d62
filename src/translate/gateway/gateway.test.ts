import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { certificatesWanted, listeners, loadBalancerAddresses, missingCertificates, statuses, tlsHosts, virtualHosts, wildcardHosts } from "#translate/facts";
import type { TlsHost } from "#model/listener";
import type { Family } from "#store/family";
import { World, basics, certificate, gateway, gatewayClass, listenerSet, plain, referenceGrant, route } from "#translate/gateway/test-world";
import type { Draft } from "#translate/gateway/test-world";

const secret = await certificate("infra/cert");
const farSecret = await certificate("vault/cert");
const secure: Draft = { name: "https", port: 443, protocol: "HTTPS", tls: { certificateRefs: [{ name: "cert" }] } };
const fine = ["Accepted=True:Accepted", "Programmed=True:Programmed", "ResolvedRefs=True:ResolvedRefs", "Conflicted=False:NoConflicts"];
const served = ["Accepted=True:Accepted", "Programmed=True:Programmed"];

function world(specs: readonly Draft[], options: Parameters<typeof gateway>[1] = {}): World {
  return new World([...basics(), secret, gateway(specs, options)]);
}

function tlsHostsOf(one: World, listener: string): readonly TlsHost[] {
  return [...one.graph.buckets(tlsHosts)].flatMap(([bucket, hosts]) => (bucket.startsWith(`${listener}|`) ? hosts : []));
}

describe("GatewayClass", () => {
  it("is accepted when its controller is ours, and left alone otherwise", () => {
    const two = new World([...basics(), gatewayClass("foreign", { controllerName: "example.org/other" })]);
    assert.match(JSON.stringify(two.status("GatewayClass", "/contour")), /"type":"Accepted","status":"True"/);
    assert.throws(() => two.status("GatewayClass", "/foreign"));
  });
  it("is refused for parameters that are not known, and so serves no Gateway", () => {
    const odd = new World([...basics(), gatewayClass("contour", { controllerName: "projectcontour.io/gateway-controller", parametersRef: { group: "", kind: "ConfigMap", name: "x" } }), gateway([plain])]);
    assert.match(JSON.stringify(odd.status("GatewayClass", "/contour")), /InvalidParameters/);
    assert.throws(() => odd.status("Gateway", "infra/gw"));
  });
});

describe("Gateway", () => {
  it("has a listener per port, and a host per hostname even without routes", () => {
    const one = world([plain, { ...plain, name: "shop", hostname: "shop.example" }]);
    assert.deepEqual(one.gateway(), served);
    assert.deepEqual(one.graph.items(listeners, "http-80")[0], { name: "http-80", address: "0.0.0.0", port: 8080, protocol: "http", proxyProtocol: false, sessions: true });
    assert.deepEqual(one.virtualHost("http-80", "shop.example")?.routes, []);
    assert.deepEqual(one.virtualHost("http-80", "*")?.routes, []);
    assert.deepEqual(one.listener("http"), { attached: 0, kinds: ["HTTPRoute", "GRPCRoute"], conditions: fine });
  });
  it("ends TLS with the certificate of its listener", () => {
    const one = world([secure, { ...secure, name: "shop", hostname: "shop.example" }]);
    assert.deepEqual(one.gateway(), served);
    assert.deepEqual(tlsHostsOf(one, "https-443").map(({ kind, ...rest }) => [kind, "host" in rest ? rest.host : ""]), [["http", "*"], ["http", "shop.example"]]);
    assert.equal(one.graph.items(certificatesWanted, "infra/cert").length, 2);
    assert.equal(one.virtualHost("https-443", "shop.example")?.requireSni, true);
    assert.equal(one.virtualHost("https-443", "*")?.requireSni, true);
    assert.deepEqual(one.listener("shop").conditions.slice(-2), ["OverlappingTLSConfig=True:OverlappingHostnames", "CertificateWarning=True:CertificateNameMismatch"]);
  });
  it("lets a request for a host of a listener without hostname come over any of the listener's connections", () => {
    const one = new World([...basics(), secret, gateway([secure]), route("shop/web", { hostnames: ["shop.example"], rules: [{ backendRefs: [{ name: "a", port: 80 }] }] })]);
    assert.deepEqual([one.virtualHost("https-443", "shop.example")?.requireSni, one.virtualHost("https-443", "shop.example")?.tlsHost], [true, "*"]);
  });
  const certificates: readonly (readonly [string, Draft, string])[] = [
    ["a Secret that does not exist", { name: "none" }, "InvalidCertificateRef"],
    ["another kind", { name: "cert", kind: "ConfigMap" }, "InvalidCertificateRef"],
    ["another group", { name: "cert", group: "example.org" }, "InvalidCertificateRef"],
    ["another namespace without a grant", { name: "cert", namespace: "vault" }, "RefNotPermitted"],
  ];
  for (const [name, reference, reason] of certificates) {
    it(`does not serve a listener whose certificate is ${name} (${reason}), but counts its routes`, () => {
      const one = new World([...basics(), farSecret, gateway([{ ...secure, tls: { certificateRefs: [reference] } }]), route("shop/web", {})]);
      assert.deepEqual(one.listener("https").conditions.slice(0, 3), ["Accepted=True:Accepted", "Programmed=False:Invalid", `ResolvedRefs=False:${reason}`]);
      assert.equal(one.listener("https").attached, 1);
      assert.deepEqual(one.gateway(), ["Accepted=True:Accepted", "Programmed=False:Invalid"]);
      assert.deepEqual(one.graph.items(listeners, "https-443"), []);
    });
  }
  it("uses a Secret of another namespace while a ReferenceGrant says so", () => {
    const from = { group: "gateway.networking.k8s.io", kind: "Gateway", namespace: "infra" };
    const one = new World([...basics(), farSecret, gateway([{ ...secure, tls: { certificateRefs: [{ name: "cert", namespace: "vault" }] } }])]);
    one.put(referenceGrant("vault", from, { group: "", kind: "Secret", name: "cert" }));
    assert.deepEqual(one.listener("https").conditions, fine);
    for (const bad of [{ ...from, namespace: "other" }, { ...from, kind: "HTTPRoute" }]) {
      one.put(referenceGrant("vault", bad, { group: "", kind: "Secret" }));
      assert.equal(one.listener("https").conditions[2], "ResolvedRefs=False:RefNotPermitted");
    }
  });
  it("notes Secrets that do not exist, so that a local authority can fill them", () => {
    const one = world([{ ...secure, hostname: "shop.example", tls: { certificateRefs: [{ name: "none" }] } }]);
    assert.deepEqual(one.graph.items(missingCertificates, "infra/none"), ["shop.example"]);
  });
  const invalid: readonly (readonly [string, Draft, string])[] = [
    ["a protocol that is not known", { protocol: "invalid" }, "UnsupportedProtocol"],
    ["TLS without tls", { protocol: "TLS" }, "UnsupportedValue"],
    ["HTTPS without tls", { protocol: "HTTPS" }, "UnsupportedValue"],
    ["HTTPS that passes TLS through", { protocol: "HTTPS", tls: { mode: "Passthrough" } }, "UnsupportedValue"],
    ["two certificates", { protocol: "HTTPS", tls: { certificateRefs: [{ name: "cert" }, { name: "cert" }] } }, "UnsupportedValue"],
    ["a selector that is missing", { allowedRoutes: { namespaces: { from: "Selector" } } }, "UnsupportedValue"],
    ["a selector with values for Exists", { allowedRoutes: { namespaces: { from: "Selector", selector: { matchExpressions: [{ key: "a", operator: "Exists", values: ["b"] }] } } } }, "UnsupportedValue"],
  ];
  for (const [name, spec, reason] of invalid) {
    it(`does not accept a listener with ${name} (${reason}), and serves the others`, () => {
      const bad = { ...plain, name: "bad", port: 90, ...spec };
      const alone = world([bad]);
      assert.deepEqual(alone.gateway(), ["Accepted=False:ListenersNotValid", "Programmed=False:Invalid"]);
      assert.deepEqual(alone.listener("bad").conditions.slice(0, 2), [`Accepted=False:${reason}`, "Programmed=False:Invalid"]);
      assert.deepEqual(world([bad, plain]).gateway(), ["Accepted=True:ListenersNotValid", "Programmed=True:Programmed"]);
    });
  }
  it("tells kinds that a listener cannot carry, and goes on with those that it can", () => {
    const one = world([{ ...plain, allowedRoutes: { kinds: [{ kind: "TLSRoute" }, { kind: "HTTPRoute" }] } }, { ...plain, name: "none", port: 81, allowedRoutes: { kinds: [{ kind: "HTTPRoute", group: "example.org" }] } }]);
    assert.deepEqual(one.listener("http"), { attached: 0, kinds: ["HTTPRoute"], conditions: fine.with(2, "ResolvedRefs=False:InvalidRouteKinds") });
    assert.deepEqual(one.listener("none"), { attached: 0, kinds: [], conditions: ["Accepted=True:Accepted", "Programmed=False:Invalid", "ResolvedRefs=False:InvalidRouteKinds", "Conflicted=False:NoConflicts"] });
  });
  it("accepts none of the listeners that conflict", () => {
    const hosts = world([{ ...plain, hostname: "A.example" }, { ...plain, name: "twin", hostname: "a.example" }, { ...plain, name: "other" }]);
    for (const name of ["http", "twin"]) assert.deepEqual(hosts.listener(name).conditions, ["Accepted=False:HostnameConflict", "Programmed=False:Invalid", "ResolvedRefs=True:ResolvedRefs", "Conflicted=True:HostnameConflict"]);
    assert.deepEqual(hosts.listener("other").conditions, fine);
    const protocols = world([plain, { ...secure, port: 80, hostname: "a.example" }]);
    assert.equal(protocols.listener("http").conditions[3], "Conflicted=True:ProtocolConflict");
    assert.equal(protocols.listener("https").conditions[0], "Accepted=False:ProtocolConflict");
  });
  it("shares a port with Gateways of the same protocol; of different ones the older wins", () => {
    const one = new World([...basics(), secret, gateway([{ ...plain, port: 443 }], { key: "infra/new", created: "2026-03-03T00:00:00Z" }), gateway([secure], { created: "2026-01-01T00:00:00Z" })]);
    assert.deepEqual(one.listener("http", "infra/new").conditions.slice(0, 2), ["Accepted=False:PortUnavailable", "Programmed=False:Invalid"]);
    assert.deepEqual(one.listener("https").conditions, fine);
    one.remove(gateway([secure]));
    assert.deepEqual(one.listener("http", "infra/new").conditions, fine);
  });
  it("serves a host over TLS once: the oldest Gateway that has a certificate", () => {
    const late = gateway([{ ...secure, tls: { certificateRefs: [{ name: "cert" }] } }], { key: "infra/new", created: "2026-03-03T00:00:00Z" });
    const one = new World([...basics(), secret, late, gateway([{ ...secure, tls: { certificateRefs: [{ name: "none" }] } }])]);
    assert.deepEqual(one.listener("https", "infra/new").conditions, fine);
    one.put(gateway([secure]));
    assert.deepEqual(one.listener("https").conditions, fine);
    assert.equal(one.listener("https", "infra/new").conditions[1], "Programmed=False:Invalid");
    assert.equal(tlsHostsOf(one, "https-443").length, 1);
  });
  it("needs an address, and those that it names", () => {
    const one = world([plain], { spec: { addresses: [{ value: "192.0.2.1" }] } });
    assert.deepEqual(one.gateway(), served);
    assert.deepEqual(one.status("Gateway", "infra/gw")["addresses"], [{ type: "IPAddress", value: "192.0.2.1" }]);
    one.put(gateway([plain], { spec: { addresses: [{ value: "192.0.2.9" }] } }));
    assert.deepEqual(one.gateway(), ["Accepted=True:Accepted", "Programmed=False:AddressNotUsable"]);
    one.put(gateway([plain], { spec: { addresses: [{ type: "example.org/named", value: "x" }] } }));
    assert.deepEqual(one.gateway(), ["Accepted=False:UnsupportedAddress", "Programmed=False:Invalid"]);
    one.put(gateway([plain]));
    one.graph.commit([{ family: loadBalancerAddresses as Family<unknown>, bucket: "", publisher: "test", items: [] }]);
    assert.deepEqual(one.gateway(), ["Accepted=True:Accepted", "Programmed=False:AddressNotAssigned"]);
  });
  it("is refused for parameters that are not known", () => {
    const one = world([plain], { spec: { infrastructure: { parametersRef: { group: "example.org", kind: "X", name: "x" } } } });
    assert.deepEqual(one.gateway(), ["Accepted=False:InvalidParameters", "Programmed=False:Invalid"]);
  });
});

describe("Gateway API in the graph", () => {
  const rules = (backend: string): Draft => ({ rules: [{ backendRefs: [{ name: backend, port: 80 }] }] });
  it("does for a change only what it touches", () => {
    const routes = Array.from({ length: 50 }, (_, i) => route(`shop/r${i}`, { hostnames: [`h${i}.example`], ...rules("a") }));
    const one = new World([...basics(), gateway([plain]), ...routes]);
    // What it claims, what it means, where it attaches, and its host.
    assert.equal(one.put(route("shop/r7", { hostnames: ["h7.example"], ...rules("b") })), 4);
  });
  it("comes to the same result whatever the order of events", () => {
    const objects = [
      ...basics(),
      secret,
      gateway([plain, secure, { ...plain, name: "shop", hostname: "*.shop.example" }]),
      gateway([plain], { key: "infra/other", created: "2026-05-05T00:00:00Z", spec: { allowedListeners: { namespaces: { from: "Same" } } } }),
      route("shop/one", { hostnames: ["a.shop.example", "b.example"], ...rules("a") }),
      route("shop/two", { hostnames: ["*.shop.example"], ...rules("none") }),
      route("shop/three", { parentRefs: [{ namespace: "infra", name: "other" }], ...rules("b") }),
      { ...route("shop/calls", { hostnames: ["b.example", "calls.example"], ...rules("a") }, "2026-01-02T00:00:00Z"), kind: "GRPCRoute" },
      { ...route("shop/bytes", { parentRefs: [{ namespace: "infra", name: "sets", kind: "ListenerSet" }], ...rules("a") }), kind: "TCPRoute" },
      { ...route("infra/sets", { parentRef: { name: "other" }, listeners: [{ name: "tcp", port: 9000, protocol: "TCP", allowedRoutes: { namespaces: { from: "All" } } }, { name: "late", port: 80, protocol: "TCP" }] }), kind: "ListenerSet" },
    ];
    const result = (one: World): unknown => [virtualHosts, wildcardHosts, tlsHosts, listeners, statuses].map((family) => [...one.graph.buckets(family as Family<unknown>)].toSorted(([a], [b]) => (a < b ? -1 : 1)));
    const expected = result(new World(objects));
    fc.assert(
      fc.property(fc.shuffledSubarray(objects, { minLength: objects.length }), fc.subarray(objects), (order, again) => {
        const one = new World([]);
        for (const object of order) one.put(object);
        one.remove(...again);
        for (const object of again) one.put(object);
        assert.deepEqual(result(one), expected);
      }),
      { numRuns: 50 },
    );
  });
});

describe("a Gateway with many ListenerSets", () => {
  const listeners = (i: number, cert: string): readonly Draft[] => [{ name: "https", port: 443, protocol: "HTTPS", hostname: `host-${i}.example`, tls: { certificateRefs: [{ name: cert }] }, allowedRoutes: { namespaces: { from: "All" } } }];
  const many = (count: number): World => new World([
    ...basics(), secret, { ...secret, metadata: { ...secret.metadata, name: "other" } }, gateway([plain], { spec: { allowedListeners: { namespaces: { from: "All" } } } }),
    ...Array.from({ length: count }, (_, i) => listenerSet(`infra/set-${i}`, listeners(i, i === 0 ? "other" : "cert"))),
    ...Array.from({ length: count }, (_, i) => route(`shop/route-${i}`, { parentRefs: [{ kind: "ListenerSet", namespace: "infra", name: `set-${i}` }], rules: [{ backendRefs: [{ name: "a", port: 80 }] }] })),
  ]);
  const costs = (count: number): readonly number[] => {
    const one = many(count);
    return [
      one.put({ ...secret, metadata: { ...secret.metadata, name: "other", annotations: { rotated: "true" } } }),
      one.put(listenerSet("infra/set-0", listeners(0, "cert"))),
      one.put(listenerSet("infra/set-0", listeners(4711, "cert"))),
      one.put(route("shop/route-0", { parentRefs: [{ kind: "ListenerSet", namespace: "infra", name: "set-0" }], hostnames: ["host-4711.example"], rules: [{ backendRefs: [{ name: "b", port: 80 }] }] })),
      one.put(listenerSet("infra/one-more", listeners(4712, "cert"))),
    ];
  };
  it("runs as many units for a change of one among 40 as among 4", () => {
    assert.deepEqual(costs(40), costs(4));
  });
});
