import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { pino } from "pino";
import { Controller } from "#app/controller";
import { ensureEnvoyBinary } from "#app/envoy-binary";
import { EnvoyPlaces } from "#app/envoy-places";
import { startEnvoy } from "#app/envoy-process";
import type { EnvoyProcess } from "#app/envoy-process";
import { translateSettings } from "#app/translate";
import { bootstrapJson, buildBootstrap } from "#envoy/bootstrap";
import type { KubeObject } from "#k8s/object";
import { defaultEnvoySettings } from "#settings/envoy";
import { Listener } from "#gen/envoy/envoy/config/listener/v3/listener";
import { bytesOf } from "#xds/resource";
import { serveXds } from "#xds/server";
import type { XdsServer } from "#xds/server";
import { freePort, freePorts } from "../bed/free-port.ts";
import { waitFor } from "../bed/wait.ts";
import { parsed } from "../golden/parsed.ts";
import { createResourceStore } from "#xds/store";
import type { ResourceStore } from "#xds/store";
import { listenerType, typeUrls } from "#xds/types";
import type { ResourceUpsert, TypeUrl } from "#xds/types";
import { noMetrics } from "../xds/rig.ts";
import { send } from "./client.ts";
import { startBackend } from "./rig.ts";
import type { Backend } from "./rig.ts";

/** A pod of the Service "web". */
interface Pod {
  readonly port: number;
  readonly zone: string;
  readonly node: string;
  readonly ready?: boolean;
  readonly hints?: boolean;
}

const zones = ["east", "west"] as const;
type Zone = (typeof zones)[number];

