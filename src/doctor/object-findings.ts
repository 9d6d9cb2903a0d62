import { describeSubject } from "#doctor/subject";
import type { Selection, Subject } from "#doctor/subject";
import { describeOrigin, describeOrigins, finding } from "#doctor/finding";
import type { Finding, FindingId } from "#doctor/finding";
import type { ClusterView, ObjectFault, RoutedView } from "#doctor/view";
import { nearestName } from "#lib/nearest-name";

/** What is wrong with objects, before anything is probed. */
export function objectFindings(selection: Selection, all: RoutedView): readonly Finding[] {
  return [...selection.unknown.map((subject) => unknownFinding(subject, all, selection)), ...selection.faults.map(faultFinding), ...selection.clusters.flatMap(emptyFinding)];
}

function unknownFinding(subject: Subject, { routes }: RoutedView, { claims }: Selection): Finding {
  const who = describeSubject(subject);
  if (subject.kind === "object") return finding("unknown-subject", { who, what: "no such object is served, and nothing is known to be wrong with it", fix: "correct the name, or look at its class (ingressClassName, gatewayClassName, parentRefs): another controller's objects are left alone" });
  const hosts = [...new Set(routes.map(({ host }) => host))];
  if (hosts.includes(subject.host)) return finding("unknown-subject", { who, what: "the host is served, and none of its routes is for this", fix: "add a route for the path, or ask with the other scheme" });
  const claimants = claims.filter(({ host }) => host === subject.host).map((claim) => describeOrigin(claim));
  if (claimants.length > 0) return finding("unknown-subject", { who, what: `${claimants.join(" and ")} name${claimants.length > 1 ? "" : "s"} this host, and it is not served`, fix: "mend what is wrong with the object first, if it has a finding of its own; else look at its class, and at the listeners that it names" });
  const nearest = nearestName(subject.host, hosts);
  return finding("unknown-subject", { who, what: `no route serves this host${nearest === undefined ? "" : `; there is ${nearest}`}`, fix: "write the host into an HTTPProxy (spec.virtualhost.fqdn), an Ingress (spec.rules[].host) or a route of Gateway API (spec.hostnames)" });
}

const idOfReason: Readonly<Record<string, FindingId>> = {
  RefNotPermitted: "reference-grant-missing",
  DelegationNotPermitted: "delegation-missing",
  CACertificateNotDelegated: "delegation-missing",
  RemoteJWKSCACertificateNotDelegated: "delegation-missing",
  FallbackNotDelegated: "delegation-missing",
  SecretNotValid: "secret-invalid",
  FallbackNotPresent: "secret-invalid",
  FallbackNotValid: "secret-invalid",
  InvalidCertificateRef: "secret-invalid",
  InvalidCACertificateRef: "secret-invalid",
  InvalidClientCertificateRef: "secret-invalid",
  ServiceUnresolvedReference: "service-unresolved",
  BackendNotFound: "service-unresolved",
  CertificateExpired: "certificate-expired",
  CertificateNotYetValid: "certificate-expired",
  RejectedByEnvoy: "rejected-by-envoy",
  NotTaken: "not-taken-by-controller",
};

function faultFinding(fault: ObjectFault): Finding {
  const id = idOfReason[fault.reason] ?? (fault.severity === "warning" ? "object-warning" : "object-invalid");
  const field = fault.field === "spec" ? {} : { field: fault.field };
  const who = describeOrigin({ kind: fault.kind, namespace: fault.namespace, name: fault.name, ...field });
  return finding(id, { who: fault.place === undefined ? who : `${who} (${fault.place})`, what: fault.message, fix: fixOf(id, fault) });
}

function fixOf(id: FindingId, { kind, namespace, name, message }: ObjectFault): string {
  switch (id) {
    case "reference-grant-missing": {
      const [, owner = "NAMESPACE"] = /namespace "([^"]+)"/.exec(message) ?? [];
      return `add a ReferenceGrant to namespace ${owner}: spec.from ${kind} of namespace ${namespace}, spec.to what it refers to`;
    }
    case "delegation-missing":
      return `the owner of the Secret adds a TLSCertificateDelegation in its namespace, with targetNamespaces: [${namespace}]`;
    case "secret-invalid":
      return "make the Secret (kubectl create secret tls), or correct the name";
    case "service-unresolved":
      return "make the Service, or write a name and a port that it has";
    case "certificate-expired":
      return "replace the certificate in the Secret, or let one be issued (docs/tls.md)";
    case "object-warning":
      return "remove what has no effect, or write it so that it has";
    default:
      return `kubectl -n ${namespace} describe ${kind.toLowerCase()} ${name}`;
  }
}

function emptyFinding({ source, service, origins }: ClusterView): readonly Finding[] {
  if (source.kind !== "endpoints" || source.endpoints.length > 0) return [];
  const where = service === undefined ? "" : describeService(service);
  const look = service === undefined ? "make the pods behind it ready" : `kubectl -n ${service.namespace} get endpointslices -l kubernetes.io/service-name=${service.name}; then its selector, its targetPort and the readiness of its pods`;
  return [finding("no-ready-endpoints", { who: describeOrigins(origins), where, what: source.absent ?? "nobody is ready behind it", fix: look })];
}

/** A Service and its port, as findings name them. */
export function describeService({ namespace, name, port }: NonNullable<ClusterView["service"]>): string {
  return `Service ${namespace}/${name}:${port}`;
}
