import { issueCertificate } from "#certs/authority";
import type { KeyPair } from "#certs/authority";
import type { KubeObject } from "#k8s/object";

/** How Secrets hold what controller and Envoys need: each with the authority in it, or the authority in a Secret of its own. */
export type SecretsFormat = "compact" | "legacy";

/** Both ends of the xDS connection, and the authority that they know each other by. */
export interface XdsCertificates {
  /** PEM of all authorities that either side accepts. */
  readonly authorities: string;
  readonly contour: KeyPair;
  readonly envoy: KeyPair;
}

/** A Secret as it is written. Values are base64. */
export interface SecretObject extends KubeObject {
  readonly type: string;
  readonly data: Readonly<Record<string, string>>;
}

/** Where Secrets go, and how they are called. */
export interface SecretsWish {
  readonly format: SecretsFormat;
  readonly namespace: string;
  /** Put behind each name; may be empty. */
  readonly suffix: string;
}

/** Issues both certificates, each for all names that a Service of a namespace has. `now` is in milliseconds since 1970. */
export async function issueXdsCertificates(authority: KeyPair, { namespace, days, now }: { readonly namespace: string; readonly days: number; readonly now: number }): Promise<XdsCertificates> {
  const names = (service: string): readonly string[] => [`${service}.${namespace}`, `${service}.${namespace}.svc`, `${service}.${namespace}.svc.cluster.local`];
  const issue = (use: "server" | "client", service: string): Promise<KeyPair> => issueCertificate(authority, { use, dnsName: service, otherDnsNames: names(service), days }, now);
  return { authorities: authority.certificate, contour: await issue("server", "contour"), envoy: await issue("client", "envoy") };
}

/** The Secrets that the manifests mount, as Go Contour's certgen names them. */
export function xdsSecrets({ authorities, contour, envoy }: XdsCertificates, wish: SecretsWish): readonly SecretObject[] {
  const pair = (name: string, { certificate, key }: KeyPair): SecretObject => {
    const own = { "tls.crt": certificate, "tls.key": key };
    return secret(wish, name, "kubernetes.io/tls", wish.format === "compact" ? { "ca.crt": authorities, ...own } : own);
  };
  const pairs = [pair("contourcert", contour), pair("envoycert", envoy)];
  return wish.format === "compact" ? pairs : [...pairs, secret(wish, "cacert", "Opaque", { "cacert.pem": authorities })];
}

/** The same as PEM files, by their names. */
export function xdsPemFiles({ authorities, contour, envoy }: XdsCertificates): Readonly<Record<string, string>> {
  return { "cacert.pem": authorities, "contourcert.pem": contour.certificate, "contourkey.pem": contour.key, "envoycert.pem": envoy.certificate, "envoykey.pem": envoy.key };
}

function secret({ namespace, suffix }: SecretsWish, name: string, type: string, data: Readonly<Record<string, string>>): SecretObject {
  const encoded = Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString("base64")] as const);
  return { apiVersion: "v1", kind: "Secret", type, metadata: { name: `${name}${suffix}`, namespace, labels: { app: "contour" } }, data: Object.fromEntries(encoded) };
}