const slice = (name: string, service: string, namespace: string, port: number, endpoints: readonly object[]): KubeObject =>
  parsed({ apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice", metadata: { name, namespace, labels: { "kubernetes.io/service-name": service } }, addressType: "IPv4", ports: [{ name: "", port, protocol: "TCP" }], endpoints });

/** One slice per pod: their ports differ here. */
const slices = (pods: Readonly<Record<string, Pod>>): readonly KubeObject[] =>
  Object.entries(pods).map(([name, { port, zone, node, ready = true, hints = true }]) => slice(`web-${name}`, "web", "default", port, [{ addresses: ["127.0.0.1"], conditions: { ready }, nodeName: node, zone, ...(hints ? { hints: { forZones: [{ name: zone }], forNodes: [{ name: node }] } } : {}) }]));

const envoyPods = (of: readonly Zone[]): KubeObject =>
  slice("envoy-1", "envoy", "projectcontour", 8080, of.map((zone, i) => ({ addresses: [`10.1.0.${i + 1}`], conditions: { ready: true }, nodeName: `${zone}-0`, zone, targetRef: { kind: "Pod", namespace: "projectcontour", name: `envoy-${zone}` } })));

/** The same resources with the listener at another port: on one machine two Envoys cannot have the same. */
function atPort(store: ResourceStore, port: number): ResourceStore {
  const mirror = createResourceStore();
  const moved = (bytes: Uint8Array): Uint8Array => {
    const listener = Listener.decode(bytes);
    const { address } = listener.address ?? {};
    if (address?.$case !== "socketAddress") return bytes;
    return Listener.encode({ ...listener, address: { address: { ...address, value: { ...address.value, portSpecifier: { $case: "portValue", value: port } } } } }).finish();
  };
  const copy = (type: TypeUrl, name: string): readonly ResourceUpsert[] => {
    const resource = store.get(type, name);
    if (resource === undefined) return [];
    const bytes = bytesOf(resource);
    return [{ type, name, bytes: type === listenerType ? moved(bytes) : bytes, ...(resource.placed === undefined ? {} : { placed: resource.placed.contents }) }];
  };
  mirror.apply({ upserts: typeUrls.flatMap((type) => [...store.names(type)].flatMap((name) => copy(type, name))), removals: [] });
  store.watch((touched) => mirror.apply({ upserts: touched.flatMap(({ type, name }) => copy(type, name)), removals: touched.filter(({ type, name }) => store.get(type, name) === undefined) }));
  return mirror;
}

describe("two Envoys in two zones, and one controller", { timeout: 120_000 }, () => {
  let controller: Controller;
  let server: XdsServer;
  let places: EnvoyPlaces;
  const envoys: EnvoyProcess[] = [];
  const backends = new Map<string, Backend>();
  const ports = { east: 0, west: 0 };

  function apply(...objects: readonly KubeObject[]): void {
    const events = objects.map((object) => ({ type: "upsert", object }) as const);
    controller.apply(events);
    if (places.follow(events)) server.relocate();
  }

  /** The pods of "web": two in each zone, each on a node of its own, but for what is said. */
  function pods(more: Readonly<Record<string, Partial<Pod>>> = {}): readonly KubeObject[] {
    return slices(Object.fromEntries([...backends].map(([name, { port }]) => [name, { port, zone: name.split("-")[0] ?? "", node: `node-${name}`, ...more[name] }])));
  }

  const ask = async (zone: Zone): Promise<string> => {
    const { status, echo } = await send({ port: ports[zone], host: "shop.example.com" });
    return echo?.backend ?? String(status);
  };

  /** Who answers an Envoy, as soon as nobody else does. */
  async function servedBy(zone: Zone, wanted: readonly string[]): Promise<void> {
    await waitFor(async () => {
      const answers = new Set<string>();
      for (let i = 0; i < 12; i++) answers.add(await ask(zone));
      assert.deepEqual([...answers].toSorted(), wanted.toSorted());
      return true;
    }, { what: `${wanted.join(" and ")} serve ${zone}`, intervalMs: 10 });
  }

  /** Asks both Envoys without pause while something happens; gives all answers that were no backend's. */
  async function underLoad(change: () => Promise<void>): Promise<readonly string[]> {
    const wrong: string[] = [];
    let going = true;
    const clients = zones.flatMap((zone) => [zone, zone]).map(async (zone) => {
      while (going) {
        const answer = await ask(zone);
        if (!backends.has(answer)) wrong.push(answer);
      }
    });
    await change();
    going = false;
    await Promise.all(clients);
    return wrong;
  }

  async function start(zone: Zone, binary: string): Promise<void> {
    const bootstrap = buildBootstrap({ node: { id: `envoy-${zone}`, cluster: "projectcontour" }, xds: { kind: "tcp", address: "127.0.0.1", port: server.port }, admin: { kind: "unix", path: join(tmpdir(), `near-${zone}-${process.pid}.sock`) } });
    envoys.push(startEnvoy({ binary, bootstrap: JSON.parse(bootstrapJson(bootstrap)) as unknown, concurrency: 1, onLine: () => undefined, onUnexpectedExit: (code) => assert.fail(`Envoy ended: ${code}`) }));
    await waitFor(async () => ask(zone).then((answer) => backends.has(answer), () => false), { what: `the Envoy in ${zone} serves`, intervalMs: 20 });
  }

  before(async () => {
    const binary = await ensureEnvoyBinary({ env: process.env, progress: (line) => process.stderr.write(`${line}\n`) });
    for (const name of ["east-1", "east-2", "west-1", "west-2"]) backends.set(name, await startBackend(name));
    const [east = 0, west = 0] = await freePorts(2);
    Object.assign(ports, { east, west });
    const envoySettings = { ...defaultEnvoySettings, accessLogPath: "/dev/null", stats: { address: "127.0.0.1", port: 0 }, adminPort: 0 };
    controller = new Controller({ settings: { ...translateSettings, http: { address: "127.0.0.1", port: east } }, envoySettings, clock: Date.now, onChange: () => undefined });
    places = new EnvoyPlaces(controller.pipeline.graph);
    controller.open();
    const inWest = atPort(controller.store, west);
    server = await serveXds({ address: "127.0.0.1:0", fleetOf: ({ id }) => (id === "envoy-west" ? inWest : controller.store), placeOf: (node) => places.of(node), signal: new AbortController().signal, log: pino({ level: "silent" }), metrics: noMetrics, clock: () => performance.now(), onNack: ({ name, message }) => assert.fail(`${name}: ${message}`) });
    apply(
      parsed({ apiVersion: "projectcontour.io/v1", kind: "HTTPProxy", metadata: { name: "shop", namespace: "default" }, spec: { virtualhost: { fqdn: "shop.example.com" }, routes: [{ services: [{ name: "web", port: 80 }] }] } }),
      parsed({ apiVersion: "v1", kind: "Service", metadata: { name: "web", namespace: "default" }, spec: { trafficDistribution: "PreferSameNode", ports: [{ port: 80, protocol: "TCP" }] } }),
      ...pods(),
    );
    for (const zone of zones) await start(zone, binary);
  });

  after(async () => {
    await Promise.all(envoys.map((envoy) => envoy.stop()));
    await server?.close();
    await Promise.all([...backends.values()].map((backend) => backend.close()));
  });

  it("ask all endpoints while nobody knows where they are", async () => servedBy("east", [...backends.keys()]));

  it("ask those of their zone as soon as their pods are known, on connections that they have", async () => {
    apply(envoyPods(["east", "west"]));
    await servedBy("east", ["east-1", "east-2"]);
    await servedBy("west", ["west-1", "west-2"]);
  });

  it("ask the one on their node, where there is one", async () => {
    apply(...pods({ "east-1": { node: "east-0" } }));
    await servedBy("east", ["east-1"]);
    await servedBy("west", ["west-1", "west-2"]);
  });

  it("ask the next nearest when no near one is ready, and come back: no request fails", async () => {
    assert.deepEqual(await underLoad(async () => {
      apply(...pods({ "east-1": { node: "east-0", ready: false } }));
      await servedBy("east", ["east-2"]);
      apply(...pods({ "east-1": { ready: false }, "east-2": { ready: false } }));
      await servedBy("east", ["west-1", "west-2"]);
      apply(...pods());
      await servedBy("east", ["east-1", "east-2"]);
    }), []);
  });

  it("ask all when one ready endpoint has no hints", async () => {
    apply(...pods({ "west-2": { hints: false } }));
    await servedBy("east", [...backends.keys()]);
    apply(...pods());
    await servedBy("east", ["east-1", "east-2"]);
  });

  it("lose no request when all near endpoints are said to be ready, and nobody is there", async () => {
    const nobody = await freePort();
    assert.deepEqual(await underLoad(async () => {
      apply(...pods({ "east-1": { port: nobody }, "east-2": { port: nobody } }));
      await servedBy("east", ["west-1", "west-2"]);
    }), []);
  });
});
