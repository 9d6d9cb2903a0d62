import type { Verdict } from "#doctor/verdict";
import type { Outcome } from "#doctor/plan";
import type { ClusterView } from "#doctor/view";

type WrongSpeech = Extract<Outcome, { readonly kind: "tls-wanted" | "tls-absent" | "tls-failed" | "client-certificate-wanted" | "certificate" | "not-http" }>;

const certificateIds = { untrusted: "certificate-untrusted", name: "certificate-name", expired: "backend-certificate-expired" } as const;

/** Envoy and the backend are connected, and do not speak the same way. */
export function wrongSpeech(outcome: WrongSpeech, cluster: ClusterView): readonly Verdict[] {
  switch (outcome.kind) {
    case "tls-wanted":
      return [{ id: "tls-wanted", what: "the backend speaks TLS, and Envoy is to speak to it in clear", fix: wantTls(cluster) }];
    case "tls-absent":
      return [{ id: "tls-absent", what: "the backend speaks no TLS, and Envoy is to speak TLS to it", fix: wantPlain(cluster) }];
    case "tls-failed":
      return [{ id: "tls-failed", what: `the TLS handshake fails: ${outcome.reason}`, fix: "compare the TLS versions and ciphers of both sides: spec.envoy.cluster.upstreamTLS of the ContourConfiguration" }];
    case "client-certificate-wanted":
      // Envoy has one to show, and its key stays where it is: whether the backend takes it cannot be seen from here.
      return cluster.showsCertificate ? [] : [{ id: "client-certificate-wanted", what: "the backend wants to see a certificate, and Envoy has none to show", fix: "name one: spec.envoy.clientCertificate of the ContourConfiguration, or spec.tls.backend.clientCertificateRef of the Gateway" }];
    case "certificate":
      return [{ id: certificateIds[outcome.problem], what: `Envoy does not take the backend's certificate: ${outcome.detail}`, fix: trustFix(outcome.problem, cluster) }];
    case "not-http":
      return [{ id: "not-http", what: `${outcome.reason}; Envoy speaks ${cluster.protocol === "h2" || cluster.protocol === "h2c" ? "HTTP/2" : "HTTP/1.1"} to it`, fix: "write the protocol that it speaks: h2c, h2 or tls at the service of an HTTPProxy, appProtocol or projectcontour.io/upstream-protocol.… of the Service; what is no HTTP at all needs a tcpproxy or TCPRoute" }];
    default:
      return outcome satisfies never;
  }
}

function isGatewayApi({ origins: [{ kind }] }: ClusterView): boolean {
  return kind.endsWith("Route");
}

function wantTls(cluster: ClusterView): string {
  const { service, origins: [origin] } = cluster;
  const name = service === undefined ? "" : ` ${service.namespace}/${service.name}`;
  if (isGatewayApi(cluster)) return `add a BackendTLSPolicy for Service${name}`;
  return origin.kind === "HTTPProxy" ? `write protocol: tls (or h2) at ${origin.field ?? "the service"}, and validation` : `annotate Service${name}: projectcontour.io/upstream-protocol.tls: "${service?.port ?? "PORT"}"`;
}

function wantPlain(cluster: ClusterView): string {
  if (isGatewayApi(cluster)) return "remove the BackendTLSPolicy, or name the port that speaks TLS";
  return "remove protocol: tls from the route, or the annotation projectcontour.io/upstream-protocol.tls from the Service; or name the port that speaks TLS";
}

function trustFix(problem: keyof typeof certificateIds, cluster: ClusterView): string {
  const place = isGatewayApi(cluster) ? "spec.validation of the BackendTLSPolicy" : `validation at ${cluster.origins[0].field ?? "the service"}`;
  switch (problem) {
    case "untrusted":
      return `put the authority that issued it into ${place} (ca.crt), or give the backend a certificate of the one that is there`;
    case "name":
      return `write one of its names into ${place}, or give the backend a certificate for the name that is there`;
    case "expired":
      return "renew the certificate of the backend";
    default:
      return problem satisfies never;
  }
}
