import type { TrustWarning } from "#conditions/certificate";
import type { Result } from "#lib/result";
import type { Reader } from "#store/family";
import { objectKey, objects, secretTimes } from "#translate/facts";
import type { ExaminedPem } from "#translate/secrets/authorities";
import { writeTime } from "#translate/secrets/moments";
import { mayUseSecret, parseSecretName } from "#translate/shared/delegation";
import { examinedAuthorities, examinedRevocations, secretExists } from "#translate/shared/secrets";

/** What a reference to a Secret of authorities or revocation lists leads to. */
export type ResolvedPem =
  | { readonly kind: "ok"; readonly pem: string; readonly warnings: readonly TrustWarning[] }
  | { readonly kind: "not-found" | "invalid" | "not-delegated"; readonly message: string };

/** Follows a reference, `name` or `namespace/name`, from one object. */
export type PemResolver = (reference: string) => ResolvedPem;

function resolver(read: Reader, own: string, pick: (read: Reader, namespace: string, name: string) => Result<ExaminedPem, string>, ended: TrustWarning["reason"]): PemResolver {
  return (reference) => {
    const { namespace, name } = parseSecretName(reference, own);
    const secret = `Secret ${JSON.stringify(reference)}`;
    if (!mayUseSecret(read, own, namespace, name)) return { kind: "not-delegated", message: `${secret} is not delegated to this namespace; its owner can do that with a TLSCertificateDelegation` };
    if (!secretExists(read, namespace, name)) return { kind: "not-found", message: `${secret} does not exist` };
    const found = pick(read, namespace, name);
    return found.ok ? { kind: "ok", pem: found.value.pem, warnings: warningsOf(found.value, secret, read.one(secretTimes, objectKey(namespace, name)), ended) } : { kind: "invalid", message: found.error };
  };
}

/** Without a time nothing has ended: it is put in when something does. */
function warningsOf({ ends, remarks }: ExaminedPem, secret: string, time: number | undefined, ended: TrustWarning["reason"]): readonly TrustWarning[] {
  return [
    ...remarks.map((message) => ({ reason: "AuthorityUnusable" as const, message: `${secret}: ${message}` })),
    ...ends.filter(({ at }) => time !== undefined && at <= time).map(({ what, at }) => ({ reason: ended, message: `${secret}: ${what} ended at ${writeTime(at)}, and nobody passes by it; put in a new one` })),
  ];
}

/** Finds the authorities that a field of an object in the namespace `own` names. */
export function authoritiesResolver(read: Reader, own: string): PemResolver {
  return resolver(read, own, examinedAuthorities, "AuthorityExpired");
}

/** Finds the revocation lists that a field of an object in the namespace `own` names. */
export function revocationsResolver(read: Reader, own: string): PemResolver {
  return resolver(read, own, examinedRevocations, "RevocationListExpired");
}

/** Reads one key of a Secret in the namespace `own`, as text. */
export function secretKeyReader(read: Reader, own: string): (name: string, key: string) => string | undefined {
  return (name, key) => {
    const encoded = read.one(objects("Secret"), objectKey(own, name))?.data?.[key];
    return encoded === undefined ? undefined : Buffer.from(encoded, "base64").toString("utf8");
  };
}
