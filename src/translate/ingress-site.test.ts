import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { KindName } from "#k8s/kinds";
import type { KubeObject } from "#k8s/object";
import { defaultSettings } from "#settings/settings";
import type { Family } from "#store/family";
import { Graph } from "#store/graph";
import { certificatesWanted, clusters, loadBalancerAddresses, objectKey, objects, statuses, tlsHosts, virtualHosts } from "#translate/facts";
import { basics, certificate, gateway, plain } from "#translate/gateway/test-world";
import { translationRules } from "#translate/rules";

const settings = { ...defaultSettings, gatewaySites: "own-fleet" as const, gatewayRef: { namespace: "infra", name: "gw" } };
const secure = { name: "https", port: 443, protocol: "projectcontour.io/https" };
const proxy: KubeObject = { apiVersion: "projectcontour.io/v1", kind: "HTTPProxy", metadata: { namespace: "shop", name: "web", generation: 1 }, ...{ spec: { virtualhost: { fqdn: "localhost", tls: { secretName: "cert" } }, routes: [{ services: [{ name: "a", port: 80 }] }] } } };
const secret = await certificate("shop/cert");

const facts = (...changed: readonly KubeObject[]): Parameters<Graph["commit"]>[0] => changed.map((object) => ({ family: objects(object.kind as KindName) as Family<unknown>, bucket: objectKey(object.metadata.namespace ?? "", object.metadata.name), publisher: "source", items: [object] }));

function world(...more: readonly KubeObject[]): Graph {
  const graph = new Graph(translationRules(settings), []);
  graph.commit([...facts(...basics(), secret, proxy, ...more), { family: loadBalancerAddresses as Family<unknown>, bucket: "infra/gw", publisher: "test", items: [{ ip: "192.0.2.7" }] }]);
  return graph;
}

const condition = (graph: Graph): unknown => (graph.items(statuses, "HTTPProxy/shop/web")[0]?.status as { readonly conditions: readonly { readonly errors?: readonly unknown[] }[] } | undefined)?.conditions[0]?.errors;

describe("an HTTPProxy that is attached to a Gateway with Envoys of its own", () => {
  it("is served by those, with its clusters and certificates, and has their address", () => {
    const graph = world(gateway([plain, secure]));
    assert.equal(condition(graph), undefined);
    assert.equal(graph.items(virtualHosts, "infra/gw>https-443|localhost").length, 1);
    assert.equal(graph.items(virtualHosts, "infra/gw>http-80|localhost").length, 1);
    assert.equal([...graph.buckets(tlsHosts)].filter(([bucket]) => bucket.startsWith("infra/gw>https-443|")).length, 1);
    assert.deepEqual([...graph.buckets(clusters)].map(([name]) => name.split(">")[0]), ["infra/gw"]);
    assert.ok([...graph.buckets(certificatesWanted)].every(([name]) => name.startsWith("infra/gw>")));
    assert.deepEqual(graph.items(statuses, "HTTPProxy/shop/web")[0]?.status["loadBalancer"], { ingress: [{ ip: "192.0.2.7" }] });
  });
  it("moves when the Gateway gets its listeners, and is refused while it has none", () => {
    const graph = world();
    assert.match(JSON.stringify(condition(graph)), /ErrorIdentifyingListener.*does not exist/);
    graph.commit(facts(gateway([plain])));
    assert.match(JSON.stringify(condition(graph)), /projectcontour.io\/https; it has none/);
    graph.commit(facts(gateway([plain, secure])));
    assert.equal(condition(graph), undefined);
    graph.commit(facts(gateway([plain, secure, { ...plain, name: "more", port: 81 }])));
    assert.match(JSON.stringify(condition(graph)), /it has 2 \(http, more\)/);
    assert.deepEqual([...graph.buckets(tlsHosts)], []);
  });
});
