import type { Logger } from "pino";
import { Authority } from "#acme/authority";
import { createPrivateKey } from "#acme/certificate";
import type { KeyType } from "#acme/certificate";
import { rfc2136Solver } from "#acme/dns/rfc2136";
import { webhookSolver } from "#acme/dns/webhook";
import type { Solver } from "#acme/order";
import { AcmeProblem } from "#acme/problem";
import type { CertificateSecrets } from "#acme/secrets";
import type { CertificateIssuer } from "#gen/k8s/certificate-issuer";
import type { ClusterCertificateIssuer } from "#gen/k8s/cluster-certificate-issuer";
import { solverOf } from "#translate/certificates/solver";
import type { IssuerKey } from "#translate/certificates/request";

/** An issuer as its object says it. */
export interface IssuerObject {
  readonly spec: ClusterCertificateIssuer["spec"] | CertificateIssuer["spec"];
  readonly generation: number;
}

/** An issuer whose account is there. */
export interface OpenIssuer {
  readonly authority: Authority;
  readonly generation: number;
  readonly keyType: KeyType;
  readonly profile?: string;
  readonly preferredChain?: string;
  readonly solverOf: (host: string) => Promise<Solver>;
}

/** How an issuer is, for its status. */
export interface IssuerState {
  readonly key: IssuerKey;
  readonly generation: number;
  readonly ready: { readonly ok: true; readonly accountUrl: string } | { readonly ok: false; readonly message: string };
  /** Certificates that cannot be had from it now, by `namespace/name` of their Secrets. */
  readonly problems: ReadonlyMap<string, string>;
}

interface Options {
  readonly namespace: string;
  readonly secrets: CertificateSecrets;
  readonly env: NodeJS.ProcessEnv;
  readonly log: Logger;
  readonly issuer: (key: IssuerKey) => IssuerObject | undefined;
  readonly onIssuer: (state: IssuerState) => void;
}

const defaultLimits = { ordersPerHour: 80, concurrentOrders: 5, firstRetrySeconds: 60, longestRetrySeconds: 21_600 };

/** Accounts at ACME servers, opened when they are needed and when their issuer changes. */
export class Issuers {
  readonly #options: Options;
  readonly #opened = new Map<IssuerKey, { readonly generation: number; readonly opening: Promise<OpenIssuer> }>();
  readonly #open = new Map<IssuerKey, OpenIssuer>();
  readonly #problems = new Map<IssuerKey, Map<string, string>>();
  readonly #ready = new Map<IssuerKey, IssuerState["ready"]>();

  constructor(options: Options) {
    this.#options = options;
  }

  /** How much may be asked of an issuer. */
  limits(key: IssuerKey): { readonly ordersPerHour: number; readonly concurrentOrders: number; readonly firstMs: number; readonly longestMs: number } {
    const { ordersPerHour, concurrentOrders, firstRetrySeconds, longestRetrySeconds } = { ...defaultLimits, ...this.#options.issuer(key)?.spec.acme.limits };
    return { ordersPerHour, concurrentOrders, firstMs: firstRetrySeconds * 1000, longestMs: longestRetrySeconds * 1000 };
  }

  /** The issuer, if it was opened before. */
  known(key: IssuerKey): OpenIssuer | undefined {
    return this.#open.get(key);
  }

  /** Opens an issuer's account, once for each version of its object that works. */
  async open(key: IssuerKey): Promise<OpenIssuer> {
    const object = this.#options.issuer(key);
    if (object === undefined) throw new AcmeProblem({ type: "noIssuer", detail: `the issuer ${key} is gone`, transient: true });
    const known = this.#opened.get(key);
    if (known?.generation === object.generation) return known.opening;
    const opening = this.#openAccount(key, object);
    this.#opened.set(key, { generation: object.generation, opening });
    return opening.then(
      (issuer) => {
        this.#open.set(key, issuer);
        this.#tell(key, object.generation, { ok: true, accountUrl: issuer.authority.accountUrl });
        return issuer;
      },
      (error: unknown) => {
        this.#opened.delete(key);
        const message = error instanceof Error ? error.message : String(error);
        this.#options.log.warn({ issuer: key, reason: message }, "the account of an issuer cannot be opened");
        this.#tell(key, object.generation, { ok: false, message });
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

  #tell(key: IssuerKey, generation: number, ready: IssuerState["ready"]): void {
    this.#ready.set(key, ready);
    this.#options.onIssuer({ key, generation, ready, problems: this.#problems.get(key) ?? new Map() });
  }

  #tellAgain(key: IssuerKey): void {
    const [ready, object] = [this.#ready.get(key), this.#options.issuer(key)];
    if (ready !== undefined && object !== undefined) this.#tell(key, object.generation, ready);
  }

  async #openAccount(key: IssuerKey, { spec, generation }: IssuerObject): Promise<OpenIssuer> {
    const { secrets, env, namespace: ours } = this.#options;
    const [, own = "", name = ""] = key.split("/");
    const namespace = own === "" ? ours : own;
    const { server, caBundle, contacts = [], externalAccountBinding: binding, accountSecretName = `acme-account-${name}`, keyType = "ECDSA-P256", profile, preferredChain } = spec.acme;
    const hmacKey = binding === undefined ? undefined : await secrets.readText(namespace, binding.keySecret);
    const accountKey = await secrets.accountKey(namespace, accountSecretName, () => createPrivateKey("ECDSA-P256"));
    const authority = await Authority.open({ server, accountKey, contacts, env, ...(caBundle === undefined ? {} : { caBundle }), ...(binding === undefined || hmacKey === undefined ? {} : { binding: { keyId: binding.keyID, hmacKey } }) });
    return { authority, generation, keyType: keyType as KeyType, ...(profile === undefined ? {} : { profile }), ...(preferredChain === undefined ? {} : { preferredChain }), solverOf: (host) => this.#solver(spec, namespace, host) };
  }

  async #solver(spec: IssuerObject["spec"], namespace: string, host: string): Promise<Solver> {
    const { secrets, env } = this.#options;
    const found = solverOf(spec, host);
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
