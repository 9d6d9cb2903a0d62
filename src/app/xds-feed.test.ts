import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { Controller } from "#app/controller";
import { translateSettings } from "#app/translate";
import type { KubeObject } from "#k8s/object";
import { refKey, refOf } from "#k8s/object";
import { defaultEnvoySettings } from "#settings/envoy";
import type { ObjectEvent } from "#store/event";
import { PlacedStore } from "#xds/placed-store";
import { endpointsType } from "#xds/types";

const object = (kind: string, apiVersion: string, name: string, rest: object, labels?: Readonly<Record<string, string>>): KubeObject => ({ apiVersion, kind, metadata: { name, namespace: "d", ...(labels === undefined ? {} : { labels }) }, ...rest });
const base = [
  object("HTTPProxy", "projectcontour.io/v1", "p", { spec: { virtualhost: { fqdn: "a.test" }, routes: [{ services: [{ name: "web", port: 80 }] }] } }),
  object("Service", "v1", "web", { spec: { ports: [{ port: 80 }] } }),
];
const hints = fc.constantFrom({}, { hints: { forZones: [{ name: "a" }] } }, { hints: { forZones: [{ name: "b" }, { name: "a" }] } }, { hints: { forZones: [{ name: "b" }], forNodes: [{ name: "n1" }] } }, { hints: { forNodes: [{ name: "n2" }] } });
const endpoint = fc.record({ last: fc.integer({ min: 1, max: 4 }), ready: fc.boolean(), hints }).map(({ last, ready, hints: given }) => ({ addresses: [`10.0.0.${last}`], conditions: { ready }, ...given }));
const slice = fc.record({ part: fc.constantFrom("1", "2"), endpoints: fc.array(endpoint, { maxLength: 3 }) }).map(({ part, endpoints }) => object("EndpointSlice", "discovery.k8s.io/v1", `web-${part}`, { addressType: "IPv4", ports: [{ port: 80 }], endpoints }, { "kubernetes.io/service-name": "web" }));
const event = fc.oneof({ weight: 4, arbitrary: slice.map((made): ObjectEvent => ({ type: "upsert", object: made })) }, { weight: 1, arbitrary: slice.map((made): ObjectEvent => ({ type: "delete", ref: refOf(made) })) });

function started(objects: readonly KubeObject[]): Controller {
  const controller = new Controller({ settings: translateSettings, envoySettings: defaultEnvoySettings, clock: () => 0, onChange: () => undefined });
  controller.open();
  controller.apply(objects.map((made) => ({ type: "upsert", object: made })));
  return controller;
}

/** The versions that Envoys get at some places. */
function seen({ store }: Controller): readonly (string | undefined)[] {
  return ["", "a", "b"].flatMap((zone) => ["", "n1", "n2"].map((node) => {
    const view = new PlacedStore(store);
    view.place = { zone, node };
    return view.get(endpointsType, "d/web")?.version;
  }));
}

describe("endpoints that are near to some Envoys", () => {
  it("are the same for each place after any changes as from scratch", () => {
    fc.assert(fc.property(fc.array(event, { maxLength: 8 }), (events) => {
      const changing = started(base);
      const last = new Map<string, KubeObject>();
      for (const one of events) {
        changing.apply([one]);
        if (one.type === "delete") last.delete(refKey(one.ref));
        else last.set(refKey(refOf(one.object)), one.object);
        seen(changing);
      }
      assert.deepEqual(seen(changing), seen(started([...base, ...last.values()])));
    }), { numRuns: 200 });
  });
});
