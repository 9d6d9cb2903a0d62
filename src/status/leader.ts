import type { Logger } from "pino";
import { statusOf } from "#sources/kubernetes/api-error";
import type { ApiClient } from "#sources/kubernetes/client";

/** What leader election needs. Times in milliseconds; the usual ones are 15 s, 10 s and 2 s. */
export interface LeaderOptions {
  readonly client: ApiClient;
  readonly namespace: string;
  readonly name: string;
  /** Who we are: unique over all replicas. */
  readonly identity: string;
  readonly leaseMs: number;
  readonly renewDeadlineMs: number;
  readonly retryMs: number;
  /** The time of day, which is only written down: clocks of replicas need not agree. */
  readonly clock: () => number;
  /** Milliseconds from any beginning, which nobody sets: what is waited for is measured by it. */
  readonly elapsed: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  /** Runs a function after some time; gives the function that prevents it. */
  readonly schedule: (ms: number, run: () => void) => () => void;
  readonly signal: AbortSignal;
  readonly log: Logger;
  readonly onChange: (leading: boolean) => void;
}

interface Lease {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace: string; readonly resourceVersion?: string };
  readonly spec: { readonly holderIdentity?: string; readonly leaseDurationSeconds?: number; readonly acquireTime?: string; readonly renewTime?: string; readonly leaseTransitions?: number };
}

/**
 * Holds a Lease (coordination.k8s.io/v1) as well as it can until the signal aborts, then gives it back: by the rules of Go's
 * client, so that replicas of both can share one. Another holder counts as gone when its Lease did not change for its whole duration by
 * our own clock. Leadership ends by itself when the Lease could not be renewed in time, whatever a request is waiting for.
 */
export async function runLeaderElection(options: LeaderOptions): Promise<void> {
  const election = new Election(options);
  while (!options.signal.aborted) {
    await election.step();
    await options.sleep(options.retryMs);
  }
  await election.release();
}

class Election {
  readonly #options: LeaderOptions;
  readonly #path: string;
  #leading = false;
  #lapses: () => void = () => {};
  #seen = { version: "", at: 0 };

  constructor(options: LeaderOptions) {
    this.#options = options;
    this.#path = `/apis/coordination.k8s.io/v1/namespaces/${options.namespace}/leases`;
  }

  async step(): Promise<void> {
    const { elapsed, log } = this.#options;
    // From when we asked: the answer may take its time, and others count from the moment of the change.
    const asked = elapsed();
    const held = await this.#acquire().catch((error: unknown) => {
      log.warn({ reason: error instanceof Error ? error.message : String(error) }, "the leader election Lease cannot be reached");
      return undefined;
    });
    if (held === true) this.#lead(asked);
    // An API server that is away for a moment costs no leadership: nobody else can take it meanwhile.
    else if (held === false) this.#set(false);
  }

  async release(): Promise<void> {
    if (!this.#leading) return;
    this.#set(false);
    const lease = await this.#get().catch(() => undefined);
    if (lease?.spec.holderIdentity === this.#options.identity) await this.#put({ ...lease, spec: { ...lease.spec, holderIdentity: "", leaseDurationSeconds: 1 } }).catch(() => false);
  }

  #lead(since: number): void {
    const { elapsed, renewDeadlineMs, schedule } = this.#options;
    const left = since + renewDeadlineMs - elapsed();
    if (left <= 0) return this.#set(false);
    this.#lapses();
    this.#lapses = schedule(left, () => this.#set(false));
    this.#set(true);
  }

  #set(leading: boolean): void {
    if (!leading) this.#lapses();
    if (this.#leading === leading) return;
    this.#leading = leading;
    this.#options.log.info({ identity: this.#options.identity }, leading ? "this replica leads: it writes statuses" : "this replica does not lead any more");
    this.#options.onChange(leading);
  }

  async #acquire(): Promise<boolean> {
    const { elapsed, identity } = this.#options;
    const lease = await this.#get();
    if (lease === undefined) return this.#create();
    const version = lease.metadata.resourceVersion ?? "";
    if (version !== this.#seen.version) this.#seen = { version, at: elapsed() };
    const mine = lease.spec.holderIdentity === identity;
    const free = lease.spec.holderIdentity === undefined || lease.spec.holderIdentity === "" || elapsed() - this.#seen.at > (lease.spec.leaseDurationSeconds ?? 15) * 1000;
    return mine || free ? this.#put({ ...lease, spec: this.#spec(lease, mine) }) : false;
  }

  #spec(lease: Lease | undefined, renewing: boolean): Lease["spec"] {
    const now = `${new Date(this.#options.clock()).toISOString().slice(0, -1)}000Z`;
    return {
      holderIdentity: this.#options.identity,
      leaseDurationSeconds: Math.ceil(this.#options.leaseMs / 1000),
      renewTime: now,
      acquireTime: renewing ? (lease?.spec.acquireTime ?? now) : now,
      leaseTransitions: (lease?.spec.leaseTransitions ?? 0) + (renewing || lease === undefined ? 0 : 1),
    };
  }

  /** No request may take longer than the time in which the Lease has to be renewed. */
  #silenceMs(): number {
    return Math.max(1000, Math.floor(this.#options.renewDeadlineMs / 2));
  }

  async #get(): Promise<Lease | undefined> {
    return this.#options.client.call<Lease>({ path: `${this.#path}/${this.#options.name}`, silenceMs: this.#silenceMs() }).catch((error: unknown) => only(404, error, undefined));
  }

  async #create(): Promise<boolean> {
    const { namespace, name, client } = this.#options;
    const lease: Lease = { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata: { name, namespace }, spec: this.#spec(undefined, false) };
    return client.call({ method: "POST", path: this.#path, body: lease, silenceMs: this.#silenceMs() }).then(() => true, (error: unknown) => only(409, error, false));
  }

  /** Fails when somebody else was faster: the resourceVersion in it is then an old one. */
  async #put(lease: Lease): Promise<boolean> {
    const { client, name } = this.#options;
    return client.call({ method: "PUT", path: `${this.#path}/${name}`, body: lease, silenceMs: this.#silenceMs() }).then(() => true, (error: unknown) => only(409, error, false));
  }
}

/** Takes one kind of refusal as an answer. */
function only<T>(status: number, error: unknown, answer: T): T {
  if (statusOf(error) === status) return answer;
  throw error;
}
