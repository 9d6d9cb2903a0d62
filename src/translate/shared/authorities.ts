import type { Result } from "#lib/result";
import type { Reader } from "#store/family";
import { objectKey, objects } from "#translate/facts";
import { mayUseSecret, parseSecretName } from "#translate/shared/delegation";
import { authoritiesOf, revocationsOf, secretExists } from "#translate/shared/secrets";

/** What a reference to a Secret of authorities or revocation lists leads to. */
export type ResolvedPem = { readonly kind: "ok"; readonly pem: string } | { readonly kind: "not-found" | "invalid" | "not-delegated" };

/** Follows a reference, `name` or `namespace/name`, from one object. */
export type PemResolver = (reference: string) => ResolvedPem;

function resolver(read: Reader, own: string, pick: (namespace: string, name: string) => Result<string, string>): PemResolver {
  return (reference) => {
    const { namespace, name } = parseSecretName(reference, own);
    if (!mayUseSecret(read, own, namespace, name)) return { kind: "not-delegated" };
    if (!secretExists(read, namespace, name)) return { kind: "not-found" };
    const pem = pick(namespace, name);
    return pem.ok ? { kind: "ok", pem: pem.value } : { kind: "invalid" };
  };
}

/** Finds the authorities that a field of an object in the namespace `own` names. */
export function authoritiesResolver(read: Reader, own: string): PemResolver {
  return resolver(read, own, (namespace, name) => authoritiesOf(read, namespace, name));
}

/** Finds the revocation lists that a field of an object in the namespace `own` names. */
export function revocationsResolver(read: Reader, own: string): PemResolver {
  return resolver(read, own, (namespace, name) => revocationsOf(read, namespace, name));
}

/** Reads one key of a Secret in the namespace `own`, as text. */
export function secretKeyReader(read: Reader, own: string): (name: string, key: string) => string | undefined {
  return (name, key) => {
    const encoded = read.one(objects("Secret"), objectKey(own, name))?.data?.[key];
    return encoded === undefined ? undefined : Buffer.from(encoded, "base64").toString("utf8");
  };
}
