import type { TLSCertificateDelegation } from "#gen/k8s/tls-certificate-delegation";
import type { SecretReference } from "#settings/settings";
import type { Reader, Rule } from "#store/family";
import { family } from "#store/family";
import { objectKey, objects } from "#translate/facts";

/** Namespaces that may use a Secret; `*` is all of them. Bucket: `namespace/name` of the Secret. */
const delegatedTo = family<string>("delegated-to");

/** Files delegations under the Secrets that they open. */
export const indexDelegations: Rule = {
  name: "index-delegation",
  over: objects("TLSCertificateDelegation"),
  derive(bucket, read, emit) {
    const delegation: TLSCertificateDelegation | undefined = read.one(objects("TLSCertificateDelegation"), bucket);
    for (const { secretName, targetNamespaces } of delegation?.spec.delegations ?? []) {
      for (const namespace of targetNamespaces) emitTarget(secretName, namespace, targetNamespaces.length);
    }
    function emitTarget(secretName: string, namespace: string, count: number): void {
      // Only a list of just "*" means every namespace; among others it is the name of none.
      if (namespace !== "*" || count === 1) emit(delegatedTo, objectKey(delegation?.metadata.namespace ?? "", secretName), namespace);
    }
  },
};

/** Whether `user` may use the Secret `namespace/name`: its own always, others' when a delegation says so. */
export function mayUseSecret(read: Reader, user: string, namespace: string, name: string): boolean {
  return user === namespace || read.all(delegatedTo, objectKey(namespace, name)).some((target) => target === "*" || target === user);
}

/** Why a namespace cannot use the default certificate of the installation. */
export function defaultNotDelegated({ namespace, name }: SecretReference, user: string): string {
  return `the default certificate ${JSON.stringify(objectKey(namespace, name))} is not delegated to namespace ${JSON.stringify(user)}; name a Secret of your own, or ask the operator for a TLSCertificateDelegation`;
}

/** Splits `name` or `namespace/name`. */
export function parseSecretName(text: string, ownNamespace: string): { readonly namespace: string; readonly name: string } {
  const slash = text.indexOf("/");
  return slash === -1 ? { namespace: ownNamespace, name: text } : { namespace: text.slice(0, slash), name: text.slice(slash + 1) };
}
