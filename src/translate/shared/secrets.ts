import { orderSecretType } from "#acme/record";
import type { CertificateWarning } from "#conditions/certificate";
import type { Secret } from "#gen/k8s/secret";
import { fail, ok } from "#lib/result";
import type { Result } from "#lib/result";
import type { Reader, Rule } from "#store/family";
import { family } from "#store/family";
import { fetchedStaples, lastGoodCertificates, objectKey, objects, orderSecrets, secretTimes } from "#translate/facts";
import { aboutOwner, examineAuthorities, examineRevocations } from "#translate/secrets/authorities";
import type { ExaminedPem } from "#translate/secrets/authorities";
import { examineStapled } from "#translate/secrets/certificate";
import type { ExaminedCertificate, ServingCertificate, StapledCertificate, StapleQuestion } from "#translate/secrets/certificate";
import { endsSoonFrom, writeTime } from "#translate/secrets/moments";
import type { SecretMoments } from "#translate/secrets/moments";
import { coversHost } from "#translate/secrets/names";

/** A Secret of certificates, looked at once however many hosts use it. */
export interface ExaminedSecret {
  /** Tells a Secret from one of the same name that was there before; absent for files. */
  readonly uid: string | undefined;
  /** What is served. */
  readonly certificate: Result<ServingCertificate, string>;
  /** What is odd with it, whoever uses it and whatever the time is. */
  readonly remarks: readonly CertificateWarning[];
  /** The certificate that it holds now, where that can be served and its time has come. */
  readonly good: ServingCertificate | undefined;
  /** What a responder can be asked about the certificate that it holds now. */
  readonly question: StapleQuestion | undefined;
  readonly authorities: Result<ExaminedPem, string>;
  readonly revocations: Result<ExaminedPem, string>;
  readonly moments: SecretMoments;
}

/** Bucket: `namespace/name` of the Secret. */
export const examinedSecrets = family<ExaminedSecret>("examined-secret");

/** Checks every Secret once. */
export const examineSecrets: Rule = {
  name: "examine-secret",
  over: objects("Secret"),
  derive(bucket, read, emit) {
    const secret = read.one(objects("Secret"), bucket);
    if (secret?.type === orderSecretType) emit(orderSecrets, bucket, true);
    else if (secret !== undefined) emit(examinedSecrets, bucket, examineSecret(read, bucket, secret));
  },
};

/** The serving certificate of a Secret, or why it cannot be served. */
export function certificateOf(read: Reader, namespace: string, name: string): Result<ServingCertificate, string> {
  return examined(read, namespace, name, (secret) => secret.certificate);
}

/** What to tell whoever uses a certificate for some hosts; it is served all the same, as clients may accept it. */
export function certificateWarnings(read: Reader, certificate: ServingCertificate, hosts: Iterable<string>): readonly CertificateWarning[] {
  const remarks = read.one(examinedSecrets, certificate.name)?.remarks ?? [];
  return [...remarks, ...nameWarnings(certificate, hosts), ...timeWarnings(certificate, read.one(secretTimes, certificate.name))];
}

/** The authorities of a Secret's `ca.crt`, or why there are none. */
export function examinedAuthorities(read: Reader, namespace: string, name: string): Result<ExaminedPem, string> {
  return examined(read, namespace, name, (secret) => secret.authorities);
}

