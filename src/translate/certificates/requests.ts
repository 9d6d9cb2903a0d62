import { issuedLabel, issuerAnnotation } from "#acme/record";
import { proxyError, proxyWarning } from "#conditions/http-proxy";
import { parseFieldPath } from "#k8s/object";
import { compareText } from "#lib/compare";
import { fail, ok } from "#lib/result";
import type { Result } from "#lib/result";
import type { Emit, Reader, Rule } from "#store/family";
import { ingressProblems, objectKey, objects, proxyReports } from "#translate/facts";
import { findIssuer, forbiddenBy, grantsWildcard, issuerProblems, nameOf } from "#translate/certificates/issuers";
import type { Issuer } from "#translate/certificates/issuers";
import { orderOf } from "#translate/certificates/orders";
import { ownerOfHost, strangerBelow } from "#translate/certificates/ownership";
import { solverOf } from "#translate/certificates/solver";
import { certificateNews, certificateRequests, certificateWishes } from "#translate/certificates/request";
import type { CertificateNews, CertificateRequest, CertificateWish } from "#translate/certificates/request";

/** The most names that one certificate can have (the limit of well-known servers). */
const mostHosts = 100;

/** Decides, for each Secret that objects want a certificate in, whether it is ordered, and tells them. */
export const certificateRequestRule: Rule = {
  name: "certificate-request",
  over: certificateWishes,
  derive(bucket, read, emit) {
    const [namespace = "", name = ""] = bucket.split("/");
    const wishes = read.all(certificateWishes, bucket);
    const request = merge(read, namespace, name, wishes);
    if (request.ok) emit(certificateRequests, bucket, request.value);
    const news = request.ok ? progress(read, request.value) : { reason: "CertificateRefused" as const, message: request.error };
    if (news === undefined) return;
    emit(certificateNews, bucket, news);
    for (const wish of wishes) tell(emit, wish, news, read.any(objects("Secret"), bucket));
  },
};

function merge(read: Reader, namespace: string, name: string, wishes: readonly CertificateWish[]): Result<CertificateRequest, string> {
  const secret = JSON.stringify(objectKey(namespace, name));
  const [first] = wishes;
  if (first === undefined) return fail("nobody wants it");
  const foreign = wishes.find(({ owner }) => owner.namespace !== namespace);
  if (foreign !== undefined) return fail(`a certificate is issued only into the namespace of who asks for it, and Secret ${secret} is in another than ${foreign.owner.kind} ${JSON.stringify(objectKey(foreign.owner.namespace, foreign.owner.name))}`);
  const issuers = wishes.map((wish) => findIssuer(read, wish.issuer));
  const [issuer] = issuers;
  if (issuer === undefined || !issuer.ok) return fail(issuer?.error ?? "");
  if (issuers.some((other) => !other.ok || other.value.key !== issuer.value.key)) return fail(`the objects that name Secret ${secret} want it from different issuers; let them agree, or name different Secrets`);
  const hosts = [...new Set(wishes.flatMap((wish) => wish.hosts))].toSorted(compareText);
  const refusal = hosts.length > mostHosts ? `${hosts.length} hosts are more than one certificate can have (${mostHosts}); use several Secrets` : (foreignSecret(read, namespace, name) ?? forbiddenBy(issuer.value, namespace, hosts) ?? hosts.map((host) => forbiddenHost(read, issuer.value, namespace, host)).find((found) => found !== undefined));
  if (refusal !== undefined) return fail(refusal);
  return ok({ namespace, name, issuer: issuer.value.key, hosts, fleets: [...new Set(wishes.map(({ fleet }) => fleet))].toSorted(compareText) });
}

/** What we did not make is never overwritten. */
function foreignSecret(read: Reader, namespace: string, name: string): string | undefined {
  const secret = read.one(objects("Secret"), objectKey(namespace, name));
  if (secret === undefined || (secret.metadata.labels?.[issuedLabel] !== undefined && secret.metadata.annotations?.["cert-manager.io/certificate-name"] === undefined)) return undefined;
  return `Secret ${JSON.stringify(objectKey(namespace, name))} was not made here and is not overwritten; delete it, name another one, or ask for no certificate`;
}

