import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { describe, it } from "node:test";
import { createAuthority } from "#certs/authority";
import { issueXdsCertificates, xdsPemFiles, xdsSecrets } from "#certs/xds-secrets";

const now = Date.UTC(2026, 0, 1);
const authority = await createAuthority("CN=Project Contour", now);
const certificates = await issueXdsCertificates(authority, { namespace: "edge", days: 30, now });
const named = (format: "compact" | "legacy", suffix = ""): object => Object.fromEntries(xdsSecrets(certificates, { format, namespace: "edge", suffix }).map(({ metadata, type, data }) => [metadata.name, [type, ...Object.keys(data)]]));

describe("the certificates of the xDS connection", () => {
  it("are for the Services' names, of one authority, for as long as was asked", () => {
    const leaf = new X509Certificate(certificates.contour.certificate);
    assert.equal(leaf.subjectAltName, "DNS:contour, DNS:contour.edge, DNS:contour.edge.svc, DNS:contour.edge.svc.cluster.local");
    assert.equal(leaf.validToDate.getTime(), now + 30 * 86_400_000);
    for (const { certificate } of [certificates.contour, certificates.envoy]) assert.ok(new X509Certificate(certificate).verify(new X509Certificate(certificates.authorities).publicKey));
  });
  it("stand in the Secrets that the manifests mount", () => {
    const tls = ["kubernetes.io/tls", "tls.crt", "tls.key"];
    assert.deepEqual(named("compact"), { contourcert: ["kubernetes.io/tls", "ca.crt", "tls.crt", "tls.key"], envoycert: ["kubernetes.io/tls", "ca.crt", "tls.crt", "tls.key"] });
    assert.deepEqual(named("legacy", "-v2"), { "contourcert-v2": tls, "envoycert-v2": tls, "cacert-v2": ["Opaque", "cacert.pem"] });
  });
  it("or in files, each key beside its certificate", () => {
    assert.deepEqual(Object.keys(xdsPemFiles(certificates)), ["cacert.pem", "contourcert.pem", "contourkey.pem", "envoycert.pem", "envoykey.pem"]);
  });
});
