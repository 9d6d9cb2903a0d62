import "reflect-metadata";
import { createPrivateKey, generateKeyPairSync, webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";
import { pemOf } from "./identities.ts";

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;

/** Makes a server's certificate as SPIFFE has them, by the authority of the stories: it names the server by a URI only. */
export async function makeWorkloadIdentity(uri: string): Promise<{ readonly certificate: string; readonly key: string }> {
  const authority = pemOf("authority");
  const signingKey = await webcrypto.subtle.importKey("pkcs8", createPrivateKey(authority.key).export({ type: "pkcs8", format: "der" }), algorithm, false, ["sign"]);
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const verifying = await webcrypto.subtle.importKey("spki", publicKey.export({ type: "spki", format: "der" }), algorithm, true, ["verify"]);
  const certificate = await x509.X509CertificateGenerator.create({
    subject: "CN=workload", issuer: new x509.X509Certificate(authority.certificate).subject, notBefore: new Date("2020-01-01"), notAfter: new Date("2120-01-01"), publicKey: verifying, signingKey, signingAlgorithm: algorithm,
    extensions: [new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]), new x509.SubjectAlternativeNameExtension([{ type: "url", value: uri }])],
  });
  return { certificate: certificate.toString("pem"), key: privateKey.export({ type: "pkcs8", format: "pem" }).toString() };
}
