import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Controller } from "#app/controller";
import type { PipelineChange } from "#app/pipeline";
import { Cluster } from "#gen/envoy/envoy/config/cluster/v3/cluster";
import type { KubeObject } from "#k8s/object";
import { defaultEnvoySettings } from "#settings/envoy";
import { defaultSettings } from "#settings/settings";
import { basics, gatewayClass, route } from "#translate/gateway/test-world";

const classOf = (name: string): KubeObject => gatewayClass(name, { controllerName: defaultSettings.gatewayControllerName, parametersRef: { group: "projectcontour.io", kind: "ContourDeployment", namespace: "infra", name } });
const parameters = (name: string, runtimeSettings: object): KubeObject => ({ apiVersion: "projectcontour.io/v1alpha1", kind: "ContourDeployment", metadata: { namespace: "infra", name, generation: 1 }, ...{ spec: { runtimeSettings } } });
const gatewayOf = (name: string): KubeObject => ({ apiVersion: "gateway.networking.k8s.io/v1", kind: "Gateway", metadata: { namespace: "infra", name, generation: 1 }, ...{ spec: { gatewayClassName: name, listeners: [{ name: "http", port: 80, protocol: "HTTP", allowedRoutes: { namespaces: { from: "All" } } }] } } });
const web = route("shop/web", { parentRefs: ["slow", "plain"].map((name) => ({ namespace: "infra", name })), rules: [{ backendRefs: [{ name: "a", port: 80 }] }] });

interface World {
  readonly controller: Controller;
  readonly last: () => PipelineChange;
  put(...objects: readonly KubeObject[]): PipelineChange;
}

function world(...objects: readonly KubeObject[]): World {
  const changes: PipelineChange[] = [];
  const controller = new Controller({ settings: { ...defaultSettings, gatewaySites: "own-fleet" }, envoySettings: defaultEnvoySettings, clock: () => 0, onChange: (change) => changes.push(change) });
  const last = (): PipelineChange => changes.findLast(({ resources }) => [...resources.values()].some((found) => found.size > 0)) ?? assert.fail("nothing changed");
  const put = (...more: readonly KubeObject[]): PipelineChange => {
    controller.apply(more.map((object) => ({ type: "upsert", object })));
    return last();
  };
  controller.open();
  put(...basics(), ...objects);
  return { controller, last, put };
}

const connectSeconds = (change: PipelineChange): ReadonlyMap<string, number | undefined> => new Map([...(change.resources.get("cds") ?? [])].map(([name, bytes]) => [name.split(">")[0] ?? "", bytes === undefined ? undefined : Number(Cluster.decode(bytes).connectTimeout?.seconds)]));
const holds = (change: PipelineChange, fleet: string, text: string): boolean => [...(change.resources.get("lds") ?? [])].some(([name, bytes]) => name.startsWith(`${fleet}>`) && Buffer.from(bytes ?? []).includes(text));

describe("runtimeSettings of a ContourDeployment", () => {
  const slow = parameters("slow", { envoy: { timeouts: { connectTimeout: "7s" }, listener: { compression: { algorithm: "zstd" } } } });

  it("count for the Envoys of its Gateways, and for no others", () => {
    const { last } = world(slow, parameters("plain", {}), classOf("slow"), classOf("plain"), gatewayOf("slow"), gatewayOf("plain"), web);
    assert.deepEqual(connectSeconds(last()), new Map([["infra/slow", 7], ["infra/plain", 2]]));
    assert.deepEqual([holds(last(), "infra/slow", "zstd"), holds(last(), "infra/plain", "zstd")], [true, false]);
  });

  it("are followed, and nothing of other fleets is sent again", () => {
    const { put } = world(slow, parameters("plain", {}), classOf("slow"), classOf("plain"), gatewayOf("slow"), gatewayOf("plain"), web);
    const change = put({ ...parameters("slow", { envoy: { timeouts: { connectTimeout: "3s" }, listener: { compression: { algorithm: "zstd" } } } }), metadata: { ...slow.metadata, generation: 2 } });
    assert.deepEqual(connectSeconds(change), new Map([["infra/slow", 3]]));
    assert.deepEqual([...(change.resources.get("lds") ?? [])], []);
  });

  it("open the UDP port of HTTP/3 beside that of HTTPS, where no UDP listener is", () => {
    const gateway = (name: string): KubeObject => ({ ...gatewayOf(name), ...{ spec: { gatewayClassName: name, listeners: [{ name: "a", port: 443, protocol: "HTTPS", tls: { certificateRefs: [{ name: "tls" }] } }, { name: "b", port: 444, protocol: "HTTPS", tls: { certificateRefs: [{ name: "tls" }] } }, { name: "c", port: 444, protocol: "UDP" }] } } });
    const { last } = world(parameters("slow", { envoy: { defaultHTTPVersions: ["HTTP/2", "HTTP/3"] } }), parameters("plain", {}), classOf("slow"), classOf("plain"), gateway("slow"), gateway("plain"));
    const ports = (fleet: string): readonly string[] => (last().fleetPlans.get(fleet) ?? []).flatMap((plan) => (plan === "keep" ? [] : plan.ports.map(({ name, port, protocol }) => `${name} ${port}/${protocol}`)));
    assert.deepEqual(ports("infra/plain"), ["https-443 443/TCP", "https-444 444/TCP", "udp-444 444/UDP"]);
    assert.deepEqual(ports("infra/slow"), ["https-443 443/TCP", "quic-443 443/UDP", "https-444 444/TCP", "udp-444 444/UDP"]);
  });

  it("name collectors, which these Envoys then reach", () => {
    const extensionService = (name: string): { readonly namespace: string; readonly name: string } => ({ namespace: "shop", name });
    const collector = (name: string): KubeObject => ({ apiVersion: "projectcontour.io/v1alpha1", kind: "ExtensionService", metadata: { namespace: "shop", name, generation: 1 }, ...{ spec: { services: [{ name: "a", port: 80 }] } } });
    const { last } = world(parameters("slow", { tracing: { extensionService: extensionService("traces") }, envoy: { logging: { otlp: { extensionService: extensionService("logs") } } } }), parameters("plain", {}), classOf("slow"), classOf("plain"), gatewayOf("slow"), gatewayOf("plain"), collector("traces"), collector("logs"));
    const called = [...(last().resources.get("cds") ?? [])].flatMap(([name, bytes]) => (bytes !== undefined && name.includes(">extension/") ? [name] : []));
    assert.deepEqual(called.toSorted(), ["infra/slow>extension/shop/logs", "infra/slow>extension/shop/traces"]);
  });

  it("are refused with the field that is wrong, in values and in names", () => {
    for (const [wrong, message] of [[{ envoy: { timeouts: { connectTimeout: "soon" } } }, /spec\.runtimeSettings\.envoy\.timeouts\.connectTimeout/], [{ envoi: {} }, /spec\.runtimeSettings.*envoi/]] as const) {
      const { last } = world(parameters("slow", wrong), classOf("slow"), gatewayOf("slow"), gatewayOf("plain"), classOf("plain"), web);
      assert.match(JSON.stringify(last().statuses.find(({ kind, name }) => kind === "GatewayClass" && name === "slow")), /InvalidParameters/);
      assert.match(JSON.stringify(last().statuses.find(({ kind, name }) => kind === "GatewayClass" && name === "slow")), message);
    }
  });
});
