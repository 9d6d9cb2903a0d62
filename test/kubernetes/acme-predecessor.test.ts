import "reflect-metadata";
import assert from "node:assert/strict";
import { webcrypto } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { AuthorityKeyIdentifierExtension, SubjectKeyIdentifierExtension, X509Certificate, X509CertificateGenerator } from "@peculiar/x509";
import { Authority } from "#acme/authority";
import { createPrivateKey, renewalId } from "#acme/certificate";
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
    const certificate = await strangerOf(await pebble.intermediate());
    assert.notEqual(renewalId(certificate), undefined, "it can be named");
    const order = await authority.newOrder(["web.example.com"], { replaces: certificate });
    assert.equal(order.status, "pending");
    assert.match(pebble.log(), /order-plz[^]*order-plz/, "the server was asked twice: it has refused the first order");
  });
});

/** A certificate that names an authority as the one that signed it, which knows nothing of it. */
async function strangerOf(issuer: string): Promise<string> {
  const keyId = new X509Certificate(issuer).getExtension(SubjectKeyIdentifierExtension)?.keyId;
  assert.ok(keyId !== undefined);
  const keys = await webcrypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign", "verify"]);
  const certificate = await X509CertificateGenerator.createSelfSigned({ serialNumber: "0a11", name: "CN=web.example.com", keys, signingAlgorithm: { name: "ECDSA", hash: "SHA-256" }, extensions: [new AuthorityKeyIdentifierExtension(keyId)] }, webcrypto as Crypto);
  return certificate.toString("pem");
}
