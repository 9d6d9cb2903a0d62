import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { pino } from "pino";
import { applyConfigurationOf } from "#app/configuration";
import { Controller } from "#app/controller";
import { redactSecrets, resourceTypes, translateObjects, translateSettings } from "#app/translate";
import type { ResourceKind } from "#app/resources";
import { toCanonicalJson } from "#envoy/json";
import { scopeResourceName } from "#envoy/names";
import { defaultEnvoySettings } from "#settings/envoy";
import { readFiles } from "#sources/file/read";
import type { ObjectEvent } from "#store/event";
import { serveXds } from "#xds/server";
import { connectXds } from "../../bench/xds-client.ts";
import { waitFor } from "../bed/wait.ts";
import { manifestsOf, readStories } from "./story.ts";
import { noMetrics } from "../xds/rig.ts";

const quiet = noMetrics;
const kinds: readonly ResourceKind[] = ["lds", "srds", "cds", "eds", "sds"];
const nothing = { lds: {}, srds: {}, cds: {}, eds: {}, sds: {} };

type Held = Record<ResourceKind, Record<string, unknown>>;

describe("over xDS streams comes what translate shows, and nothing is left when all objects are gone", () => {
  for (const story of readStories()) {
    it(story.name, async () => {
      const events: readonly ObjectEvent[] = readFiles([manifestsOf(story)]).objects.map((object) => ({ type: "upsert", object }));
      const configured = applyConfigurationOf({ settings: translateSettings, envoySettings: defaultEnvoySettings }, readFiles([manifestsOf(story)]).objects, undefined);
      assert.ok(configured.ok);
      const { settings, envoySettings } = configured.value;
      const controller = new Controller({ settings, envoySettings: { ...envoySettings, stats: { address: "", port: 0 }, adminPort: 0 }, clock: Date.now, onChange() {} });
      controller.open();
      const server = await serveXds({ address: "127.0.0.1:0", fleetOf: () => controller.store, signal: new AbortController().signal, log: pino({ level: "silent" }), metrics: quiet, clock: Date.now, onNack() {} });
      const client = await connectXds(`127.0.0.1:${server.port}`, 5000);
      try {
        const held: Held = structuredClone(nothing);
        client.onChanges((changes) => {
          for (const { type, name, body } of changes) {
            if (type === "rds") continue;
            if (body === undefined) delete held[type][name];
            else held[type][name] = redactSecrets(toCanonicalJson(resourceTypes[type], body));
          }
        });
        controller.apply(events);
        const shown = translateObjects(events, settings, envoySettings).resources;
        const wanted: Held = { ...shown, srds: Object.fromEntries(Object.entries(shown.srds).map(([name, body]) => [scopeResourceName(name), body])) };
        // A cluster or certificate that nothing names is not asked for by a client.
        await waitFor(() => kinds.every((kind) => Object.keys(wanted[kind]).length <= Object.keys(held[kind]).length), { what: `all resources of ${story.name}`, intervalMs: 2, timeoutMs: 5000 }).catch(() => undefined);
        assert.deepEqual(held, wanted);
        controller.apply(events.map((event) => (event.type === "delete" ? event : { type: "delete", ref: { kind: event.object.kind, namespace: event.object.metadata.namespace ?? "", name: event.object.metadata.name } })));
        await waitFor(() => ["lds", "srds", "cds"].every((kind) => Object.keys(held[kind as ResourceKind]).length === 0), { what: "all resources are gone", intervalMs: 2, timeoutMs: 5000 }).catch(() => undefined);
        assert.deepEqual({ ...held, eds: {}, sds: {} }, nothing);
      } finally {
        client.close();
        await server.close();
      }
    });
  }
});
