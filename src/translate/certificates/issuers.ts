import type { CertificateIssuer } from "#gen/k8s/certificate-issuer";
import type { ClusterCertificateIssuer } from "#gen/k8s/cluster-certificate-issuer";
import { compareText } from "#lib/compare";
import { fail, ok } from "#lib/result";
import type { Result } from "#lib/result";
import type { Reader, Rule } from "#store/family";
import { family } from "#store/family";
import { objectKey, objects } from "#translate/facts";
import type { IssuerKey, IssuerWish } from "#translate/certificates/request";

/** An issuer as requests see it. */
export interface Issuer {
  readonly key: IssuerKey;
  readonly spec: ClusterCertificateIssuer["spec"] | CertificateIssuer["spec"];
}

/** Why an issuer can issue nothing now, as its status says: statuses are no part of what is translated. Bucket: the issuer's key. Put in by the composition root. */
export const issuerProblems = family<string>("issuer-problem");

/** Cluster-wide issuers that are meant where none is named. One bucket, "". */
const defaultIssuers = family<string>("default-issuer");

/** The key of an issuer; the namespace of a cluster-wide one is empty. */
export function issuerKey(kind: string, namespace: string, name: string): IssuerKey {
  return `${kind}/${kind === "ClusterCertificateIssuer" ? "" : namespace}/${name}`;
}

/** Knows which issuers are the default. */
export const indexIssuers: Rule = {
  name: "index-issuer",
  over: objects("ClusterCertificateIssuer"),
  derive(bucket, read, emit) {
    const issuer = read.one(objects("ClusterCertificateIssuer"), bucket);
    if (issuer?.spec.default === true) emit(defaultIssuers, "", issuer.metadata.name);
  },
};

/** The issuer that is meant, or why there is none. */
export function findIssuer(read: Reader, wish: IssuerWish): Result<Issuer, string> {
  const key = wish.kind === "named" ? wish.key : defaultKey(read);
  if (key === undefined) return fail("no issuer is the default one; name one, or set spec.default of a ClusterCertificateIssuer");
  const object = objectOf(read, key);
  return object === undefined ? fail(`there is no ${nameOf(key)}`) : ok({ key, spec: object.spec });
}

function objectOf(read: Reader, key: IssuerKey): ClusterCertificateIssuer | CertificateIssuer | undefined {
  const [kind, namespace = "", name = ""] = key.split("/");
  return read.one(objects(kind === "CertificateIssuer" ? kind : "ClusterCertificateIssuer"), objectKey(namespace, name));
}

/** Whether some issuer is meant where none is named. */
export function hasDefaultIssuer(read: Reader): boolean {
  return read.any(defaultIssuers, "");
}

function defaultKey(read: Reader): IssuerKey | undefined {
  const [name] = read.all(defaultIssuers, "").toSorted(compareText);
  return name === undefined ? undefined : issuerKey("ClusterCertificateIssuer", "", name);
}

/** Why an issuer gives none of these hosts to a namespace; undefined when it may have them. */
export function forbiddenBy({ key, spec }: Issuer, namespace: string, hosts: readonly string[]): string | undefined {
  if (!("allow" in spec) || spec.allow === undefined) return undefined;
  const forbidden = hosts.find((host) => !grants(spec, namespace, host));
  return forbidden === undefined ? undefined : `${nameOf(key)} gives namespace ${JSON.stringify(namespace)} no certificate for ${JSON.stringify(forbidden)} (its spec.allow)`;
}

/** Whether an issuer says of a wildcard by name that a namespace may have it. */
export function grantsWildcard({ spec }: Issuer, namespace: string, host: string): boolean {
  return "allow" in spec && (spec.allow ?? []).some((entry) => fits(entry.namespaces, namespace) && entry.hosts.some((pattern) => pattern.toLowerCase() === host));
}

function grants({ allow = [] }: ClusterCertificateIssuer["spec"], namespace: string, host: string): boolean {
  return allow.some((entry) => fits(entry.namespaces, namespace) && entry.hosts.some((pattern) => covers(pattern.toLowerCase(), host)));
}

function fits(namespaces: readonly string[], namespace: string): boolean {
  return namespaces.includes(namespace) || namespaces.includes("*");
}

/** A wildcard covers hosts with one more label, and itself. */
function covers(pattern: string, host: string): boolean {
  return pattern === "*" || pattern === host || (pattern.startsWith("*.") && host.slice(host.indexOf(".")) === pattern.slice(1));
}

/** How messages call an issuer. */
export function nameOf(key: IssuerKey): string {
  const [kind, namespace, name] = key.split("/");
  return `${kind} ${JSON.stringify(namespace === "" ? name : `${namespace}/${name}`)}`;
}
