import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Pipeline } from "#app/pipeline";
import { translateSettings } from "#app/translate";
import type { ContourConfiguration } from "#gen/k8s/contour-configuration";
import type { KubeObject } from "#k8s/object";
import { configure } from "#settings/configuration";
import { defaultEnvoySettings } from "#settings/envoy";

const hosts = 200;
const service: KubeObject = { apiVersion: "v1", kind: "Service", metadata: { name: "web", namespace: "d" }, ...{ spec: { ports: [{ port: 80 }] } } };
const proxy = (i: number): KubeObject => ({ apiVersion: "projectcontour.io/v1", kind: "HTTPProxy", metadata: { name: `p${i}`, namespace: "d", generation: 1 }, ...{ spec: { virtualhost: { fqdn: `h${i}.example.com` }, routes: [{ services: [{ name: "web", port: 80 }] }] } } });

/** What a change of the configuration costs where there are some hundred hosts. */
function costOf(spec: ContourConfiguration["spec"]): { readonly units: number; readonly sent: Readonly<Record<string, number>> } {
  const pipeline = new Pipeline(translateSettings, defaultEnvoySettings);
  pipeline.apply([service, ...Array.from({ length: hosts }, (_, i) => proxy(i))].map((object) => ({ type: "upsert", object })));
  const before = pipeline.graph.runs;
  const { settings, envoySettings } = configure({ settings: translateSettings, envoySettings: defaultEnvoySettings }, spec);
  const { resources } = pipeline.configure(settings, envoySettings);
  return { units: pipeline.graph.runs - before, sent: Object.fromEntries([...resources].flatMap(([kind, found]) => (found.size === 0 ? [] : [[kind, found.size]]))) };
}

describe("a change of the configuration", () => {
  it("costs nothing when it is none", () => assert.deepEqual(costOf({}), { units: 0, sent: {} }));

  it("of listeners runs and sends the listener, at any number of hosts", () => assert.deepEqual(costOf({ envoy: { timeouts: { requestTimeout: "9s" } } }), { units: 1, sent: { lds: 1 } }));

  it("of clusters touches no route", () => assert.deepEqual(costOf({ envoy: { timeouts: { connectTimeout: "9s" } } }).sent, { cds: 1 }));

  it("of all routes sends them, and nothing else", () => assert.deepEqual(costOf({ policy: { responseHeaders: { set: { "x-edge": "one" } } } }).sent, { srds: hosts }));

  it("of the access log sends the listener; the routes only when it begins to name their objects", () => {
    const logging = (...accessLogJSONFields: readonly string[]): ContourConfiguration["spec"] => ({ envoy: { logging: { accessLogFormat: "json", accessLogJSONFields: [...accessLogJSONFields] } } });
    assert.deepEqual(costOf(logging("method")).sent, { lds: 1 });
    assert.deepEqual(costOf(logging("method", "contour_config_name")).sent, { lds: 1, srds: hosts });
  });

  it("that leads to the same is looked at, and sends nothing", () => assert.deepEqual(costOf({ httpproxy: { rootNamespaces: ["d"] } }).sent, {}));
});