function forbiddenHost(read: Reader, issuer: Issuer, namespace: string, host: string): string | undefined {
  const nameless = namelessHost(issuer, host);
  if (nameless !== undefined) return nameless;
  const owner = ownerOfHost(read, host);
  if (owner !== undefined && owner !== namespace) return `the host ${JSON.stringify(host)} belongs to namespace ${JSON.stringify(owner)}, whose object is older; only there a certificate for it can be asked for`;
  const { acme } = issuer.spec;
  if (acme !== undefined && solverOf(acme, host) === undefined) return `${nameOf(issuer.key)} has no solver for ${JSON.stringify(host)}${host.startsWith("*.") ? "; wildcards need one of type DNS-01" : ""}`;
  const stranger = host.startsWith("*.") && !grantsWildcard(issuer, namespace, host) ? strangerBelow(read, host, namespace) : undefined;
  if (stranger === undefined) return undefined;
  return `the wildcard ${JSON.stringify(host)} would be a certificate for hosts of namespace ${JSON.stringify(stranger)}, too; spec.allow of a ClusterCertificateIssuer can let namespace ${JSON.stringify(namespace)} have it`;
}

/** Why no certificate of an issuer can be for a host, whoever asks. An authority of the cluster certifies names that nobody else knows. */
function namelessHost({ key, spec }: Issuer, host: string): string | undefined {
  const labels = /^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(host) ? host.split(".").length : 0;
  if (spec.authority === undefined) return labels > 1 ? undefined : `no public certificate can be for the host ${JSON.stringify(host)}; it needs a name like shop.example.com`;
  if (labels === 0) return `no certificate can be for the host ${JSON.stringify(host)}; it needs a name`;
  const { domains } = spec.authority;
  const plain = host.replace(/^\*\./, "");
  return domains === undefined || domains.some((domain) => plain === domain || plain.endsWith(`.${domain}`)) ? undefined : `${nameOf(key)} certifies no host like ${JSON.stringify(host)} (its spec.authority.domains)`;
}

/** How far the order is; nothing where there is a certificate and no trouble. */
function progress(read: Reader, { namespace, name, issuer, hosts }: CertificateRequest): CertificateNews | undefined {
  const secret = read.one(objects("Secret"), objectKey(namespace, name));
  const record = orderOf(read, namespace, name);
  const failed = record?.problem === undefined ? undefined : `${nameOf(issuer)}: ${record.problem}${record.retryAt === undefined ? "" : ` (${record.failures} failed, next try ${new Date(record.retryAt).toISOString().slice(0, 19)}Z)`}`;
  if (failed !== undefined) return { reason: "CertificateFailing", message: `no ${secret === undefined ? "" : "new "}certificate for ${hosts.join(", ")}: ${failed}` };
  if (secret !== undefined && secret.metadata.annotations?.[issuerAnnotation] !== undefined) return undefined;
  const [unready] = read.all(issuerProblems, issuer);
  return { reason: "CertificatePending", message: `the certificate for ${hosts.join(", ")} is being ordered from ${nameOf(issuer)}${unready === undefined ? "" : `, which is not ready: ${unready}`}` };
}

/** Where there is a certificate all the same, the host is served, and the news is a warning. */
function tell(emit: Emit, { owner, field }: CertificateWish, { reason, message }: CertificateNews, served: boolean): void {
  const key = objectKey(owner.namespace, owner.name);
  if (owner.kind === "HTTPProxy") emit(proxyReports, key, { reached: true, problems: [(served ? proxyWarning : proxyError)("TLSError", reason, parseFieldPath(field), message)] });
  if (owner.kind === "Ingress") emit(ingressProblems, key, { severity: served ? "warning" : "error", field, message });
}
