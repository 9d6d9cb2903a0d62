import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type ApiServer, startApiServer } from "./api-server.ts";
import type { TestObject, WatchEvent } from "./kube-client.ts";
import { waitFor } from "./wait.ts";

const settings = (name: string, data: Record<string, string>): TestObject => ({ apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace: "default" }, data });

describe("a real API server", { timeout: 120_000 }, () => {
  let api: ApiServer;
  before(async () => {
    api = await startApiServer();
  });
  after(async () => await api.stop());

  it("keeps what is applied, and shows it to a watch", async () => {
    const seen: string[] = [];
    const end = new AbortController();
    const watching = api.watch("/api/v1/configmaps?watch=1", (event: WatchEvent) => seen.push(`${event.type} ${event.object.metadata.name}`), end.signal);
    await api.apply([settings("a", { x: "1" })]);
    await waitFor(() => seen.includes("ADDED a"), { what: "the watch sees it" });
    end.abort();
    await watching;
    const kept = await api.get<{ readonly data: unknown }>("/api/v1/namespaces/default/configmaps/a");
    assert.deepEqual(kept.data, { x: "1" });
  });

  it("serves a kind as soon as its CRD is applied", async () => {
    const schema = { type: "object", "x-kubernetes-preserve-unknown-fields": true };
    const crd = {
      apiVersion: "apiextensions.k8s.io/v1", kind: "CustomResourceDefinition", metadata: { name: "toys.example.com" },
      spec: { group: "example.com", scope: "Namespaced", names: { plural: "toys", kind: "Toy" }, versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: schema } }] },
    };
    const toy = { apiVersion: "example.com/v1", kind: "Toy", metadata: { name: "ball", namespace: "default" } };
    await api.apply([crd, toy]);
    await api.remove(toy);
    assert.equal((await api.request("GET", await api.pathOf(toy))).status, 404);
  });

  it("lets RBAC decide for a user of one's own", async () => {
    const { client } = await api.addUser("guest");
    assert.equal((await client.request("GET", "/api/v1/secrets")).status, 403);
    client.close();
  });

  it("comes back with its data after an outage", async () => {
    await api.apply([settings("kept", {})]);
    await api.takeDown();
    await assert.rejects(api.request("GET", "/readyz"));
    await api.bringUp();
    assert.equal((await api.request("GET", "/api/v1/namespaces/default/configmaps/kept")).status, 200);
  });

  it("answers nothing while paused", async () => {
    api.pause();
    const answer = api.request("GET", "/readyz").then(({ status }) => status);
    const first = await Promise.race([answer, new Promise((resolve) => setTimeout(resolve, 300, "silence"))]);
    api.resume();
    assert.equal(first, "silence");
    assert.equal(await answer, 200);
  });
});
