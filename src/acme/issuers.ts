import type { Logger } from "pino";
import { Authority } from "#acme/authority";
import { openClusterAuthority } from "#acme/cluster-authority";
import type { ClusterAuthority } from "#acme/cluster-authority";
import { createPrivateKey } from "#acme/certificate";
import type { KeyType } from "#certs/keys";
import { rfc2136Solver } from "#acme/dns/rfc2136";
import { webhookSolver } from "#acme/dns/webhook";
import type { Solver } from "#acme/order";
import { AcmeProblem } from "#acme/problem";
import type { CertificateSecrets } from "#acme/secrets";
import type { CertificateIssuer } from "#gen/k8s/certificate-issuer";
import type { ClusterCertificateIssuer } from "#gen/k8s/cluster-certificate-issuer";
import { parseGoDuration } from "#lib/go-duration";
import { statusOf } from "#sources/kubernetes/api-error";
import { solverOf } from "#translate/certificates/solver";
import type { IssuerKey } from "#translate/certificates/request";

/** An issuer as its object says it. */
export interface IssuerObject {
  readonly spec: ClusterCertificateIssuer["spec"] | CertificateIssuer["spec"];
  readonly generation: number;
}

/** An issuer whose account is there, or whose own authority. */
export type OpenIssuer = AcmeIssuer | AuthorityIssuer;

/** An account at an ACME server. */
export interface AcmeIssuer {
  readonly kind: "acme";
  readonly authority: Authority;
  readonly generation: number;
  readonly keyType: KeyType;
  readonly profile?: string;
  readonly preferredChain?: string;
  readonly solverOf: (host: string) => Promise<Solver>;
}

/** An authority of this cluster. */
export interface AuthorityIssuer {
  readonly kind: "authority";
  readonly generation: number;
  readonly authority: ClusterAuthority;
  readonly keyType: KeyType;
  readonly lifeMs: number;
}

/** Whether an issuer can issue. */
export type IssuerReadiness =
  | { readonly kind: "account"; readonly url: string }
  /** With what clients have to trust (PEM), and when the authority ends (milliseconds since 1970). */
  | { readonly kind: "authority"; readonly trusted: string; readonly endsAt: number }
  | { readonly kind: "failed"; readonly reason: "AccountFailed" | "AuthorityFailed" | "NotAllowed"; readonly message: string };

/** How an issuer is, for its status. */
export interface IssuerState {
  readonly key: IssuerKey;
  readonly generation: number;
  readonly ready: IssuerReadiness;
  /** Certificates that cannot be had from it now, by `namespace/name` of their Secrets. */
  readonly problems: ReadonlyMap<string, string>;
}

interface Options {
  readonly namespace: string;
  readonly secrets: CertificateSecrets;
  readonly env: NodeJS.ProcessEnv;
  readonly log: Logger;
  readonly clock: () => number;
  readonly issuer: (key: IssuerKey) => IssuerObject | undefined;
  /** Whether a Secret of the controller's namespace is for something else, whoever asks for it. */
  readonly isReserved: (secret: string) => boolean;
  readonly onIssuer: (state: IssuerState) => void;
}

const defaultLimits = { ordersPerHour: 80, concurrentOrders: 5, firstRetrySeconds: 60, longestRetrySeconds: 21_600 };
/** An authority of the cluster is asked as often as it takes: that is nobody's server. */
const authorityLimits = { ...defaultLimits, ordersPerHour: 1_000_000, concurrentOrders: 16 };
const defaultLifetime = "168h";

/** Accounts at ACME servers and authorities of the cluster, opened when they are needed and when their issuer changes. */
export class Issuers {
  readonly #options: Options;
  readonly #opened = new Map<IssuerKey, { readonly generation: number; readonly opening: Promise<OpenIssuer> }>();
  readonly #open = new Map<IssuerKey, OpenIssuer>();
  readonly #problems = new Map<IssuerKey, Map<string, string>>();
  readonly #ready = new Map<IssuerKey, IssuerReadiness>();
  readonly #authoritySecrets = new Map<string, IssuerKey>();

