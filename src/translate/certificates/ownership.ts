import { compareText } from "#lib/compare";
import type { Reader, Rule } from "#store/family";
import { family } from "#store/family";
import { hostClaims, objectKey, ourIngresses, ourProxies } from "#translate/facts";
import { wishedHosts } from "#translate/certificates/request";

/** That a namespace has hosts under a domain. Bucket: `domain|namespace`; claims of hosts fill it. */
export const claimsBelow = family<true>("claim-below", () => true);

/** Namespaces with hosts under a domain. Bucket: the domain. */
const namespacesBelow = family<string>("namespace-below");

/** Tells of namespaces once, however many hosts they have. */
export const indexClaimsBelow: Rule = {
  name: "index-claim-below",
  over: claimsBelow,
  derive(bucket, _read, emit) {
    const [domain = "", namespace = ""] = bucket.split("|");
    emit(namespacesBelow, domain, namespace);
  },
};

/** The bucket of `claimsBelow` for a host. */
export function belowKey(host: string, namespace: string): string {
  return `${host.slice(host.indexOf(".") + 1)}|${namespace}`;
}

interface Claimant {
  readonly namespace: string;
  readonly name: string;
  readonly created: string;
}

/** The namespace that a host belongs to: that of the oldest object which names it. */
export function ownerOfHost(read: Reader, host: string): string | undefined {
  const claimed = read.all(hostClaims, host).map(({ kind, namespace, name }): Claimant => {
    const object = kind === "HTTPProxy" ? read.one(ourProxies, objectKey(namespace, name)) : read.one(ourIngresses, objectKey(namespace, name));
    return { namespace, name, created: object?.metadata.creationTimestamp ?? "" };
  });
  const wished = read.all(wishedHosts, host).map(({ owner }): Claimant => owner);
  const [oldest] = [...claimed, ...wished].toSorted((a, b) => compareText(a.created, b.created) || compareText(a.namespace, b.namespace) || compareText(a.name, b.name));
  return oldest?.namespace;
}

/** Another namespace with hosts that a wildcard stands for. */
export function strangerBelow(read: Reader, wildcard: string, namespace: string): string | undefined {
  return read.all(namespacesBelow, wildcard.slice(2)).filter((other) => other !== namespace).toSorted(compareText)[0];
}
