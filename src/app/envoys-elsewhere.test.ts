import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Controller } from "#app/controller";
import { EnvoysElsewhere } from "#app/envoys-elsewhere";
import { translateSettings } from "#app/translate";
import type { KubeObject } from "#k8s/object";
import { defaultEnvoySettings } from "#settings/envoy";

const object = (kind: string, apiVersion: string, metadata: KubeObject["metadata"], rest: object): KubeObject => ({ apiVersion, kind, metadata, ...rest });
const gateway = [
  object("GatewayClass", "gateway.networking.k8s.io/v1", { name: "contour" }, { spec: { controllerName: "projectcontour.io/gateway-controller" } }),
  object("Gateway", "gateway.networking.k8s.io/v1", { name: "public", namespace: "shop" }, { spec: { gatewayClassName: "contour", listeners: [{ name: "http", port: 80, protocol: "HTTP", allowedRoutes: { namespaces: { from: "Same" } } }] } }),
];
const envoys = (ready: boolean): KubeObject => object("EndpointSlice", "discovery.k8s.io/v1", { name: "envoy-1", namespace: "projectcontour", labels: { "kubernetes.io/service-name": "envoy" } }, { addressType: "IPv4", ports: [], endpoints: [{ addresses: ["10.0.0.9"], conditions: { ready } }] });

interface Condition {
  readonly type: string;
  readonly status: string;
}

function world() {
  let programmed = "";
  let connected = false;
  const controller = new Controller({
    settings: { ...translateSettings, awaitEnvoys: true }, envoySettings: defaultEnvoySettings, clock: () => 0,
    onChange: ({ statuses }) => {
      for (const { kind, status } of statuses) if (kind === "Gateway") programmed = (status["conditions"] as readonly Condition[]).find(({ type }) => type === "Programmed")?.status ?? "";
    },
  });
  const elsewhere = new EnvoysElsewhere({ controller, envoyService: () => ({ namespace: "projectcontour", name: "envoy" }), connected: () => connected });
  controller.open();
  const put = (...objects: readonly KubeObject[]): void => controller.apply(objects.map((made) => ({ type: "upsert", object: made })));
  controller.setAddresses([{ ip: "192.0.2.1" }]);
  put(...gateway);
  const look = (here: boolean): string => ((connected = here), elsewhere.look(), programmed);
  return { put, look };
}

describe("a Gateway whose Envoys are connected to another replica", () => {
  it("is programmed when Kubernetes finds them ready, and not before", () => {
    const { put, look } = world();
    assert.equal(look(false), "False");
    put(envoys(false));
    assert.equal(look(false), "False");
    put(envoys(true));
    assert.equal(look(false), "True");
  });

  it("waits for what Envoys say when one is connected here", () => {
    const { put, look } = world();
    put(envoys(true));
    assert.equal(look(true), "False");
  });
});
