import assert from "node:assert/strict";
import { it } from "node:test";
import { Controller } from "#app/controller";
import { configure } from "#settings/configuration";
import { defaultEnvoySettings } from "#settings/envoy";
import { defaultSettings } from "#settings/settings";
import { listenerType, runtimeType, secretType } from "#xds/types";

it("what Envoys have whatever objects there are follows the configuration, and goes with it", () => {
  const base = { settings: defaultSettings, envoySettings: defaultEnvoySettings };
  const controller = new Controller({ ...base, clock: () => 0, onChange() {} });
  controller.open();
  const { store } = controller;
  const had = (): readonly string[] => ([listenerType, secretType, runtimeType] as const).flatMap((type) => [...store.names(type)]).toSorted();
  const before = had();
  const { settings, envoySettings, errors } = configure(base, { envoy: { health: { port: 8004 }, network: { adminPort: 0 }, metrics: { port: 8003, tls: { certFile: "/certs/tls.crt", keyFile: "/certs/tls.key", caFile: "/certs/ca.crt" } } } });
  assert.deepEqual(errors, []);
  controller.configure(settings, envoySettings);
  const during = had();
  assert.ok(during.includes("health") && !during.includes("envoy-admin"), during.join(", "));
  assert.ok(during.length > before.length, "certificates of the metrics");
  controller.configure(base.settings, base.envoySettings);
  assert.deepEqual(had(), before);
});
