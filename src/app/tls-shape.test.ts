import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { OnDemandCertificates } from "#app/on-demand-certificates";
import { resources } from "#app/resources";
import { asksOnDemand, certificateOnDemand, listenerTls, tlsShapeRules } from "#app/tls-shape";
import { unspeakableName } from "#envoy/names";
import { Secret } from "#gen/envoy/envoy/extensions/transport_sockets/tls/v3/secret";
import type { TlsHost, TlsTermination } from "#model/listener";
import type { Family, Reader } from "#store/family";
import { Graph } from "#store/graph";
import type { Fact } from "#store/graph";
import { tlsHosts } from "#translate/facts";

const origin = { kind: "HTTPProxy", namespace: "shop", name: "web" } as const;
const listener = "ingress_https";

function http(host: string, certificate = host, tls: Partial<TlsTermination> = {}): TlsHost {
  return { kind: "http", listener, host, tls: { certificate, minimumVersion: "1.2", maximumVersion: "1.3", ...tls }, filters: { guards: [] }, origin };
}
const validated = { clientValidation: { onlyVerifyLeafCrl: false, mode: "required" } } as const;
const passthrough = (host: string): TlsHost => ({ kind: "passthrough", listener, host, proxy: { targets: [], idleTimeoutMs: 1, origin }, origin });
const fallback: TlsHost = { kind: "fallback", listener, tls: { certificate: "fallback", minimumVersion: "1.2", maximumVersion: "1.3" }, origin };
const facts = (hosts: readonly TlsHost[], on = listener): readonly Fact[] => hosts.map((host) => ({ family: tlsHosts as Family<unknown>, bucket: `${on}|${host.kind === "fallback" ? "" : host.host}`, publisher: "test", items: [host] }));

function shape(hosts: readonly TlsHost[], from = 2): Graph {
  const graph = new Graph(tlsShapeRules(() => from), []);
  graph.commit(facts(hosts));
  return graph;
}
const readerOf = (graph: Graph): Pick<Reader, "all"> => ({ all: (family, bucket) => graph.items(family, bucket) });
const named = (graph: Graph, on = listener): readonly string[] => listenerTls(readerOf(graph), on).hosts.map((host) => (host.kind === "fallback" ? "fallback" : host.host)).toSorted();
const onDemand = (graph: Graph, on = listener): boolean => listenerTls(readerOf(graph), on).onDemand !== undefined;

describe("which TLS hosts the filter chains name", () => {
  it("all, while they are fewer than the number chosen, and with zero for ever", () => {
    const hosts = [http("a.x"), http("b.x")];
    assert.deepEqual([named(shape(hosts, 3)), onDemand(shape(hosts, 3))], [["a.x", "b.x"], false]);
    assert.deepEqual([named(shape(hosts, 0)), onDemand(shape(hosts, 0))], [["a.x", "b.x"], false]);
    assert.deepEqual([named(shape(hosts, 2)), onDemand(shape(hosts, 2))], [[], true]);
  });

  it("those with settings of their own, beside the many", () => {
    const graph = shape([http("a.x"), http("b.x"), http("own.x", "o", validated), passthrough("raw.x"), http("old.x", "v", { maximumVersion: "1.2" })]);
    assert.deepEqual([named(graph), onDemand(graph)], [["old.x", "own.x", "raw.x"], true]);
  });

  it("those below a wildcard, unless its chain serves them as well", () => {
    const graph = shape([http("*.x", "wild"), http("a.x", "wild"), http("b.x", "wild"), http("c.x", "other"), http("d.y"), http("e.y"), http("f.g.x", "wild"), http("*.g.x", "deep")]);
    assert.deepEqual(named(graph), ["*.g.x", "*.x", "c.x", "f.g.x"]);
  });

  it("all, where something else takes the connections that no chain names", () => {
    for (const taker of [fallback, passthrough("*"), http("*", "any")]) {
      const graph = shape([http("a.x"), http("b.x"), taker]);
      assert.deepEqual([named(graph).length, onDemand(graph)], [3, false]);
    }
    assert.deepEqual(named(shape([http("*", "any"), http("a.x", "any"), http("b.x", "any")])), ["*"]);
  });

  it("on one listener of a fleet only: Envoy asks for a host, not for a host of a listener", () => {
    const graph = shape([http("a.x"), http("b.x")]);
    graph.commit(facts([http("a.x", "2"), http("b.x", "2")], "other_https"));
    graph.commit(facts([http("a.x", "3"), http("b.x", "3")], "infra/gw>https-443"));
    assert.deepEqual([onDemand(graph), onDemand(graph, "other_https"), onDemand(graph, "infra/gw>https-443")], [true, false, true]);
    assert.deepEqual(named(graph, "other_https"), ["a.x", "b.x"]);
    assert.deepEqual([certificateOnDemand(readerOf(graph), "", "a.x"), certificateOnDemand(readerOf(graph), "infra/gw", "a.x")], ["a.x", "infra/gw>3"]);
  });

  it("costs the same for one more host, however many there are", () => {
    const runs = (count: number): number => {
      const graph = shape(Array.from({ length: count }, (_, i) => http(`h${i}.x`)), 10);
      const before = graph.runs;
      graph.commit(facts([http("new.x")]));
      return graph.runs - before;
    };
    assert.equal(runs(20), runs(2000));
  });

  it("does not depend on the order in which hosts come and go", () => {
    const host = fc.constantFrom(http("a.x"), http("b.x"), http("c.x", "wild"), http("d.x", "wild"), http("*.x", "wild"), http("*.x", "wild", validated), http("a.x", "a.x", validated), http("*", "any"), fallback, passthrough("*.x"), http("e.y", "e", { minimumVersion: "1.3" }), http("f.y", "f", { minimumVersion: "1.3" }));
    fc.assert(
      fc.property(fc.array(fc.record({ host, there: fc.boolean() }), { maxLength: 25 }), (changes) => {
        const graph = shape([]);
        const last = new Map<string, TlsHost>();
        for (const { host: changed, there } of changes) {
          const [fact] = facts([changed]);
          if (fact === undefined) continue;
          graph.commit([{ ...fact, items: there ? [changed] : [] }]);
          if (there) last.set(fact.bucket, changed);
          else last.delete(fact.bucket);
        }
        const fresh = shape([...last.values()]);
        assert.deepEqual([named(graph), onDemand(graph), asksOnDemand(readerOf(graph), "")], [named(fresh), onDemand(fresh), asksOnDemand(readerOf(fresh), "")]);
        graph.commit([...last.keys()].map((bucket) => ({ family: tlsHosts as Family<unknown>, bucket, publisher: "test", items: [] })));
        assert.equal(graph.size, 0);
      }),
    );
  });
});

