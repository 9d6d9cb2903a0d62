import { X509Certificate, createPrivateKey } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { orderSecretType } from "#acme/record";
import type { Secret } from "#gen/k8s/secret";
import { fail, ok } from "#lib/result";
import type { Result } from "#lib/result";
import { Sensitive } from "#lib/sensitive";
import type { CertificateSecret } from "#model/secret";
import type { Reader, Rule } from "#store/family";
import { family } from "#store/family";
import { expiredCertificates, objectKey, objects, orderSecrets } from "#translate/facts";

/** A Secret of certificates, looked at once however many hosts use it. */
export interface ExaminedSecret {
  readonly certificate: Result<CertificateSecret, string>;
  /** PEM bundle of authorities under `ca.crt`. */
  readonly authorities: Result<string, string>;
  /** PEM revocation lists under `crl.pem`. */
  readonly revocations: Result<string, string>;
}

/** Bucket: `namespace/name` of the Secret. */
const examinedSecrets = family<ExaminedSecret>("examined-secret");

/** Checks every Secret once. */
export const examineSecrets: Rule = {
  name: "examine-secret",
  over: objects("Secret"),
  derive(bucket, read, emit) {
    const secret = read.one(objects("Secret"), bucket);
    if (secret?.type === orderSecretType) emit(orderSecrets, bucket, true);
    else if (secret !== undefined) emit(examinedSecrets, bucket, examineSecret(secret));
  },
};

/** The serving certificate of a Secret, or why it cannot be served. */
export function certificateOf(read: Reader, namespace: string, name: string): Result<CertificateSecret, string> {
  return examined(read, namespace, name, (secret) => secret.certificate);
}

/** What to tell whoever uses a certificate that has ended; it is served all the same, as clients may accept it. */
export function expiryWarning(read: Reader, certificate: CertificateSecret): string | undefined {
  if (!read.any(expiredCertificates, certificate.name)) return undefined;
  return `the certificate in Secret ${JSON.stringify(certificate.name)} expired at ${new Date(certificate.expiresAt).toISOString().replace(".000Z", "Z")}; renew it, clients refuse it`;
}

/** The authorities of a Secret's `ca.crt`, or why there are none. */
export function authoritiesOf(read: Reader, namespace: string, name: string): Result<string, string> {
  return examined(read, namespace, name, (secret) => secret.authorities);
}

/** The revocation lists of a Secret's `crl.pem`, or why there are none. */
export function revocationsOf(read: Reader, namespace: string, name: string): Result<string, string> {
  return examined(read, namespace, name, (secret) => secret.revocations);
}

/** Whether a Secret exists at all. */
export function secretExists(read: Reader, namespace: string, name: string): boolean {
  return read.any(objects("Secret"), objectKey(namespace, name));
}

function examined<T>(read: Reader, namespace: string, name: string, part: (secret: ExaminedSecret) => Result<T, string>): Result<T, string> {
  const secret = read.one(examinedSecrets, objectKey(namespace, name));
  return secret === undefined ? fail(`there is no Secret ${JSON.stringify(name)} in namespace ${JSON.stringify(namespace)}`) : part(secret);
}

function examineSecret(secret: Secret): ExaminedSecret {
  const data = (key: string): string | undefined => {
    const encoded = secret.data?.[key];
    return encoded === undefined ? undefined : Buffer.from(encoded, "base64").toString("utf8");
  };
  const who = `Secret ${JSON.stringify(secret.metadata.name)}`;
  return {
    certificate: examineCertificate(secret, who, data("tls.crt"), data("tls.key")),
    authorities: examinePem(who, "ca.crt", "CERTIFICATE", data("ca.crt"), (pem) => void new X509Certificate(pem)),
    revocations: examinePem(who, "crl.pem", "X509 CRL", data("crl.pem"), () => undefined),
  };
}

function examineCertificate(secret: Secret, who: string, chain: string | undefined, key: string | undefined): Result<CertificateSecret, string> {
  if (secret.type !== "kubernetes.io/tls" && secret.type !== "Opaque" && secret.type !== undefined) return fail(`${who} has type ${JSON.stringify(secret.type)}; use kubernetes.io/tls or Opaque`);
  if (chain === undefined || chain.trim() === "") return fail(`${who} has no certificate under "tls.crt"`);
  if (key === undefined || key.trim() === "") return fail(`${who} has no private key under "tls.key"`);
  const leaf = parse(() => new X509Certificate(chain));
  if (leaf === undefined) return fail(`${who}: "tls.crt" does not begin with a PEM certificate`);
  if (pemBlocks(chain, "CERTIFICATE").some((block) => parse(() => new X509Certificate(block)) === undefined)) return fail(`${who}: "tls.crt" has a certificate in its chain that cannot be read`);
  const privateKey = parse(() => createPrivateKey(key));
  if (privateKey === undefined) return fail(`${who}: "tls.key" is not a PEM private key without a password`);
  return fits(secret, who, chain, key, leaf, privateKey);
}

function fits(secret: Secret, who: string, chain: string, key: string, leaf: X509Certificate, privateKey: KeyObject): Result<CertificateSecret, string> {
  if (!leaf.checkPrivateKey(privateKey)) return fail(`${who}: the private key in "tls.key" does not belong to the certificate in "tls.crt"`);
  const commonName = /(?:^|\n)CN=/.test(leaf.subject ?? "");
  if (leaf.subjectAltName === undefined && !commonName) return fail(`${who}: the certificate names no host (neither a subject alternative name nor a common name)`);
  const { namespace = "", name } = secret.metadata;
  return ok({ name: objectKey(namespace, name), certificateChain: chain, privateKey: new Sensitive(key), expiresAt: leaf.validToDate.getTime(), origin: { kind: "Secret", namespace, name } });
}

function examinePem(who: string, key: string, label: string, text: string | undefined, check: (pem: string) => void): Result<string, string> {
  if (text === undefined || text.trim() === "") return fail(`${who} has nothing under ${JSON.stringify(key)}`);
  const blocks = pemBlocks(text, label);
  const bad = blocks.length === 0 || blocks.some((block) => parse(() => (check(block), true)) === undefined);
  return bad ? fail(`${who}: ${JSON.stringify(key)} is not a list of PEM blocks ${JSON.stringify(label)}`) : ok(text);
}

function pemBlocks(text: string, label: string): readonly string[] {
  return text.match(new RegExp(`-----BEGIN ${label}-----[^-]+-----END ${label}-----`, "g")) ?? [];
}

/** Node's parsers throw for bad input, which here is a user's mistake and so a value. */
function parse<T>(attempt: () => T): T | undefined {
  try {
    return attempt();
  } catch {
    return undefined;
  }
}
