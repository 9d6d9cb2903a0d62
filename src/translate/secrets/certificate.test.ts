import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import type { Secret } from "#gen/k8s/secret";
import { examineCertificate } from "#translate/secrets/certificate";

const folder = new URL("../../../testdata/certificates/odd/", import.meta.url);
const crt = (name: string): string => readFileSync(new URL(`${name}.crt`, folder), "utf8");
const key = (name: string): string => readFileSync(new URL(`${name}.key`, folder), "utf8");
const secret: Secret = { apiVersion: "v1", kind: "Secret", metadata: { namespace: "shop", name: "web" }, type: "kubernetes.io/tls" } as Secret;

const examine = (certificate: string, privateKey: string) => examineCertificate(secret, certificate, privateKey);
const error = (certificate: string, privateKey: string): string => {
  const found = examine(certificate, privateKey);
  return found.ok ? "" : found.error;
};
/** The subjects of a chain as it is sent, and the remarks. */
function told(certificate: string, privateKey: string): { readonly chain: readonly string[]; readonly remarks: readonly string[]; readonly names: readonly string[] } {
  const found = examine(certificate, privateKey);
  assert.ok(found.ok, found.ok ? "" : found.error);
  const { certificateChain, dnsNames } = found.value.certificate;
  const blocks = certificateChain.match(/-----BEGIN CERTIFICATE-----\n[A-Za-z0-9+/=\n]+-----END CERTIFICATE-----\n/g) ?? [];
  assert.equal(blocks.join(""), certificateChain, "nothing but certificates is sent");
  return { chain: blocks.map((pem) => new X509Certificate(pem).subject?.replace("CN=", "") ?? ""), remarks: found.value.remarks.map(({ message }) => message), names: dnsNames };
}

