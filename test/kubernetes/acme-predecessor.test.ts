import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Authority } from "#acme/authority";
import { createPrivateKey, renewalId } from "#acme/certificate";
import { createAuthority, issueCertificate } from "#certs/authority";
import { freePorts } from "../bed/free-port.ts";
import { startPebble } from "../bed/pebble.ts";
import type { Pebble } from "../bed/pebble.ts";

describe("an order for a certificate that replaces another one (RFC 9773, section 5)", { timeout: 60_000 }, () => {
  let pebble: Pebble;
  before(async () => {
    const [httpPort = 0, tlsPort = 0] = await freePorts(2);
    pebble = await startPebble({ httpPort, tlsPort });
  });
  after(() => pebble?.stop());

  it("is placed without the predecessor where the server knows nothing of that one", async () => {
    const authority = await Authority.open({ server: pebble.directory, caBundle: pebble.caBundle, accountKey: await createPrivateKey("ECDSA-P256"), contacts: [], env: {} });
    const { certificate } = await issueCertificate(await createAuthority("CN=another", Date.now()), { use: "server", dnsName: "web.example.com" }, Date.now());
    assert.notEqual(renewalId(certificate), undefined, "it can be named");
    const order = await authority.newOrder(["web.example.com"], { replaces: certificate });
    assert.equal(order.status, "pending");
    assert.match(pebble.log(), /order-plz[^]*order-plz/, "the server was asked twice: it has refused the first order");
  });
});