/** The revocation lists of a Secret's `crl.pem`, or why there are none. */
export function examinedRevocations(read: Reader, namespace: string, name: string): Result<ExaminedPem, string> {
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

function examineSecret(read: Reader, bucket: string, secret: Secret): ExaminedSecret {
  // Byte by byte: what is no text must be recognized, and certificates are ASCII.
  const data = (key: string): string | undefined => {
    const encoded = secret.data?.[key];
    return encoded === undefined ? undefined : Buffer.from(encoded, "base64").toString("latin1");
  };
  const who = `Secret ${JSON.stringify(secret.metadata.name)}`;
  const stapled = stapledCertificate(read, bucket, secret, data);
  const own = aboutOwner(who, stapled.certificate);
  const authorities = aboutOwner(who, examineAuthorities(data("ca.crt")));
  const revocations = aboutOwner(who, examineRevocations(data("crl.pem")));
  const served = choose(read, bucket, secret, own);
  const ends = [authorities, revocations].flatMap((part) => (part.ok ? part.value.ends.map(({ at }) => at) : []));
  const begins = own.ok ? own.value.certificate.validFrom : 0;
  const later = served.certificate.ok ? [endsSoonFrom(served.certificate.value), served.certificate.value.expiresAt, ...(served.certificate.value.stapleUntil === undefined ? [] : [served.certificate.value.stapleUntil])] : [];
  return { uid: secret.metadata.uid, ...served, question: stapled.question, authorities, revocations, moments: { begins, later: [...later, ...ends] } };
}

/** What was fetched is looked for only where there is something to ask: for most certificates there is not. */
function stapledCertificate(read: Reader, bucket: string, secret: Secret, data: (key: string) => string | undefined): StapledCertificate {
  const [chain, key, staple] = [data("tls.crt"), data("tls.key"), data("tls.ocsp-staple")];
  const own = staple === undefined || staple === "" ? undefined : new Uint8Array(Buffer.from(staple, "latin1"));
  const found = examineStapled(secret, chain, key, { own, fetched: undefined });
  const fetched = found.question === undefined ? undefined : read.one(fetchedStaples, bucket);
  return fetched === undefined ? found : examineStapled(secret, chain, key, { own, fetched });
}

type Chosen = Pick<ExaminedSecret, "certificate" | "remarks" | "good">;

/** What a Secret holds is served, unless it cannot be, or not yet or no longer, and it has held something better before. */
function choose(read: Reader, bucket: string, { metadata }: Secret, own: Result<ExaminedCertificate, string>): Chosen {
  const time = own.ok ? read.one(secretTimes, bucket) : undefined;
  const untimely = own.ok && time !== undefined ? untimeliness(own.value.certificate, time) : undefined;
  if (own.ok && untimely === undefined) return { certificate: ok(own.value.certificate), remarks: own.value.remarks, good: own.value.certificate };
  const kept = read.one(lastGoodCertificates, bucket);
  if (kept !== undefined && kept.uid === metadata.uid && (!own.ok || own.value.certificate.expiresAt < kept.certificate.expiresAt || (time ?? 0) < own.value.certificate.validFrom)) {
    const message = `${own.ok ? `Secret ${JSON.stringify(metadata.name)}: its new certificate ${untimely}` : own.error}. The certificate that it had before is served until it ends, at ${writeTime(kept.certificate.expiresAt)}; mend the Secret, or delete it to stop that`;
    return { certificate: ok(kept.certificate), remarks: [{ reason: "CertificateKept", message }], good: undefined };
  }
  return { certificate: own.ok ? ok(own.value.certificate) : own, remarks: own.ok ? own.value.remarks : [], good: undefined };
}

function untimeliness({ validFrom, expiresAt }: ServingCertificate, time: number): string | undefined {
  if (time < validFrom) return `counts from ${writeTime(validFrom)} only`;
  return time < expiresAt ? undefined : `ended at ${writeTime(expiresAt)}`;
}

function nameWarnings({ name, dnsNames }: ServingCertificate, hosts: Iterable<string>): readonly CertificateWarning[] {
  // Nobody asks for the host "*" by its name.
  const strange = [...hosts].filter((host) => host !== "*" && !coversHost(dnsNames, host)).map((host) => JSON.stringify(host));
  if (strange.length === 0) return [];
  const names = dnsNames.length === 0 ? "it has no DNS names" : `it is for ${dnsNames.slice(0, shownNames).join(", ")}${dnsNames.length > shownNames ? ` and ${dnsNames.length - shownNames} more` : ""}`;
  return [{ reason: "CertificateNameMismatch", message: `the certificate in Secret ${JSON.stringify(name)} is not for ${strange.slice(0, shownNames).join(", ")}${strange.length > shownNames ? ` and ${strange.length - shownNames} more hosts` : ""}, and clients refuse it: ${names}` }];
}

const shownNames = 5;

/** Without a time there is nothing to say: it is put in when one of the moments matters. */
function timeWarnings(certificate: ServingCertificate, time: number | undefined): readonly CertificateWarning[] {
  const { name, validFrom, expiresAt } = certificate;
  const what = `the certificate in Secret ${JSON.stringify(name)}`;
  if (time === undefined) return [];
  const staple: readonly CertificateWarning[] = time < (certificate.stapleUntil ?? Infinity) ? [] : [{ reason: "StapleExpired", message: `the OCSP staple of ${what} ended at ${writeTime(certificate.stapleUntil ?? 0)}, and clients are shown none; put a new one into "tls.ocsp-staple"` }];
  if (time < validFrom) return [{ reason: "CertificateNotYetValid", message: `${what} counts from ${writeTime(validFrom)}; clients refuse it until then` }];
  if (time >= expiresAt) return [{ reason: "CertificateExpired", message: `${what} expired at ${writeTime(expiresAt)}; renew it, clients refuse it` }];
  return [...staple, ...(time >= endsSoonFrom(certificate) ? [{ reason: "CertificateEndsSoon" as const, message: `${what} ends at ${writeTime(expiresAt)}; renew it` }] : [])];
}
