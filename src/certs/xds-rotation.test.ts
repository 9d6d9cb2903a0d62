import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createAuthority } from "#certs/authority";
import { xdsSecretFate } from "#certs/xds-rotation";
import type { XdsSecret } from "#certs/xds-rotation";
import { issueXdsCertificates, xdsSecrets } from "#certs/xds-secrets";

const now = Date.UTC(2026, 0, 1);
const dayMs = 86_400_000;
const [authority, stranger] = [await createAuthority("CN=ours", now), await createAuthority("CN=ours", now)];
const [, made] = xdsSecrets(await issueXdsCertificates(authority, { namespace: "edge", days: 365, now }), { format: "compact", namespace: "edge", suffix: "" });
const secret = made as XdsSecret;

describe("a Secret of the xDS connection", () => {
  it("of our authority is replaced in the last third of its life, and after its end", () => {
    assert.deepEqual([240, 250, 400].map((days) => xdsSecretFate(authority, secret, now + days * dayMs).kind), ["keep", "renew", "renew"]);
  });
  it("of another authority, or where there is none any more, is somebody else's", () => {
    for (const other of [stranger, undefined]) assert.deepEqual(xdsSecretFate(other, secret, now + 360 * dayMs), { kind: "foreign", endsAt: now + 365 * dayMs });
  });
  it("is left to whoever claims it", () => {
    for (const claim of [{ annotations: { "cert-manager.io/certificate-name": "envoy" } }, { ownerReferences: [{}] }]) assert.equal(xdsSecretFate(authority, { ...secret, metadata: claim }, now + 360 * dayMs).kind, "foreign");
  });
  it("is not renewed by an authority that has ended", () => assert.equal(xdsSecretFate(authority, secret, now + 3651 * dayMs).kind, "foreign"));
  it("without a certificate, or with nonsense, is nobody's", () => {
    for (const data of [undefined, {}, { "tls.crt": btoa("nonsense") }]) assert.deepEqual(xdsSecretFate(authority, { metadata: {}, ...(data === undefined ? {} : { data }) }, now), { kind: "foreign" });
  });
});
