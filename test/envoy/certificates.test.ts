import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { ensureEnvoyBinary } from "#app/envoy-binary";
import type { Secret } from "#gen/k8s/secret";
import { examineAuthorities, examineRevocations } from "#translate/secrets/authorities";
import { examineCertificate } from "#translate/secrets/certificate";

const certificates = new URL("../../testdata/certificates/", import.meta.url);
const read = (name: string): string => readFileSync(new URL(name, certificates), "utf8");
const odd = readdirSync(new URL("odd/", certificates)).flatMap((file) => (file.endsWith(".crt") ? [file.slice(0, -".crt".length)] : []));
const secret = { apiVersion: "v1", kind: "Secret", metadata: { namespace: "shop", name: "web" }, type: "Opaque" } as Secret;

describe("what the real Envoy refuses is refused before it is sent", { timeout: 120_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), "contour-certificates-"));
  let binary: string;
  before(async () => void (binary = await ensureEnvoyBinary({ env: process.env, progress: (line) => process.stderr.write(`${line}\n`) })));
  after(() => rmSync(folder, { recursive: true }));

  /** Whether Envoy starts with a listener that has this TLS; else its words. */
  async function envoySays(tlsCertificate: object, validation?: object): Promise<string> {
    const file = join(folder, "envoy.json");
    const commonTlsContext = { tls_certificates: [tlsCertificate], ...(validation === undefined ? {} : { validation_context: validation }) };
    const transport_socket = { name: "tls", typed_config: { "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext", common_tls_context: commonTlsContext } };
    const filters = [{ name: "echo", typed_config: { "@type": "type.googleapis.com/envoy.extensions.filters.network.echo.v3.Echo" } }];
    writeFileSync(file, JSON.stringify({ static_resources: { listeners: [{ name: "one", address: { socket_address: { address: "127.0.0.1", port_value: 0 } }, filter_chains: [{ transport_socket, filters }] }] } }));
    return new Promise((resolve) => execFile(binary, ["--mode", "validate", "-c", file, "-l", "error"], (error, _out, words) => resolve(error === null ? "" : words)));
  }
  const pair = (chain: string, key: string): object => ({ certificate_chain: { inline_string: chain }, private_key: { inline_string: key } });

  for (const name of odd) {
    it(`${name}: it says what we say`, async () => {
      const [chain, key] = [read(`odd/${name}.crt`), read(`odd/${name}.key`)];
      const ours = examineCertificate(secret, chain, key);
      const raw = await envoySays(pair(chain, key));
      assert.equal(raw === "", ours.ok, `ours: ${ours.ok ? "taken" : ours.error}; Envoy's: ${raw.slice(-300)}`);
      if (ours.ok) assert.equal(await envoySays(pair(ours.value.certificate.certificateChain, ours.value.certificate.privateKey.reveal())), "");
    });
  }

  it("takes as we write it what it would not take as it was written", async () => {
    const [chain, key] = [`\xef\xbb\xbf  ${read("odd/p-256.crt").replaceAll("\n", "\n\n  ")}`, `\xef\xbb\xbf${read("odd/rsa-2048.key")}${read("odd/p-256.key")}`];
    assert.notEqual(await envoySays(pair(chain, key)), "");
    const ours = examineCertificate(secret, chain, key);
    assert.ok(ours.ok);
    assert.equal(await envoySays(pair(ours.value.certificate.certificateChain, ours.value.certificate.privateKey.reveal())), "");
  });

  const nonsense = (label: string): string => `-----BEGIN ${label}-----\nbm9uc2Vuc2U=\n-----END ${label}-----\n`;
  for (const [what, text] of Object.entries({ "an authority": read("authority.pem"), "a certificate of no authority": read("odd/leaf.crt"), "an RSA key of 1024 bits": read("odd/rsa-1024.crt"), "a curve that it cannot serve": read("odd/brainpool.crt"), "a revocation list": read("authority.crl.pem"), "nonsense": nonsense("CERTIFICATE") })) {
    it(`as authorities, ${what}: it says what we say`, async () => {
      const ours = examineAuthorities(text);
      const served = pair(read("odd/p-256.crt"), read("odd/p-256.key"));
      assert.equal((await envoySays(served, { trusted_ca: { inline_string: text } })) === "", ours.ok);
      if (ours.ok) assert.equal(await envoySays(served, { trusted_ca: { inline_string: ours.value.pem } }), "");
    });
  }
  for (const [what, text] of Object.entries({ "a list": read("authority.crl.pem"), "a list twice": read("authority.crl.pem").repeat(2), "nonsense": nonsense("X509 CRL") })) {
    it(`as revocation lists, ${what}: it says what we say`, async () => {
      const ours = examineRevocations(text);
      const served = pair(read("odd/p-256.crt"), read("odd/p-256.key"));
      const validation = (crl: string): object => ({ trusted_ca: { inline_string: read("authority.pem") }, crl: { inline_string: crl } });
      assert.equal((await envoySays(served, validation(text))) === "", ours.ok);
      if (ours.ok) assert.equal(await envoySays(served, validation(ours.value.pem)), "");
    });
  }
});
