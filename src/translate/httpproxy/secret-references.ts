import type { HTTPProxy } from "#gen/k8s/http-proxy";
import type { Result } from "#lib/result";
import { objectKey, objects } from "#translate/facts";
import type { Visit } from "#translate/httpproxy/visit";
import { mayUseSecret, parseSecretName } from "#translate/shared/delegation";
import { authoritiesOf, revocationsOf, secretExists } from "#translate/shared/secrets";

/** What a reference to a Secret of authorities or revocation lists leads to. */
export type ResolvedPem = { readonly kind: "ok"; readonly pem: string } | { readonly kind: "not-found" | "invalid" | "not-delegated" };

/** Follows a reference, `name` or `namespace/name`, from one HTTPProxy. */
export type PemResolver = (reference: string) => ResolvedPem;

function resolver(visit: Visit, proxy: HTTPProxy, pick: (namespace: string, name: string) => Result<string, string>): PemResolver {
  const own = proxy.metadata.namespace ?? "";
  return (reference) => {
    const { namespace, name } = parseSecretName(reference, own);
    if (!mayUseSecret(visit.read, own, namespace, name)) return { kind: "not-delegated" };
    if (!secretExists(visit.read, namespace, name)) return { kind: "not-found" };
    const pem = pick(namespace, name);
    return pem.ok ? { kind: "ok", pem: pem.value } : { kind: "invalid" };
  };
}

/** Finds the authorities that a field names. */
export function caCertificateResolver(visit: Visit, proxy: HTTPProxy): PemResolver {
  return resolver(visit, proxy, (namespace, name) => authoritiesOf(visit.read, namespace, name));
}

/** Finds the revocation lists that a field names. */
export function revocationResolver(visit: Visit, proxy: HTTPProxy): PemResolver {
  return resolver(visit, proxy, (namespace, name) => revocationsOf(visit.read, namespace, name));
}

/** Reads one key of a Secret in the HTTPProxy's own namespace, as text. */
export function secretKeyReader(visit: Visit, proxy: HTTPProxy): (name: string, key: string) => string | undefined {
  return (name, key) => {
    const encoded = visit.read.one(objects("Secret"), objectKey(proxy.metadata.namespace ?? "", name))?.data?.[key];
    return encoded === undefined ? undefined : Buffer.from(encoded, "base64").toString("utf8");
  };
}
