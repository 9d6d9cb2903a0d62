import type { Logger } from "pino";
import { Budget } from "#acme/budget";
import type { HeldCertificate } from "#acme/certificate";
import type { IssuerState } from "#acme/issuers";
import { Issuers } from "#acme/issuers";
import type { AcmeIssuer, AuthorityIssuer, IssuerObject } from "#acme/issuers";
import { completeOrder, placeOrder, removeRecords } from "#acme/order";
import type { OrderContext } from "#acme/order";
import { plan, retryDelay } from "#acme/plan";
import type { Step } from "#acme/plan";
import { AcmeProblem } from "#acme/problem";
import type { OrderRecord } from "#acme/record";
import { Renewals } from "#acme/renewals";
import { CertificateSecrets } from "#acme/secrets";
import type { HeldSecret, StoredOrder } from "#acme/secrets";
import { statusOf } from "#sources/kubernetes/api-error";
import type { ApiClient } from "#sources/kubernetes/client";
import type { CertificateRequest, IssuerKey } from "#translate/certificates/request";

/** What keeping certificates needs. */
export interface KeeperOptions {
  readonly client: ApiClient;
  /** The controller's namespace, where orders are kept. */
  readonly namespace: string;
  readonly log: Logger;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  /** Runs something later, unless the signal aborts before. */
  readonly later: (ms: number, run: () => void) => () => void;
  readonly random: () => number;
  readonly signal: AbortSignal;
  readonly env: NodeJS.ProcessEnv;
  readonly issuer: (key: IssuerKey) => IssuerObject | undefined;
  /** Whether a Secret of the controller's namespace can be no issuer's. */
  readonly isReserved: (secret: string) => boolean;
  /** Resolves when all Envoys that serve its hosts answer the challenges of an order. */
  readonly answered: (record: OrderRecord) => Promise<void>;
  readonly onIssuer: (state: IssuerState) => void;
  /** Hears of certificates that were issued, and of orders that failed. */
  readonly onOutcome: (request: CertificateRequest, outcome: { readonly kind: "issued" } | { readonly kind: "failed"; readonly message: string }) => void;
}

const longestRestMs = 24 * 3_600_000;
/** After trouble with the Kubernetes API, which says nothing about the certificate. */
const troubleMs = 5_000;
/** While the rights are missing. */
const forbiddenMs = 30_000;
/** Between two looks at an issuer that cannot be opened, and at an authority, which may be replaced behind our back. */
const closedLookMs = 10_000;
const authorityLookMs = 3_600_000;
/** Certificates that are worked on at once, over all issuers. */
const concurrency = 16;

type Key = string;

/** Keeps the certificates that are asked for valid. Only the leader does anything; everything that it knows is in Secrets. */
export class CertificateKeeper {
  readonly #options: KeeperOptions;
  readonly #secrets: CertificateSecrets;
  readonly #issuers: Issuers;
  readonly #renewals: Renewals;
  readonly #requests = new Map<Key, CertificateRequest>();
  readonly #budgets = new Map<IssuerKey, Budget>();
  readonly #dirty = new Set<Key>();
  readonly #busy = new Set<Key>();
  readonly #timers = new Map<Key, () => void>();
  #leading = false;

  constructor(options: KeeperOptions) {
    this.#options = options;
    this.#secrets = new CertificateSecrets(options.client, options.namespace);
    this.#issuers = new Issuers({ ...options, secrets: this.#secrets });
    this.#renewals = new Renewals(options);
  }

  /** Takes over what is asked for, by `namespace/name` of the Secret; an empty list is nothing any more. */
  follow(requests: ReadonlyMap<Key, readonly CertificateRequest[]>): void {
    for (const [key, [request]] of requests) {
      if (request === undefined) this.#requests.delete(key);
      else this.#requests.set(key, request);
      this.wake(key);
    }
  }

  /** A Secret has changed, that may be one of ours. */
  secretChanged(key: Key): void {
    if (this.#requests.has(key)) this.wake(key);
    const issuer = this.#issuers.ofAuthoritySecret(key);
    if (issuer !== undefined) this.#lookAt(issuer);
  }

  /** An issuer has changed: it is opened anew, and tried again by all who wait for it. */
  issuerChanged(key: IssuerKey): void {
    this.#wakeAll(key);
    this.#lookAt(key);
  }

  #wakeAll(key: IssuerKey): void {
    for (const [certificate, { issuer }] of this.#requests) if (issuer === key) this.wake(certificate);
  }

  /**
   * Opens an issuer, now and again: what cannot be opened may be later, and an authority may have been replaced. Only an issuer that is open can be
   * asked when its server would like certificates to be renewed.
   */
  #lookAt(key: IssuerKey): void {
    const { issuer, later } = this.#options;
    const timer = `issuer ${key}`;
    this.#timers.get(timer)?.();
    this.#timers.delete(timer);
    if (!this.#leading || issuer(key) === undefined) return;
    const again = (ms: number): void => void this.#timers.set(timer, later(ms, () => this.#lookAt(key)));
    const before = this.#issuers.known(key);
    void this.#issuers.open(key).then(
      (opened) => {
        if (opened.kind === "authority") again(authorityLookMs);
        const same = before !== undefined && before.generation === opened.generation && (opened.kind === "acme" || (before.kind === "authority" && before.authority.trusted === opened.authority.trusted));
        if (!same) this.#wakeAll(key);
      },
      () => again(closedLookMs),
    );
  }

