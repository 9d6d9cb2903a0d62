import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { diagnose } from "#app/doctor/diagnose";
import type { Diagnosis } from "#app/doctor/diagnose";
import { routedView } from "#app/doctor/routed-view";
import type { WayIn } from "#app/doctor/way-in";
import { Pipeline } from "#app/pipeline";
import type { Outcome } from "#doctor/plan";
import type { Subject } from "#doctor/subject";
import type { EnvoyView } from "#doctor/world";
import type { KubeObject } from "#k8s/object";
import { defaultEnvoySettings } from "#settings/envoy";
import { defaultSettings } from "#settings/settings";

const many = 2000;

/** So many sites, each with a Service whose two pods are on two of ten nodes. */
function sites(): readonly KubeObject[] {
  return Array.from({ length: many }, (_, i) => {
    const metadata = { name: `site-${i}`, namespace: "shop", generation: 1 };
    const endpoint = (k: number): object => ({ addresses: [`10.${k}.${i >> 8}.${i & 255}`], conditions: { ready: true }, nodeName: `n${(i + k) % 10}`, targetRef: { kind: "Pod", namespace: "shop", name: `site-${i}-${k}` } });
    return [
      { apiVersion: "v1", kind: "Service", metadata, spec: { ports: [{ port: 80 }] } },
      { apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice", metadata: { ...metadata, labels: { "kubernetes.io/service-name": `site-${i}` } }, addressType: "IPv4", ports: [{ name: "", port: 8080, protocol: "TCP" }], endpoints: [endpoint(0), endpoint(1)] },
      { apiVersion: "projectcontour.io/v1", kind: "HTTPProxy", metadata, spec: { virtualhost: { fqdn: `site-${i}.example.com` }, routes: [{ services: [{ name: `site-${i}`, port: 80 }] }] } },
    ];
  }).flat();
}

const envoys = Array.from({ length: 20 }, (_, i): EnvoyView => ({ namespace: "projectcontour", name: `envoy-${String(i).padStart(2, "0")}`, fleet: "", node: `n${i % 10}`, labels: {}, hostNetwork: false, addresses: [], nodeAddresses: [], ready: true, ports: {} }));

describe("a diagnosis of thousands of routes", { timeout: 60_000 }, () => {
  const pipeline = new Pipeline(defaultSettings, defaultEnvoySettings);
  pipeline.apply(sites().map((object) => ({ type: "upsert", object })));
  const view = routedView(pipeline);
  const asked = new Map<string, readonly string[]>();
  /** Everything is well, but for what `outcomeAt` says about a node. */
  const wayIn = (outcomeAt: (node: string) => Outcome): WayIn => ({
    adminSocket: () => "",
    look: (envoy, plan, onLine) => {
      const addresses = plan.probes.map(({ target }) => (target.kind === "address" ? target.address : ""));
      asked.set(envoy.name, addresses);
      for (const [i, { id }] of plan.probes.entries()) {
        const [, k = 0, high = 0, low = 0] = (addresses[i] ?? "").split(".").map(Number);
        onLine({ kind: "endpoint", id, address: addresses[i] ?? "", outcome: outcomeAt(`n${((high << 8) + low + k) % 10}`) });
      }
      onLine({ kind: "end", skipped: [] });
      return Promise.resolve();
    },
  });
  const run = (way: WayIn | undefined, subjects: readonly Subject[] = []): Promise<Diagnosis> =>
    diagnose({ subjects, view, world: { policies: [], namespaces: new Map(), pods: new Map() }, envoys, limits: { depth: "large", concurrency: 1, timeoutMs: 1, limitMs: 1, mostEndpoints: 500, mostEnvoys: 8 }, notes: [], progress: () => undefined, ...(way === undefined ? {} : { wayIn: way }) });

  it("shares the addresses among Envoys of as many nodes as it may, and says what it left out", async () => {
    const { routes, envoys: reports, envoysLeftOut, findings } = await run(wayIn(() => ({ kind: "good" })));
    assert.deepEqual([routes, reports.length, envoysLeftOut, findings], [many, 8, 12, []]);
    assert.deepEqual(reports.map(({ probed, of }) => `${probed} of ${of}`), Array.from({ length: 8 }, () => `500 of ${2 * many}`));
    assert.equal(new Set(reports.map(({ node }) => node)).size, 8);
    assert.equal(new Set([...asked.values()].flat()).size, 2 * many, "together they have looked at all of them");
  });
  it("tells a node that is not reached once, with all objects that it is about", async () => {
    const { findings } = await run(wayIn((node) => (node === "n9" ? { kind: "dropped" } : { kind: "good" })));
    assert.deepEqual([...new Set(findings.map(({ id }) => id))], ["node-path"]);
    assert.ok(findings.length <= 8, "one from each node that an Envoy is on");
    assert.ok((findings[0]?.objects?.length ?? 0) > 40);
  });
  it("asks about one host only what that needs", async () => {
    asked.clear();
    const { routes, envoys: reports } = await run(wayIn(() => ({ kind: "good" })), [{ kind: "host", host: "site-77.example.com" }]);
    assert.deepEqual([routes, reports.map(({ of }) => of)], [1, Array.from({ length: 8 }, () => 2)]);
  });
  it("says where it could not look, and goes on elsewhere", async () => {
    const well = wayIn(() => ({ kind: "good" }));
    const { envoys: reports } = await run({ ...well, look: (envoy, ...rest) => (envoy.name === "envoy-03" ? Promise.reject(new Error("no right")) : well.look(envoy, ...rest)) });
    assert.deepEqual(reports.filter(({ failed }) => failed !== undefined).map(({ name, failed, probed }) => [name, failed, probed]), [["envoy-03", "no right", 0]]);
  });
  it("sends nothing where nothing is to be probed", async () => {
    const { envoys: reports } = await run(undefined);
    assert.ok(reports.every(({ probed, failed }) => probed === 0 && failed === undefined));
  });
});