  constructor(options: Options) {
    this.#options = options;
  }

  /** How much may be asked of an issuer. */
  limits(key: IssuerKey): { readonly ordersPerHour: number; readonly concurrentOrders: number; readonly firstMs: number; readonly longestMs: number } {
    const { acme, authority } = this.#options.issuer(key)?.spec ?? {};
    const { ordersPerHour, concurrentOrders, firstRetrySeconds, longestRetrySeconds } = authority === undefined ? { ...defaultLimits, ...acme?.limits } : authorityLimits;
    return { ordersPerHour, concurrentOrders, firstMs: firstRetrySeconds * 1000, longestMs: longestRetrySeconds * 1000 };
  }

  /** The issuer, if it was opened before. */
  known(key: IssuerKey): OpenIssuer | undefined {
    return this.#open.get(key);
  }

  /** The issuer whose authority is in a Secret, by `namespace/name`; undefined for a Secret that is nothing of the kind. */
  ofAuthoritySecret(secret: string): IssuerKey | undefined {
    return this.#authoritySecrets.get(secret);
  }

  /** Opens an issuer: an account once for each version of its object that works, an authority each time, because its Secret may have changed. */
  async open(key: IssuerKey): Promise<OpenIssuer> {
    const object = this.#options.issuer(key);
    if (object === undefined) throw new AcmeProblem({ type: "noIssuer", detail: `the issuer ${key} is gone`, transient: true });
    const known = this.#opened.get(key);
    if (known?.generation === object.generation && object.spec.authority === undefined) return known.opening;
    const opening = object.spec.authority === undefined ? this.#openAccount(key, object) : this.#openAuthority(key, object);
    this.#opened.set(key, { generation: object.generation, opening });
    return opening.then(
      (issuer) => {
        this.#open.set(key, issuer);
        this.#tell(key, object.generation, issuer.kind === "acme" ? { kind: "account", url: issuer.authority.accountUrl } : { kind: "authority", trusted: issuer.authority.trusted, endsAt: issuer.authority.endsAt });
        return issuer;
      },
      (error: unknown) => {
        this.#opened.delete(key);
        const [said, forbidden] = [error instanceof Error ? error.message : String(error), statusOf(error) === 403];
        const message = forbidden ? `the controller has not the rights that issuing needs (deploy/components/issuing): ${said}` : said;
        this.#options.log.warn({ issuer: key, reason: message }, "an issuer cannot be opened");
        this.#tell(key, object.generation, { kind: "failed", reason: forbidden ? "NotAllowed" : object.spec.authority === undefined ? "AccountFailed" : "AuthorityFailed", message });
        throw error;
      },
    );
  }

  /** The server does not know the account any more: it is opened anew. */
  forget(key: IssuerKey): void {
    this.#opened.delete(key);
  }

  /** Notes that a certificate cannot be had, or can again. */
  note(certificate: string, issuer: IssuerKey | undefined, problem: string | undefined): void {
    for (const [key, problems] of this.#problems) if (key !== issuer && problems.delete(certificate)) this.#tellAgain(key);
    if (issuer === undefined) return;
    const problems = this.#problems.get(issuer) ?? new Map<string, string>();
    this.#problems.set(issuer, problems);
    if (problems.get(certificate) === problem) return;
    if (problem === undefined) problems.delete(certificate);
    else problems.set(certificate, problem);
    this.#tellAgain(issuer);
  }

  #tell(key: IssuerKey, generation: number, ready: IssuerReadiness): void {
    this.#ready.set(key, ready);
    this.#options.onIssuer({ key, generation, ready, problems: this.#problems.get(key) ?? new Map() });
  }

  #tellAgain(key: IssuerKey): void {
    const [ready, object] = [this.#ready.get(key), this.#options.issuer(key)];
    if (ready !== undefined && object !== undefined) this.#tell(key, object.generation, ready);
  }

  /** Where an issuer's Secrets are, and its name. */
  #placeOf(key: IssuerKey): { readonly namespace: string; readonly name: string } {
    const [, own = "", name = ""] = key.split("/");
    return { namespace: own === "" ? this.#options.namespace : own, name };
  }

