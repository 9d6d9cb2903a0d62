import { X509Certificate, createPrivateKey } from "node:crypto";
import type { CertificateSecrets, SecretObject } from "#acme/secrets";
import { createAuthority, issueCertificate } from "#certs/authority";
import type { KeyPair } from "#certs/authority";
import type { KeyType } from "#certs/keys";
import { certificatesIn, succeed, successionStep, trustedBy } from "#certs/succession";
import type { Succession } from "#certs/succession";
import { statusOf } from "#sources/kubernetes/api-error";

/** An authority that is kept in a Secret. */
export interface ClusterAuthority {
  /** What clients are to trust (PEM). */
  readonly trusted: string;
  /** When it ends, in milliseconds since 1970. */
  readonly endsAt: number;
  /** Whether a certificate (PEM chain) is of the authority that signs today. */
  hasSigned(chain: string): boolean;
  /** Issues a certificate; the chain leads to what clients trust. */
  issue(hosts: readonly string[], wish: { readonly keyType: KeyType; readonly lifeMs: number }): Promise<{ readonly chain: string; readonly key: string }>;
}

/** Where an authority is, and what it is to be like when it has to be made. */
export interface AuthorityPlace {
  readonly secrets: CertificateSecrets;
  readonly namespace: string;
  readonly name: string;
  /** For people, in its certificate. */
  readonly title: string;
  /** Names that it certifies, with all names under them; none is all. */
  readonly domains: readonly string[];
  /** Milliseconds since 1970. */
  readonly clock: () => number;
}

/** The annotation of the Secret of an authority that was made here; its value is the domains. What it is not on is never written. */
const madeAnnotation = "projectcontour.io/authority-domains";
const dayMs = 86_400_000;

/** Opens an authority: reads it, makes it where there is none, and has another one follow it in time. */
export async function openClusterAuthority(place: AuthorityPlace): Promise<ClusterAuthority> {
  const { secrets, namespace, name, title, domains, clock } = place;
  const object = await secrets.read(namespace, name);
  if (object === undefined) return make(place);
  const made = object.metadata.annotations?.[madeAnnotation];
  if (made === undefined) return given(place, object);
  if (made !== domains.join(",")) throw new Error(`the authority in Secret ${quote(place)} was made for ${made === "" ? "all names" : made}, and cannot be for ${domains.length === 0 ? "all names" : domains.join(", ")}; name another Secret in spec.authority.secretName: clients have to trust that one anew`);
  const succession = successionIn(object);
  checked(place, succession.current);
  const step = successionStep(succession, clock());
  if (step === "rest") return authorityOf(succession.current, trustedBy(succession, clock()), clock);
  const next = step === "prepare" ? { ...succession, next: await createAuthority(title, clock(), domains) } : succeed(succession, clock());
  await secrets.write(object, dataOf(next, clock()));
  return openClusterAuthority(place);
}

async function make(place: AuthorityPlace): Promise<ClusterAuthority> {
  const { secrets, namespace, name, title, domains, clock } = place;
  const current = await createAuthority(title, clock(), domains);
  const data = dataOf({ current, retired: "" }, clock());
  await secrets.create({ namespace, name, type: "kubernetes.io/tls", annotations: { [madeAnnotation]: domains.join(",") }, texts: data }).catch((error: unknown) => {
    // Another replica was faster, and its authority counts.
    if (statusOf(error) !== 409) throw error;
  });
  return openClusterAuthority(place);
}

/** An authority that somebody else keeps: its first certificate signs, what stands behind it leads to one that clients trust. */
function given(place: AuthorityPlace, { data = {} }: SecretObject): ClusterAuthority {
  const text = (key: string): string => Buffer.from(data[key] ?? "", "base64").toString("utf8");
  const pair = { certificate: text("tls.crt"), key: text("tls.key") };
  checked(place, pair);
  const roots = certificatesIn(text("ca.crt"));
  const all = certificatesIn(pair.certificate);
  return authorityOf(pair, roots.length > 0 ? roots.join("") : (all.at(-1) ?? ""), place.clock);
}

/** What no client would believe is not used. */
function checked(place: AuthorityPlace, { certificate, key }: KeyPair): void {
  const problem = problemOf(certificate, key, place.clock());
  if (problem !== undefined) throw new Error(`the authority in Secret ${quote(place)} cannot be used: ${problem}`);
}

function problemOf(certificate: string, key: string, now: number): string | undefined {
  try {
    const authority = new X509Certificate(certificate);
    if (!authority.ca) return "tls.crt is no certificate of an authority (basicConstraints says CA:FALSE)";
    if (!authority.checkPrivateKey(createPrivateKey(key))) return "tls.key does not belong to tls.crt";
    return authority.validToDate.getTime() <= now ? `it ended at ${authority.validToDate.toISOString()}` : undefined;
  } catch {
    return "tls.crt and tls.key are not a certificate and its key (PEM)";
  }
}

function authorityOf(pair: KeyPair, trusted: string, clock: () => number): ClusterAuthority {
  const certificate = new X509Certificate(pair.certificate);
  // A root is known to who trusts it; what stands between has to be shown.
  const between = certificatesIn(pair.certificate).filter((pem) => !isRoot(pem)).join("");
  return {
    trusted,
    endsAt: certificate.validToDate.getTime(),
    hasSigned: (chain) => new X509Certificate(chain).verify(certificate.publicKey),
    async issue([first = "", ...others], { keyType, lifeMs }) {
      const leaf = await issueCertificate(pair, { use: "server", dnsName: first, otherDnsNames: others, subject: "O=Contour", days: lifeMs / dayMs, keyType }, clock());
      return { chain: leaf.certificate + between, key: leaf.key };
    },
  };
}

function isRoot(pem: string): boolean {
  const certificate = new X509Certificate(pem);
  return certificate.checkIssued(certificate);
}

function successionIn({ data = {} }: SecretObject): Succession {
  const text = (key: string): string => Buffer.from(data[key] ?? "", "base64").toString("utf8");
  const next = { certificate: text("next.crt"), key: text("next.key") };
  return { current: { certificate: text("tls.crt"), key: text("tls.key") }, retired: text("retired.crt"), ...(next.certificate === "" ? {} : { next }) };
}

/** `ca.crt` is for whoever mounts the Secret to trust it. */
function dataOf(succession: Succession, now: number): Readonly<Record<string, string>> {
  const { current, next, retired } = succession;
  return { "tls.crt": current.certificate, "tls.key": current.key, "ca.crt": trustedBy(succession, now), ...(next === undefined ? {} : { "next.crt": next.certificate, "next.key": next.key }), ...(retired === "" ? {} : { "retired.crt": retired }) };
}

function quote({ namespace, name }: AuthorityPlace): string {
  return JSON.stringify(`${namespace}/${name}`);
}
