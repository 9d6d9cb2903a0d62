// Writes testdata/certificates: the keys and certificates of the golden stories. `bin/node tools/certificates/make.ts`
import "reflect-metadata";
import { generateKeyPairSync, webcrypto } from "node:crypto";
import { writeFileSync } from "node:fs";
import * as x509 from "@peculiar/x509";

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const validity = { notBefore: new Date("2020-01-01"), notAfter: new Date("2120-01-01") };
const folder = new URL("../../testdata/certificates/", import.meta.url);

interface Identity {
  readonly certificate: x509.X509Certificate;
  readonly keys: webcrypto.CryptoKeyPair;
}

async function makeKeys(name: string): Promise<webcrypto.CryptoKeyPair> {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const pem = privateKey.export({ type: "pkcs8", format: "pem" });
  writeFileSync(new URL(`${name}.key`, folder), pem);
  const der = privateKey.export({ type: "pkcs8", format: "der" });
  const key = await webcrypto.subtle.importKey("pkcs8", der, algorithm, true, ["sign"]);
  const { d: _private, key_ops: _operations, ...point } = await webcrypto.subtle.exportKey("jwk", key);
  return { privateKey: key, publicKey: await webcrypto.subtle.importKey("jwk", point, algorithm, true, ["verify"]) };
}

function write(name: string, certificate: x509.X509Certificate): void {
  writeFileSync(new URL(`${name}.pem`, folder), `${certificate.toString("pem")}\n`);
}

async function authority(file: string, name: string): Promise<Identity> {
  const keys = await makeKeys(file);
  const usage = x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign;
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({ name: `CN=${name}`, ...validity, keys, signingAlgorithm: algorithm, extensions: [new x509.BasicConstraintsExtension(true, undefined, true), new x509.KeyUsagesExtension(usage, true), await x509.SubjectKeyIdentifierExtension.create(keys.publicKey)] });
  write(file, certificate);
  return { certificate, keys };
}

async function leaf(file: string, issuer: Identity, subject: string, use: "server" | "client", names: x509.JsonGeneralNames = []): Promise<x509.X509Certificate> {
  const keys = await makeKeys(file);
  const extensions = [new x509.ExtendedKeyUsageExtension([use === "server" ? x509.ExtendedKeyUsage.serverAuth : x509.ExtendedKeyUsage.clientAuth]), ...(names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names)])];
  const certificate = await x509.X509CertificateGenerator.create({ subject, issuer: issuer.certificate.subject, ...validity, publicKey: keys.publicKey, signingKey: issuer.keys.privateKey, signingAlgorithm: algorithm, extensions });
  write(file, certificate);
  return certificate;
}

const dns = (...hosts: readonly string[]): x509.JsonGeneralNames => hosts.map((value) => ({ type: "dns", value }));
const golden = await authority("authority", "Golden Authority");
const strange = await authority("stranger-authority", "Stranger Authority");
await leaf("backend", golden, "CN=backend.test", "server", dns("backend.test", "secure.test"));
for (const host of ["shop", "other", "fallback"]) await leaf(host, golden, `CN=${host}.example.com`, "server", dns(`${host}.example.com`));
await leaf("wildcard", golden, "CN=*.wild.example.com", "server", dns("*.wild.example.com"));
await leaf("client", golden, "CN=client one, O=Golden", "client", [...dns("client.test"), { type: "url", value: "spiffe://golden/client" }]);
const revoked = await leaf("revoked", golden, "CN=client two, O=Golden", "client");
await leaf("stranger", strange, "CN=stranger", "client");
const list = await x509.X509CrlGenerator.create({ issuer: golden.certificate.subject, thisUpdate: validity.notBefore, nextUpdate: validity.notAfter, signingAlgorithm: algorithm, signingKey: golden.keys.privateKey, entries: [{ serialNumber: revoked.serialNumber, revocationDate: new Date("2021-01-01"), reason: x509.X509CrlReason.keyCompromise }] });
writeFileSync(new URL("authority.crl.pem", folder), `${list.toString("pem").replaceAll(" CRL-----", " X509 CRL-----")}\n`);
for (const name of ["token", "stranger-token"]) await makeKeys(name);
