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

/** A side of the xDS connection; the controller is the server. */
export type XdsSide = "contour" | "envoy";

/** The Secret with the certificate of each side. */
export const xdsSecretNames: Readonly<Record<XdsSide, string>> = { contour: "contourcert", envoy: "envoycert" };

interface XdsWish {
  readonly namespace: string;
  readonly days: number;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** Issues both certificates, each for all names that a Service of a namespace has. */
export async function issueXdsCertificates(authority: KeyPair, wish: XdsWish): Promise<XdsCertificates> {
  return { authorities: authority.certificate, contour: await issueXdsCertificate(authority, "contour", wish), envoy: await issueXdsCertificate(authority, "envoy", wish) };
}

/** Issues the certificate of one side. */
export async function issueXdsCertificate(authority: KeyPair, side: XdsSide, { namespace, days, now }: XdsWish): Promise<KeyPair> {
  const otherDnsNames = [`${side}.${namespace}`, `${side}.${namespace}.svc`, `${side}.${namespace}.svc.cluster.local`];
  return issueCertificate(authority, { use: side === "contour" ? "server" : "client", dnsName: side, otherDnsNames, days }, now);
}

/** The Secrets that the manifests mount, as Go Contour's certgen names them. */
export function xdsSecrets({ authorities, contour, envoy }: XdsCertificates, wish: SecretsWish): readonly SecretObject[] {
  const pair = (name: string, { certificate, key }: KeyPair): SecretObject => {
    const own = { "tls.crt": certificate, "tls.key": key };
    return secret(wish, name, "kubernetes.io/tls", wish.format === "compact" ? { "ca.crt": authorities, ...own } : own);
  };
  const pairs = [pair(xdsSecretNames.contour, contour), pair(xdsSecretNames.envoy, envoy)];
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