  /** A new leader looks at everything. */
  setLeading(leading: boolean, issuers: readonly IssuerKey[]): void {
    this.#leading = leading;
    if (!leading) return;
    for (const issuer of issuers) this.issuerChanged(issuer);
    for (const key of this.#requests.keys()) this.wake(key);
  }

  /** Has a certificate looked at again. */
  wake(key: Key): void {
    this.#timers.get(key)?.();
    this.#timers.delete(key);
    this.#dirty.add(key);
    this.#pump();
  }

  #pump(): void {
    if (!this.#leading) return;
    for (const key of this.#dirty) {
      if (this.#busy.size >= concurrency || this.#options.signal.aborted) return;
      if (this.#busy.has(key)) continue;
      this.#dirty.delete(key);
      this.#busy.add(key);
      void this.#work(key).finally(() => (this.#busy.delete(key), this.#pump()));
    }
  }

  async #work(key: Key): Promise<void> {
    try {
      const [namespace = "", name = ""] = key.split("/");
      const request = this.#requests.get(key);
      const [held, stored] = await Promise.all([this.#secrets.readCertificate(namespace, name), this.#secrets.readOrder(namespace, name)]);
      const step = await this.#plan(request, held, stored?.record);
      await this.#do(key, request, step, held, stored);
    } catch (error) {
      const forbidden = statusOf(error) === 403;
      this.#options.log.warn({ certificate: key, reason: messageOf(error) }, "a certificate cannot be looked after; trying again");
      // No order can tell it, because none can be written.
      if (forbidden) this.#issuers.note(key, this.#requests.get(key)?.issuer, messageOf(error));
      this.#rest(key, this.#options.clock() + (forbidden ? forbiddenMs : troubleMs));
    }
  }

  async #plan(request: CertificateRequest | undefined, held: HeldSecret, record: OrderRecord | undefined): Promise<Step> {
    const { clock } = this.#options;
    const issuerGeneration = request === undefined ? 0 : (this.#options.issuer(request.issuer)?.generation ?? 0);
    const certificate = held.state.kind === "ours" ? held.state.certificate : undefined;
    const issuer = request === undefined ? undefined : this.#issuers.known(request.issuer);
    const renewal = certificate === undefined || request === undefined ? undefined : await this.#renewals.of(`${request.namespace}/${request.name}`, certificate, held.chain ?? "", issuer?.kind === "acme" ? issuer : undefined);
    const renewAt = issuer?.kind === "authority" && certificate !== undefined ? renewalBy(issuer, certificate, held.chain ?? "", renewal?.renewAt ?? 0) : (renewal?.renewAt ?? 0);
    const step = plan({ request, secret: held.state, record, issuerGeneration, renewAt, now: clock() });
    // The server's hint may have changed before then.
    return step.kind === "rest" && step.until !== undefined && renewal?.askAgainAt !== undefined ? { kind: "rest", until: Math.min(step.until, renewal.askAgainAt) } : step;
  }

  async #do(key: Key, request: CertificateRequest | undefined, step: Step, held: HeldSecret, stored: StoredOrder | undefined): Promise<void> {
    switch (step.kind) {
      case "rest":
        this.#issuers.note(key, request?.issuer, stored?.record.problem);
        if (request !== undefined) this.#rest(key, step.until);
        else for (const budget of this.#budgets.values()) budget.leave(key);
        return;
      case "forget":
        return this.#forget(key, stored);
      case "order":
      case "resume": {
        if (request === undefined) return;
        const budget = this.#budgetOf(request.issuer);
        if (!budget.admit(key, this.#options.clock(), step.kind)) return this.#next(request.issuer);
        await this.#carryOut(key, request, step, held, stored).finally(() => (budget.release(key), this.#next(request.issuer)));
        return this.wake(key);
      }
    }
  }

  async #forget(key: Key, stored: StoredOrder | undefined): Promise<void> {
    const [namespace = "", name = ""] = key.split("/");
    if (stored?.record.order !== undefined) await this.#clean(stored.record);
    await this.#secrets.forgetOrder(namespace, name);
    this.wake(key);
  }

  async #carryOut(key: Key, request: CertificateRequest, step: Extract<Step, { readonly kind: "order" | "resume" }>, held: HeldSecret, stored: StoredOrder | undefined): Promise<void> {
    const { log, onOutcome } = this.#options;
    let order = step.kind === "resume" ? stored : undefined;
    try {
      const issuer = await this.#issuers.open(request.issuer);
      if (issuer.kind === "authority") return await this.#sign(key, request, issuer, held);
      const context = this.#context(issuer, request, held);
      order ??= await placeOrder(context, step.kind === "order" ? step.failures : 0);
      log.info({ certificate: key, hosts: request.hosts, order: order.record.order?.url, resumed: step.kind === "resume" }, "a certificate is being ordered");
      await completeOrder(context, order);
      log.info({ certificate: key, hosts: request.hosts }, "a certificate was issued");
      await this.#forget(key, order);
      this.#issuers.note(key, request.issuer, undefined);
      onOutcome(request, { kind: "issued" });
    } catch (error) {
      if (this.#options.signal.aborted || !this.#leading) return;
      await this.#failed(key, request, order ?? stored, error);
    }
  }

  /** An authority of the cluster needs no order, and no proof but that the host belongs to who asks. */
  async #sign(key: Key, request: CertificateRequest, { authority, keyType, lifeMs }: AuthorityIssuer, held: HeldSecret): Promise<void> {
    const issued = await authority.issue(request.hosts, { keyType, lifeMs });
    await this.#secrets.writeCertificate(request, held, { ...issued, by: "authority", trusted: authority.trusted });
    this.#options.log.info({ certificate: key, hosts: request.hosts }, "a certificate was issued");
    this.#issuers.note(key, request.issuer, undefined);
    this.#options.onOutcome(request, { kind: "issued" });
  }

  /** An order that the server has refused is given up, and another one tried later. One that could not be asked about is gone on with. */
  async #failed(key: Key, request: CertificateRequest, stored: StoredOrder | undefined, error: unknown): Promise<void> {
    const { log, clock, random, onOutcome } = this.#options;
    const keep = error instanceof AcmeProblem ? error.transient : true;
    const failures = (stored?.record.failures ?? 0) + 1;
    const limits = this.#issuers.limits(request.issuer);
    const retryAfterMs = error instanceof AcmeProblem ? error.retryAfterMs : undefined;
    const retryAt = clock() + Math.round(retryDelay(failures, limits, random(), retryAfterMs));
    if (error instanceof AcmeProblem && error.type === "rateLimited") this.#budgetOf(request.issuer).pause(clock() + (retryAfterMs ?? limits.firstMs));
    if (error instanceof AcmeProblem && error.type === "accountDoesNotExist") this.#issuers.forget(request.issuer);
    if (!keep && stored !== undefined) await this.#clean(stored.record);
    const { namespace, name, issuer, hosts, fleets } = request;
    const problem = messageOf(error);
    const under = keep && stored?.record.order !== undefined ? { order: stored.record.order } : {};
    await this.#secrets.writeOrder({ certificate: { namespace, name }, issuer, issuerGeneration: this.#options.issuer(issuer)?.generation ?? 0, hosts, fleets, failures, retryAt, problem, ...under }, under.order === undefined ? undefined : stored?.key);
    this.#issuers.note(key, issuer, problem);
    log.warn({ certificate: key, hosts, failures, nextTry: new Date(retryAt).toISOString(), reason: problem }, "a certificate cannot be issued");
    onOutcome(request, { kind: "failed", message: problem });
  }

  async #clean(record: OrderRecord): Promise<void> {
    const issuer = this.#issuers.known(record.issuer);
    const problems = issuer?.kind !== "acme" ? [] : await removeRecords(issuer.solverOf, record);
    for (const problem of problems) this.#options.log.warn({ reason: problem }, "a TXT record of a challenge could not be removed");
  }

  #context(issuer: AcmeIssuer, request: CertificateRequest, held: HeldSecret): OrderContext {
    const { answered, sleep, signal } = this.#options;
    return { ...issuer, secrets: this.#secrets, request, held, issuerGeneration: issuer.generation, answered, sleep, signal };
  }

  #budgetOf(issuer: IssuerKey): Budget {
    const limits = this.#issuers.limits(issuer);
    const known = this.#budgets.get(issuer) ?? new Budget(limits, this.#options.clock());
    known.limits = limits;
    this.#budgets.set(issuer, known);
    return known;
  }

  /** Lets the next ones begin, now or when the budget allows. */
  #next(issuer: IssuerKey): void {
    const { clock, later } = this.#options;
    const now = clock();
    const next = this.#budgetOf(issuer).next(now);
    const timer = `budget ${issuer}`;
    this.#timers.get(timer)?.();
    if (next !== undefined) this.#timers.set(timer, later(Math.max(next.at - now, 0), () => next.keys.forEach((key) => this.wake(key))));
  }

  #rest(key: Key, until: number | undefined): void {
    if (until === undefined) return;
    const { clock, later } = this.#options;
    this.#timers.get(key)?.();
    this.#timers.set(key, later(Math.min(Math.max(until - clock(), 0), longestRestMs), () => this.wake(key)));
  }
}

/** What another authority has signed than the one that clients are told to trust is replaced at once; where the authority itself ends, another one would not live longer. */
function renewalBy({ authority }: AuthorityIssuer, { notAfter }: HeldCertificate, chain: string, usual: number): number {
  if (!authority.hasSigned(chain)) return 0;
  return notAfter >= authority.endsAt ? authority.endsAt : usual;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
