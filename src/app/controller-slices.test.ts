import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Controller } from "#app/controller";
import { translateSettings } from "#app/translate";
import { scopeResourceName } from "#envoy/names";
import type { KubeObject } from "#k8s/object";
import { defaultEnvoySettings } from "#settings/envoy";
import type { ObjectEvent } from "#store/event";
import { endpointsType, scopeType } from "#xds/types";

const hosts = 20;
const service = (name: string): KubeObject => ({ apiVersion: "v1", kind: "Service", metadata: { name, namespace: "d", generation: 1 }, ...{ spec: { ports: [{ port: 80 }] } } });
const slice = (name: string, address: string, generation = 1): KubeObject => ({ apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice", metadata: { name, namespace: "d", generation, labels: { "kubernetes.io/service-name": name } }, ...{ addressType: "IPv4", ports: [{ name: "", port: 80 }], endpoints: [{ addresses: [address] }] } });
const proxy = (i: number, to = "web"): KubeObject => ({ apiVersion: "projectcontour.io/v1", kind: "HTTPProxy", metadata: { name: `p${i}`, namespace: "d", generation: 1 }, ...{ spec: { virtualhost: { fqdn: `h${i}.example.com` }, routes: [{ services: [{ name: to, port: 80 }] }] } } });
const upsert = (object: KubeObject): ObjectEvent => ({ type: "upsert", object });
const edge = { ...translateSettings, headerPolicy: { responseHeaders: { set: { "x-edge": "one" } } } };

/** A controller that does one unit of work at a time, when it is told to. */
function stage() {
  const turns: (() => void)[] = [];
  const published: string[] = [];
  const controller = new Controller({
    settings: translateSettings, envoySettings: defaultEnvoySettings, clock: () => 0, stopwatch: () => 0,
    slices: { ms: 0, later: (next) => void turns.push(next) },
    onChange: ({ resources, statuses }) => void published.push([...[...resources].flatMap(([kind, found]) => (found.size === 0 ? [] : [`${found.size} ${kind}`])), `${statuses.length} statuses`].join(", ")),
  });
  const turn = (): boolean => {
    const next = turns.shift();
    next?.();
    return next !== undefined;
  };
  const finish = (): void => {
    while (turn());
  };
  controller.open();
  controller.apply([service("web"), slice("web", "10.0.0.1"), ...Array.from({ length: hosts }, (_, i) => proxy(i))].map(upsert));
  finish();
  published.length = 0;
  const scopes = (): string => Array.from({ length: hosts }, (_, i) => controller.store.newest(scopeType, scopeResourceName(`ingress_http|h${i}.example.com`))?.version).join();
  return { controller, published, turn, finish, scopes };
}

describe("a change that touches every route, in slices", () => {
  it("is told when all of it is done, and at once", async () => {
    const { controller, published, turn, finish, scopes } = stage();
    const before = scopes();
    controller.configure(edge, defaultEnvoySettings);
    let idle = false;
    const waited = controller.idle.then(() => (idle = true));
    for (let i = 0; i < hosts; i++) assert.ok(turn());
    assert.deepEqual([published, scopes()], [[], before]);
    await Promise.resolve();
    assert.equal(idle, false);
    finish();
    assert.deepEqual(published, [`${hosts} srds, 0 statuses`]);
    assert.notEqual(scopes(), before);
    await waited;
  });

  it("holds up no endpoints that Envoys know", () => {
    const { controller, published, turn, finish, scopes } = stage();
    const before = scopes();
    const endpoints = (): string | undefined => controller.store.newest(endpointsType, "d/web")?.frame.toString("latin1");
    controller.configure(edge, defaultEnvoySettings);
    turn();
    controller.apply([upsert(slice("web", "10.0.0.2", 2))]);
    assert.match(endpoints() ?? "", /10\.0\.0\.2/);
    assert.deepEqual([published, scopes()], [[], before]);
    finish();
    assert.match(endpoints() ?? "", /10\.0\.0\.2/);
  });

  it("has other changes come after it, together; endpoints of new clusters with these", () => {
    const { controller, published, turn, finish } = stage();
    controller.configure(edge, defaultEnvoySettings);
    turn();
    controller.apply([upsert(service("new")), upsert(slice("new", "10.0.0.3"))]);
    turn();
    controller.apply([upsert(proxy(hosts, "new"))]);
    assert.equal(controller.store.newest(endpointsType, "d/new"), undefined);
    finish();
    assert.deepEqual(published, [`${hosts} srds, 0 statuses`, "1 cds, 1 eds, 1 srds, 1 statuses"]);
    assert.match(controller.store.newest(endpointsType, "d/new")?.frame.toString("latin1") ?? "", /10\.0\.0\.3/);
  });

  it("has Envoy's refusals looked at after it, when resources and what is known of them fit together again", () => {
    const { controller, published, turn, finish } = stage();
    controller.configure(edge, defaultEnvoySettings);
    turn();
    controller.rejected({ type: scopeType, name: scopeResourceName("ingress_http|h0.example.com"), message: "no", fleet: "" });
    assert.deepEqual(published, []);
    finish();
    assert.equal(published[0], `${hosts} srds, 0 statuses`);
    assert.equal(published.length, 2, "the search for the part that is refused has begun");
  });
});
