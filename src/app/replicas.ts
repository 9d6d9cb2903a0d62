import type { Logger } from "pino";
import { statusOf } from "#sources/kubernetes/api-error";
import type { ApiClient } from "#sources/kubernetes/client";

/** What knowing the replicas of the controller needs. */
export interface ReplicasOptions {
  readonly client: ApiClient;
  readonly namespace: string;
  /** Who we are: unique over all replicas, a name of Kubernetes. */
  readonly replica: string;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  readonly signal: AbortSignal;
  readonly log: Logger;
}

interface Lease {
  readonly metadata: { readonly name: string };
  readonly spec?: { readonly holderIdentity?: string; readonly renewTime?: string };
}

const label = "projectcontour.io/replica";
const renewMs = 10_000;
/** Who did not renew for so long is gone. Longer than clocks of one cluster differ. */
const lapseMs = 40_000;

/** Has each replica keep a Lease, so that whoever leads knows which ones serve Envoys. */
export class Replicas {
  readonly #options: ReplicasOptions;
  readonly #path: string;
  #announcing: Promise<void> | undefined;

  constructor(options: ReplicasOptions) {
    this.#options = options;
    this.#path = `/apis/coordination.k8s.io/v1/namespaces/${options.namespace}/leases`;
  }

  /** Begins to keep our Lease, until the signal aborts. Resolves when it was written once, or could not be. */
  announce(): Promise<void> {
    this.#announcing ??= this.#renew().then(() => void this.#keep());
    return this.#announcing;
  }

  /** The other replicas that are there. */
  async others(): Promise<readonly string[]> {
    const { client, clock, replica } = this.#options;
    const { items } = await client.call<{ readonly items: readonly Lease[] }>({ path: `${this.#path}?labelSelector=${encodeURIComponent(label)}` });
    const alive = items.filter(({ spec }) => clock() - Date.parse(spec?.renewTime ?? "") < lapseMs);
    return alive.flatMap(({ spec }) => (spec?.holderIdentity === undefined || spec.holderIdentity === replica ? [] : [spec.holderIdentity]));
  }

  async #keep(): Promise<void> {
    const { sleep, signal, client } = this.#options;
    while (!signal.aborted) {
      await sleep(renewMs);
      if (!signal.aborted) await this.#renew();
    }
    await client.call({ method: "DELETE", path: `${this.#path}/${this.#name}` }).catch(() => undefined);
  }

  get #name(): string {
    return `contour-replica-${this.#options.replica}`;
  }

  async #renew(): Promise<void> {
    const { client, clock, replica, namespace, log } = this.#options;
    const spec = { holderIdentity: replica, leaseDurationSeconds: lapseMs / 1000, renewTime: `${new Date(clock()).toISOString().slice(0, -1)}000Z` };
    const body = { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata: { name: this.#name, namespace, labels: { [label]: "" } }, spec };
    const put = client.call({ method: "PATCH", path: `${this.#path}/${this.#name}`, body: { spec }, contentType: "application/merge-patch+json" }).catch((error: unknown) => (statusOf(error) === 404 ? client.call({ method: "POST", path: this.#path, body }) : Promise.reject(error)));
    // Without the rights nothing is issued, which the status of issuers tells.
    await put.catch((error: unknown) => log[statusOf(error) === 403 ? "debug" : "warn"]({ reason: String(error) }, "the Lease that tells other replicas of this one cannot be written"));
  }
}
