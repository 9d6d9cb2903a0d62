import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { EnvoyPlaces } from "#app/envoy-places";
import { Pipeline } from "#app/pipeline";
import { translateSettings } from "#app/translate";
import type { KubeObject } from "#k8s/object";
import { refOf } from "#k8s/object";
import { defaultEnvoySettings } from "#settings/envoy";
import type { ObjectEvent } from "#store/event";

const slice = (namespace: string, pods: Readonly<Record<string, readonly [node: string, zone: string]>>): KubeObject => ({
  apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice", metadata: { name: "envoy-1", namespace, labels: { "kubernetes.io/service-name": "envoy" } },
  ...{ addressType: "IPv4", ports: [], endpoints: Object.entries(pods).map(([name, [nodeName, zone]]) => ({ addresses: ["10.0.0.1"], conditions: { ready: false }, nodeName, zone, targetRef: { kind: "Pod", name } })) },
});

function world() {
  const pipeline = new Pipeline(translateSettings, defaultEnvoySettings);
  const places = new EnvoyPlaces(pipeline.graph);
  const apply = (...events: readonly ObjectEvent[]): boolean => (pipeline.apply(events), places.follow(events));
  const upsert = (object: KubeObject): boolean => apply({ type: "upsert", object });
  const of = (id: string, cluster: string, zone = ""): string => {
    const place = places.of({ id, cluster, locality: zone === "" ? undefined : { region: "", zone, subZone: "" } });
    return `${place.node}@${place.zone}`;
  };
  return { apply, upsert, of };
}

describe("the place of an Envoy", () => {
  it("is that of its pod: by namespace and name in the manifests of all, by both in one in those of Gateways", () => {
    const { upsert, of } = world();
    upsert(slice("projectcontour", { "envoy-x": ["n1", "eu-a"] }));
    upsert(slice("shop", { "envoy-x": ["n2", "eu-b"] }));
    assert.deepEqual([of("envoy-x", "projectcontour"), of("shop/envoy-x", "shop/public"), of("envoy-y", "projectcontour"), of("envoy-x", "elsewhere")], ["n1@eu-a", "n2@eu-b", "@", "@"]);
  });

  it("has the zone that the Envoy itself names", () => {
    const { upsert, of } = world();
    upsert(slice("projectcontour", { "envoy-x": ["n1", "eu-a"] }));
    assert.deepEqual([of("envoy-x", "projectcontour", "mine"), of("far", "", "mine")], ["n1@mine", "@mine"]);
  });

  it("is looked up again when endpoints of its namespace change, and not when others do", () => {
    const { apply, upsert, of } = world();
    assert.equal(of("envoy-x", "projectcontour"), "@");
    assert.equal(upsert(slice("shop", {})), false);
    const one = slice("projectcontour", { "envoy-x": ["n1", "eu-a"] });
    assert.equal(upsert(one), true);
    assert.equal(of("envoy-x", "projectcontour"), "n1@eu-a");
    assert.equal(upsert(one), false, "nothing has moved");
    assert.equal(apply({ type: "delete", ref: refOf(one) }), false, "one of which nothing is known any more has not moved");
    assert.equal(of("envoy-x", "projectcontour"), "@");
  });

  it("is known from any of the slices that a pod is in, until it is in none", () => {
    const { apply, upsert, of } = world();
    const [four, six] = ["envoy-4", "envoy-6"].map((name) => ({ ...slice("projectcontour", { "envoy-x": ["n1", "eu-a"] }), metadata: { name, namespace: "projectcontour" } }));
    assert.ok(four !== undefined && six !== undefined);
    upsert(four);
    assert.equal(of("envoy-x", "projectcontour"), "n1@eu-a");
    upsert(six);
    apply({ type: "delete", ref: refOf(four) });
    assert.equal(of("envoy-x", "projectcontour"), "n1@eu-a");
    apply({ type: "delete", ref: refOf(six) });
    assert.equal(of("envoy-x", "projectcontour"), "@");
  });
});