  async #openAuthority(key: IssuerKey, { spec: { authority: wish = {} }, generation }: IssuerObject): Promise<AuthorityIssuer> {
    const { secrets, clock, isReserved, namespace: ours } = this.#options;
    const { namespace, name } = this.#placeOf(key);
    const { secretName = `authority-${name}`, lifetime = defaultLifetime, keyType = "ECDSA-P256", domains = [] } = wish;
    if (namespace === ours && isReserved(secretName)) throw new Error(`Secret ${JSON.stringify(secretName)} is what the controller and its Envoys know each other by; name another one in spec.authority.secretName`);
    this.#authoritySecrets.set(`${namespace}/${secretName}`, key);
    const lifeMs = parseGoDuration(lifetime);
    if (!lifeMs.ok) throw new Error(`spec.authority.lifetime: ${lifeMs.error}`);
    const authority = await openClusterAuthority({ secrets, namespace, name: secretName, title: `CN=${name.slice(0, 64)}, O=Contour certificate authority`, domains, clock });
    return { kind: "authority", generation, authority, keyType: keyType as KeyType, lifeMs: lifeMs.value };
  }

  async #openAccount(key: IssuerKey, { spec, generation }: IssuerObject): Promise<AcmeIssuer> {
    const { secrets, env } = this.#options;
    const { namespace, name } = this.#placeOf(key);
    if (spec.acme === undefined) throw new Error("the issuer says neither acme nor authority");
    const acme = spec.acme;
    const { server, caBundle, contacts = [], externalAccountBinding: binding, accountSecretName = `acme-account-${name}`, keyType = "ECDSA-P256", profile, preferredChain } = acme;
    const hmacKey = binding === undefined ? undefined : await secrets.readText(namespace, binding.keySecret);
    const accountKey = await secrets.accountKey(namespace, accountSecretName, () => createPrivateKey("ECDSA-P256"));
    const authority = await Authority.open({ server, accountKey, contacts, env, ...(caBundle === undefined ? {} : { caBundle }), ...(binding === undefined || hmacKey === undefined ? {} : { binding: { keyId: binding.keyID, hmacKey } }) });
    return { kind: "acme", authority, generation, keyType: keyType as KeyType, ...(profile === undefined ? {} : { profile }), ...(preferredChain === undefined ? {} : { preferredChain }), solverOf: (host) => this.#solver(acme, namespace, host) };
  }

  async #solver(acme: NonNullable<IssuerObject["spec"]["acme"]>, namespace: string, host: string): Promise<Solver> {
    const { secrets, env } = this.#options;
    const found = solverOf(acme, host);
    if (found === undefined) throw new AcmeProblem({ type: "noSolver", detail: `the issuer has no solver for ${host}` });
    if (found.type === "HTTP-01") return { kind: "http-01" };
    if (found.type === "TLS-ALPN-01") return { kind: "tls-alpn-01" };
    const { webhook, rfc2136, propagationSeconds = 10 } = found;
    const propagationMs = propagationSeconds * 1000;
    if (webhook !== undefined) {
      const token = webhook.tokenSecret === undefined ? undefined : await secrets.readText(namespace, webhook.tokenSecret);
      return { kind: "dns-01", propagationMs, dns: webhookSolver({ url: webhook.url, env, ...(webhook.caBundle === undefined ? {} : { caBundle: webhook.caBundle }), ...(token === undefined ? {} : { token }) }) };
    }
    if (rfc2136 === undefined) throw new AcmeProblem({ type: "noSolver", detail: `the solver for ${host} says neither webhook nor rfc2136` });
    const { nameserver, zone, tsigKeyName, tsigAlgorithm = "hmac-sha256", tsigSecret } = rfc2136;
    return { kind: "dns-01", propagationMs, dns: rfc2136Solver({ nameserver, zone, keyName: tsigKeyName, algorithm: tsigAlgorithm, key: Buffer.from(await secrets.readText(namespace, tsigSecret), "base64") }) };
  }
}
