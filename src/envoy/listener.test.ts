import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { buildListener } from "#envoy/listener";
import { Listener as EnvoyListener } from "#gen/envoy/envoy/config/listener/v3/listener";
import type { Listener, TlsHost, TlsTermination } from "#model/listener";
import { defaultEnvoySettings } from "#settings/envoy";

const listener: Listener = { name: "ingress_https", address: "0.0.0.0", port: 8443, protocol: "https", proxyProtocol: false };
const origin = { kind: "HTTPProxy", namespace: "shop", name: "web" } as const;

function http(host: string, certificate: string, more: Partial<TlsTermination> = {}): TlsHost {
  return { kind: "http", listener: listener.name, host, tls: { certificate, minimumVersion: "1.2", maximumVersion: "1.3", ...more }, filters: { guards: [] }, origin };
}
function passthrough(host: string): TlsHost {
  return { kind: "passthrough", listener: listener.name, host, proxy: { targets: [{ cluster: "c", weight: 1 }], idleTimeoutMs: 1, origin }, origin };
}
const fallback: TlsHost = { kind: "fallback", listener: listener.name, tls: { certificate: "f", minimumVersion: "1.2", maximumVersion: "1.3" }, origin };

const bytes = (hosts: readonly TlsHost[]): Uint8Array => buildListener(listener, { hosts }, [], defaultEnvoySettings);
const decode = (hosts: readonly TlsHost[]): EnvoyListener => EnvoyListener.decode(bytes(hosts));
const names = (hosts: readonly TlsHost[]): readonly string[][] => decode(hosts).filterChains.map(({ filterChainMatch }) => filterChainMatch?.serverNames ?? []);

describe("the filter chains of a TLS listener", () => {
  it("are shared by hosts with equal settings", () => {
    assert.deepEqual(names([http("b", "1"), http("a", "1"), http("c", "2"), http("d", "1", { minimumVersion: "1.3" })]), [["a", "b"], ["c"], ["d"]]);
  });

  it("are not shared by hosts with different providers of tokens", () => {
    const guarded: TlsHost = { ...(http("b", "1") as Extract<TlsHost, { kind: "http" }>), filters: { guards: [{ kind: "jwt", provider: { id: "idp", name: "idp", default: true, issuer: "i", audiences: [], forward: false, keys: { kind: "local", jwks: "{}" } } }] } };
    assert.deepEqual(names([http("a", "1"), guarded]), [["a"], ["b"]]);
  });

  it("have the certificate's name, not the certificate", () => {
    const text = Buffer.from(bytes([http("a", "shop/cert/1234")])).toString("latin1");
    assert.equal(text.includes("shop/cert/1234"), true);
  });

  it("match each name once, and connections without a name once", () => {
    assert.deepEqual(names([passthrough("a"), http("a", "1"), http("*", "1"), fallback, fallback]), [[], ["a"]]);
  });

  it("never are none", () => assert.equal(decode([]).filterChains.length, 1));

  it("have the same bytes whatever the order of the hosts", () => {
    const hosts = [http("b", "1"), http("a", "1"), http("*.c", "2"), fallback, passthrough("d"), http("*", "3"), passthrough("a")];
    const expected = bytes(hosts);
    fc.assert(fc.property(fc.shuffledSubarray(hosts, { minLength: hosts.length }), (shuffled) => assert.deepEqual(bytes(shuffled), expected)));
  });
});

describe("a listener", () => {
  it("looks for the name in TLS, behind the PROXY protocol where that is spoken", () => {
    const filters = EnvoyListener.decode(buildListener({ ...listener, proxyProtocol: true }, { hosts: [] }, [], defaultEnvoySettings)).listenerFilters.map(({ name }) => name);
    assert.deepEqual(filters, ["envoy.filters.listener.proxy_protocol", "envoy.filters.listener.tls_inspector"]);
  });

  it("without TLS has one chain and no listener filters", () => {
    const plain = EnvoyListener.decode(buildListener({ ...listener, name: "ingress_http", protocol: "http" }, { hosts: [] }, [], defaultEnvoySettings));
    assert.deepEqual([plain.filterChains.length, plain.listenerFilters.length, plain.socketOptions.length], [1, 0, 4]);
  });
});
