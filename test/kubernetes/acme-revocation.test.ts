import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { waitFor } from "../bed/wait.ts";
import { proxyWithIssuer, startAcmeWorld, untilServed } from "./acme-world.ts";
import type { AcmeWorld } from "./acme-world.ts";

interface SecretObject {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> };
  readonly data: Readonly<Record<string, string>>;
}

describe("a certificate whose Secret asks for its revocation", { timeout: 120_000 }, () => {
  let world: AcmeWorld;
  before(async () => {
    world = await startAcmeWorld();
    await world.api.apply([world.issuer("ca"), proxyWithIssuer("web", "web.example.com")]);
  });
  after(() => world?.stop());

  it("is replaced with another key, then revoked at the server; the new one stays", async () => {
    const path = "/api/v1/namespaces/shop/secrets/web-tls";
    const secret = async (): Promise<SecretObject> => (await world.api.request("GET", path)).body as SecretObject;
    const { certificate: old } = await untilServed(world, "web.example.com");
    const oldKey = (await secret()).data["tls.key"];
    assert.equal(await world.pebble.statusOf(old.serialNumber), "valid");
    await world.api.apply([{ apiVersion: "v1", kind: "Secret", metadata: { name: "web-tls", namespace: "shop", annotations: { "projectcontour.io/revoke": "keyCompromise" } } }]);
    const { certificate: next } = await untilServed(world, "web.example.com", ({ certificate }) => certificate.serialNumber !== old.serialNumber);
    assert.equal(await world.pebble.statusOf(old.serialNumber), "revoked");
    assert.equal(await world.pebble.statusOf(next.serialNumber), "valid");
    const { metadata, data } = await secret();
    assert.equal(metadata.annotations?.["projectcontour.io/revoke"], undefined);
    assert.notEqual(data["tls.key"], oldKey);
    await waitFor(async () => (await world.meet("web.example.com")).certificate.serialNumber === next.serialNumber, { what: "the new one is served" });
  });
});