describe("certificates on demand", () => {
  const withSecrets = (graph: Graph, ...names: readonly string[]): Graph => {
    graph.commit(names.map((name) => ({ family: resources.sds as Family<unknown>, bucket: name, publisher: "test", items: [Secret.encode(Secret.fromPartial({ name })).finish()] })));
    return graph;
  };
  const nameIn = (bytes: Uint8Array | undefined): string | undefined => (bytes === undefined ? undefined : Secret.decode(bytes).name);

  it("have the name that was asked for, and are for hosts of the listener only", () => {
    const graph = withSecrets(shape([http("a.x", "default/a"), http("b.x", "default/b"), http("own.x", "default/own", validated)]), "default/a", "default/b", "default/own");
    const found = new OnDemandCertificates(graph, "");
    assert.deepEqual(["a.x", "A.x", "c.x", "own.x", "default/a", "*", "_", unspeakableName("default/own")].map((name) => nameIn(found.find(name))), ["a.x", "A.x", undefined, undefined, undefined, undefined, undefined, unspeakableName("default/own")]);
    assert.deepEqual(["default/a", unspeakableName("default/a")].map((name) => found.withholds(name)), [true, false]);
  });

  it("are told apart by a few spellings only: Envoy keeps each", () => {
    const graph = withSecrets(shape([http("abcdefgh.x", "default/a"), http("b.x", "default/b")]), "default/a", "default/b");
    const found = new OnDemandCertificates(graph, "");
    const spellings = Array.from({ length: 40 }, (_, i) => [..."abcdefgh.x"].map((letter, at) => ((i >> at) & 1 ? letter.toUpperCase() : letter)).join(""));
    assert.equal(spellings.filter((name) => found.find(name) !== undefined).length, 8);
    assert.notEqual(found.find(spellings[0] ?? ""), undefined, "those that were known before are given still");
  });

  it("that were asked for and have changed are named, and no others", () => {
    const graph = withSecrets(shape([http("a.x", "default/a"), http("b.x", "default/b")]), "default/a", "default/b");
    const found = new OnDemandCertificates(graph, "");
    for (const name of ["a.x", "A.X", "b.x"]) found.find(name);
    assert.deepEqual(found.changed(["ingress_https|a.x"], ["default/a"]), [], "nothing is different");
    graph.commit([{ family: resources.sds as Family<unknown>, bucket: "default/a", publisher: "test", items: [Secret.encode(Secret.fromPartial({ name: "new" })).finish()] }]);
    assert.deepEqual(found.changed([], ["default/a"]), ["a.x", "A.X"]);
    graph.commit(facts([http("b.x", "default/a")]));
    assert.deepEqual(found.changed(["ingress_https|b.x"], []), ["b.x"]);
    graph.commit([{ family: tlsHosts as Family<unknown>, bucket: "ingress_https|b.x", publisher: "test", items: [] }]);
    assert.deepEqual(found.changed(["ingress_https|b.x"], []), ["b.x"], "it is gone");
    graph.commit(facts([http("b.x", "default/a")]));
    assert.deepEqual(found.changed(["ingress_https|b.x"], []), ["b.x"], "it is back");
  });
});
