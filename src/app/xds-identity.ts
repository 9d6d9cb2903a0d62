import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Logger } from "pino";
import { createAuthority, issueCertificate, stillServes } from "#certs/authority";
import type { CertificateWish, KeyPair } from "#certs/authority";
import { commonFleet } from "#model/fleet";
import type { FleetName } from "#model/fleet";
import { statusOf } from "#sources/kubernetes/api-error";
import type { ApiClient } from "#sources/kubernetes/client";
import type { ClientCertificate } from "#xds/server";

/** The Secret, in the controller's namespace, with the authority of the certificates between controller and Envoys. */
export const authoritySecret = "contour-xds-authority";

/** How a certificate names a fleet. */
const fleetUri = "contour-fleet://";

/** Milliseconds between two looks whether something is to be renewed. */
const lookMs = 3_600_000;

/** The certificate that the Envoys of a fleet are to have. */
export function fleetWish(fleet: FleetName): CertificateWish {
  return { use: "client", dnsName: "envoy", uri: `${fleetUri}${fleet}` };
}

/** The fleet that an Envoy belongs to: nobody but the authority can say so. */
export function fleetOfCertificate(certificate: ClientCertificate | undefined): FleetName {
  const name = (certificate?.subjectAltName ?? "").split(", ").find((part) => part.startsWith(`URI:${fleetUri}`));
  return name === undefined ? commonFleet : name.slice(`URI:${fleetUri}`.length);
}

interface SecretData {
  readonly data?: Readonly<Record<string, string>>;
}

/** Reads the authority; undefined where there is none. */
export async function readAuthority(client: ApiClient, namespace: string): Promise<KeyPair | undefined> {
  return client.call<SecretData>({ path: `/api/v1/namespaces/${namespace}/secrets/${authoritySecret}` }).then(pairOf, (error: unknown) => (statusOf(error) === 404 ? undefined : Promise.reject(error)));
}

/** Reads the authority, or makes it: all replicas have the same one. */
export async function openAuthority(client: ApiClient, namespace: string, now: () => number): Promise<KeyPair> {
  const path = `/api/v1/namespaces/${namespace}/secrets`;
  const read = (): Promise<KeyPair | undefined> => readAuthority(client, namespace);
  const known = await read();
  if (known !== undefined) return known;
  const made = await createAuthority("CN=Contour xDS", now());
  const encode = (text: string): string => Buffer.from(text).toString("base64");
  const body = { apiVersion: "v1", kind: "Secret", type: "kubernetes.io/tls", metadata: { name: authoritySecret, namespace, labels: { "app.kubernetes.io/managed-by": "contour" } }, data: { "tls.crt": encode(made.certificate), "tls.key": encode(made.key) } };
  return client.call({ method: "POST", path, body }).then(
    () => made,
    async (error: unknown) => {
      // Another replica was faster.
      const theirs = statusOf(error) === 409 ? await read() : undefined;
      if (theirs === undefined) throw error;
      return theirs;
    },
  );
}

function pairOf({ data = {} }: SecretData): KeyPair {
  const decode = (key: string): string => Buffer.from(data[key] ?? "", "base64").toString("utf8");
  return { certificate: decode("tls.crt"), key: decode("tls.key") };
}

/** The files of the server's certificate and of the authorities of its clients. */
export interface ServerFiles {
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
}

/** What the xDS server shows and trusts where Envoys have certificates of our authority. */
export interface ServerIdentity {
  readonly files: ServerFiles;
  /** What Envoys of our authority are to trust: PEM. */
  readonly authorities: string;
}

/**
 * Files with the server's certificate, renewed in time. They are gone when the signal aborts. With files that the operator
 * gives, for Envoys that were there before, the server shows that certificate, and Envoys of both authorities are let in.
 */
export async function serverIdentity(authority: KeyPair, given: ServerFiles | undefined, log: Logger, now: () => number, signal: AbortSignal): Promise<ServerIdentity> {
  const folder = mkdtempSync(join(tmpdir(), "contour-xds-"));
  signal.addEventListener("abort", () => rmSync(folder, { recursive: true, force: true }), { once: true });
  const caFile = join(folder, "ca.crt");
  if (given !== undefined) {
    const follow = (): void => writeFileSync(caFile, `${authority.certificate}${readFileSync(given.caFile, "utf8")}`, { mode: 0o600 });
    follow();
    repeat(async () => follow(), "the authorities of the xDS clients cannot be read", log, signal);
    return { files: { ...given, caFile }, authorities: readFileSync(caFile, "utf8") };
  }
  const files = { caFile, certFile: join(folder, "tls.crt"), keyFile: join(folder, "tls.key") };
  const wish: CertificateWish = { use: "server", dnsName: "contour" };
  let pair = await issueCertificate(authority, wish, now());
  const write = (): void => {
    writeFileSync(files.caFile, authority.certificate, { mode: 0o600 });
    writeFileSync(files.certFile, pair.certificate, { mode: 0o600 });
    writeFileSync(files.keyFile, pair.key, { mode: 0o600 });
  };
  write();
  const renew = async (): Promise<void> => {
    if (stillServes(authority, pair, wish, now())) return;
    pair = await issueCertificate(authority, wish, now());
    write();
    log.info("the certificate of the xDS server was renewed");
  };
  repeat(renew, "the certificate of the xDS server cannot be renewed", log, signal);
  return { files, authorities: authority.certificate };
}

function repeat(look: () => Promise<void>, problem: string, log: Logger, signal: AbortSignal): void {
  const timer = setInterval(() => void look().catch((error: unknown) => log.error({ reason: String(error) }, problem)), lookMs);
  signal.addEventListener("abort", () => clearInterval(timer), { once: true });
}