describe("a serving certificate", () => {
  it("is taken whatever is around its blocks", () => {
    const [pem, privateKey] = [crt("p-256"), key("p-256")];
    const forms: Readonly<Record<string, (text: string) => string>> = {
      "Windows line ends": (text) => text.replaceAll("\n", "\r\n"),
      "a byte order mark": (text) => `\xef\xbb\xbf${text}`,
      "indentation": (text) => text.replaceAll(/^/gm, "    "),
      "an empty line inside": (text) => text.replace(/(\n.+\n)/, "$1\n"),
      "no line end at the end": (text) => text.trimEnd(),
      "one long line": (text) => text.replaceAll(/(?<=[A-Za-z0-9+/])\n(?=[A-Za-z0-9+/=])/g, ""),
      "notes before and behind": (text) => `subject=CN = odd\n${text}\nthe end -- really\n`,
      "zero bytes behind": (text) => `${text}\0\0`,
    };
    const plain = examine(pem, privateKey);
    for (const [form, change] of Object.entries(forms)) assert.deepEqual(examine(change(pem), change(privateKey)), plain, form);
    assert.ok(plain.ok && !plain.value.certificate.certificateChain.includes("\r"));
  });

  it("is found beside its key in one text, and its key beside others", () => {
    assert.deepEqual(told(`${key("p-256")}${crt("p-256")}`, `${crt("p-256")}${key("rsa-2048")}${key("p-256")}`).chain, ["p-256"]);
  });

  it("has its names in lower case, without its common name", () => {
    assert.deepEqual(told(crt("leaf"), key("leaf")).names, ["odd.example.com", "*.odd.example.com"]);
    assert.deepEqual(told(crt("common-name"), key("common-name")).names, []);
  });

  for (const [name, what] of Object.entries({
    "rsa-1024": /an RSA key of 1024 bits, and Envoy wants at least 2048/, "rsa-2047": /2047 bits/, "rsa-exponent-34-bits": /the exponent 8589934593/,
    "rsa-pss": /of the kind rsa-pss/, "dsa": /of the kind dsa/, "ed448": /of the kind ed448/, "p-224": /the curve secp224r1/, "secp256k1": /the curve secp256k1/,
    "brainpool": /the curve brainpoolP256r1/, "p-256-spelled-out": /spells its curve out/, "authority-use-only": /lacks digitalSignature/, "no-name": /names no host/, "must-staple": /demands an OCSP staple/,
  })) it(`is refused for ${name}, and told what to do`, () => assert.match(error(crt(name), key(name)), new RegExp(`${what.source}.*; (?:issue|put)`)));

  it("is refused for a key that cannot be read", () => {
    const pem = crt("p-256");
    assert.match(error(pem, key("p-384")), /^: the private key in "tls.key" does not belong to the certificate in "tls.crt"/);
    assert.match(error(pem, "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----"), /is encrypted; store it without a password \(openssl pkey/);
    assert.match(error(pem, "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\nAAAA\n-----END RSA PRIVATE KEY-----\n"), /is encrypted/);
    assert.match(error(pem, key("p-256").slice(0, 120)), /cut off or damaged in its block "PRIVATE KEY"/);
    assert.match(error(pem, pem), /"tls.key" has no PEM private key: it has: CERTIFICATE/);
    assert.match(error(pem, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"), /cannot be read/);
    assert.match(error(pem, key("p-384").repeat(9)), /has 9 private keys/);
  });

  it("is refused when it is something else, which is named", () => {
    const der = new X509Certificate(crt("p-256")).raw;
    assert.match(error(der.toString("latin1"), key("p-256")), /it is DER/);
    assert.match(error(Buffer.from(crt("p-256"), "utf16le").toString("latin1").replace(/^/, "\xff\xfe"), key("p-256")), /it is UTF-16/);
    assert.match(error(Buffer.from(crt("p-256")).toString("base64"), key("p-256")), /base64 of base64/);
    assert.match(error("-----BEGIN PKCS7-----\nAAAA\n-----END PKCS7-----", key("p-256")), /it has: PKCS7/);
    assert.match(error(`${crt("p-256")}${crt("p-256").slice(0, 200)}`, key("p-256")), /cut off or damaged in its block "CERTIFICATE", number 2/);
    assert.match(error(`${crt("p-256")}-----BEGIN CERTIFICATE-----\nMIIBAAAA\n-----END CERTIFICATE-----`, key("p-256")), /certificate 2 of 2 in "tls.crt" cannot be read/);
    assert.match(error(crt("p-256").repeat(33), key("p-256")), /has 33 certificates/);
  });

  it("is looked through once, also where a stranger has made it long", () => {
    const started = performance.now();
    assert.match(error("-----BEGIN CERTIFICATE-----\n".repeat(36_000), key("p-256")), /cut off or damaged/);
    assert.match(error(crt("p-256"), "-----BEGIN PRIVATE KEY-----\nAAAA: b\n".repeat(28_000)), /cut off or damaged/);
    assert.match(error(crt("p-256"), `-----BEGIN PRIVATE KEY-----\n${"A:\n ".repeat(250_000)}-----END PRIVATE KEY-----`), /cut off or damaged/);
    assert.ok(performance.now() - started < 2000);
  });
});

describe("a chain", () => {
  const [leaf, intermediate, root, stranger] = [crt("leaf"), crt("intermediate"), crt("root"), crt("p-384")];

  it("in the right order stays as it is", () => {
    assert.deepEqual(told(leaf + intermediate, key("leaf")), { chain: ["leaf", "intermediate"], remarks: [], names: ["odd.example.com", "*.odd.example.com"] });
    assert.deepEqual(told(leaf + intermediate + root, key("leaf")).remarks, []);
  });

  it("in another order is put in order, and that is said", () => {
    for (const written of [root + intermediate + leaf, leaf + root + intermediate, intermediate + leaf + root]) {
      const { chain, remarks } = told(written, key("leaf"));
      assert.deepEqual(chain, ["leaf", "intermediate", "root"]);
      assert.match(remarks.join(), /out of order, and are served in the right one/);
    }
  });

  it("has each certificate once", () => assert.deepEqual(told(leaf + leaf + intermediate + intermediate, key("leaf")), { chain: ["leaf", "intermediate"], remarks: [], names: ["odd.example.com", "*.odd.example.com"] }));

  it("with strangers keeps them at its end, and they are named", () => {
    const { chain, remarks } = told(leaf + stranger + intermediate, key("leaf"));
    assert.deepEqual(chain, ["leaf", "intermediate", "p-384"]);
    assert.match(remarks.join(), /issued none of the others \("CN=p-384"\)/);
  });

  it("signed with SHA-1 is served with a warning", () => {
    assert.match(told(crt("leaf-sha1") + intermediate, key("leaf-sha1")).remarks.join(), /"CN=leaf-sha1" is signed with ecdsa-with-SHA1, which clients refuse/);
    assert.match(told(crt("ed25519"), key("ed25519")).remarks.join(), /Ed25519 key, which browsers refuse/);
  });
});
