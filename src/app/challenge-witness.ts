import { createHash } from "node:crypto";
import type { Logger } from "pino";
import { orderSecretName } from "#acme/certificate";
import { AcmeProblem } from "#acme/problem";
import type { OrderRecord } from "#acme/record";
import type { Replicas } from "#app/replicas";
import { nameInXds } from "#app/xds-feed";
import { inFleet, splitFleet } from "#model/fleet";
import type { ApiClient } from "#sources/kubernetes/client";
import type { Graph } from "#store/graph";
import { challengeAnswers, challengeSecret, httpListeners, orderRecords } from "#translate/certificates/orders";
import { objectKey, objects, tlsHosts } from "#translate/facts";
import { tlsHostKey } from "#translate/tls-hosts";
import { listenerType, scopeType, secretType } from "#xds/types";
import type { TypeUrl } from "#xds/types";

/** What watching over challenges needs. */
export interface WitnessOptions {
  readonly graph: Graph;
  readonly client: ApiClient;
  readonly namespace: string;
  /** Whether Secrets of that namespace, where orders are, are looked at. */
  readonly seesOrders: boolean;
  readonly replica: string;
  readonly replicas: Replicas;
  /** Whether every Envoy of a fleet, of those connected here, has taken the newest version of a resource. */
  readonly taken: (fleet: string, type: TypeUrl, name: string) => boolean;
  readonly sleep: (ms: number) => Promise<void>;
  readonly signal: AbortSignal;
  readonly log: Logger;
}

/** A resource by which Envoys answer for a host. */
interface Answering {
  readonly type: TypeUrl;
  readonly name: string;
  readonly host: string;
}

const lookMs = 100;
/** Looks between two questions which replicas there are. */
const looksPerQuestion = 20;
/** An Envoy's threads take over, and its new listeners listen, a moment after it has said so. */
const takeOverMs = 300;
const patienceMs = 300_000;

/** Sees to it that no ACME server is told to look before all Envoys answer: each replica says so about its own. */
export class ChallengeWitness {
  readonly #options: WitnessOptions;
  readonly #watching = new Set<string>();

  constructor(options: WitnessOptions) {
    this.#options = options;
  }

  /** Takes over orders that changed. What our Envoys answer is written to the order, for whoever leads. */
  follow(orders: ReadonlyMap<string, readonly OrderRecord[]>): void {
    for (const [, [record]] of orders) if (record?.order !== undefined) void this.#witness(record);
  }

  /** Resolves when the Envoys of all replicas answer the challenges of an order. Fails where no listener could. */
  async answered(record: OrderRecord): Promise<void> {
    const { sleep, signal, replicas, log, seesOrders, namespace } = this.#options;
    if (!seesOrders) throw new AcmeProblem({ type: "unseenOrders", detail: `no Envoy can answer: the controller does not look at Secrets of its own namespace, where orders are; name ${namespace} in --secret-namespaces (or --watch-namespaces), too` });
    const wanted = digest(record);
    let others: readonly string[] = [];
    for (let look = 0; look * lookMs < patienceMs && !signal.aborted; look++) {
      if (look % looksPerQuestion === 0) others = await replicas.others().catch((error: unknown) => (log.warn({ reason: String(error) }, "the other replicas are not known"), others));
      if (this.#ownAnswer(record, look) && others.every((replica) => this.#mark(record, replica) === wanted)) return sleep(takeOverMs);
      await sleep(lookMs);
    }
    throw new AcmeProblem({ type: "noAnswer", detail: `not all Envoys answer the challenges for ${record.hosts.join(", ")} yet; the server was not asked to look`, transient: true });
  }

  async #witness(record: OrderRecord): Promise<void> {
    const { client, namespace, replica, sleep, signal, log } = this.#options;
    const wanted = digest(record);
    if (this.#watching.has(wanted) || this.#mark(record, replica) === wanted) return;
    this.#watching.add(wanted);
    try {
      for (let look = 0; look * lookMs < patienceMs && !signal.aborted; look++) {
        if (this.#current(record) !== wanted) return;
        if (this.#taken(record)) {
          const { certificate } = record;
          const path = `/api/v1/namespaces/${namespace}/secrets/${orderSecretName(certificate.namespace, certificate.name)}`;
          return void (await client.call({ method: "PATCH", path, body: { metadata: { annotations: { [markOf(replica)]: wanted } } }, contentType: "application/merge-patch+json" }));
        }
        await sleep(lookMs);
      }
    } catch (error) {
      log.debug({ reason: String(error) }, "an order cannot be told that our Envoys answer");
    } finally {
      this.#watching.delete(wanted);
    }
  }

  #ownAnswer(record: OrderRecord, look: number): boolean {
    const missing = this.#unanswered(record);
    // The event of the order's Secret may be on its way.
    if (missing.length > 0 && look * lookMs > 10_000) throw new AcmeProblem({ type: "noListener", detail: `no listener answers for ${missing.join(", ")}: HTTP-01 needs one for port 80, TLS-ALPN-01 one for HTTPS, of an Envoy that serves the host; add one, or a solver of another type to the issuer` });
    return missing.length === 0 && this.#taken(record);
  }

  #taken(record: OrderRecord): boolean {
    return this.#unanswered(record).length === 0 && this.#resources(record).every(({ type, name }) => this.#options.taken(splitFleet(name).fleet, type, nameInXds(type, splitFleet(name).name)));
  }

  #unanswered(record: OrderRecord): readonly string[] {
    const answered = new Set(this.#resources(record).map(({ host }) => host));
    return (record.order?.challenges ?? []).flatMap((challenge) => (challenge.kind === "dns-01" || answered.has(challenge.host) ? [] : [challenge.host]));
  }

  /** What Envoys must have taken, qualified by fleet. */
  #resources(record: OrderRecord): readonly Answering[] {
    const { graph } = this.#options;
    return (record.order?.challenges ?? []).flatMap((challenge) => graph.items(httpListeners, "").flatMap(({ name }): readonly Answering[] => {
      const { host } = challenge;
      if (challenge.kind === "http-01" && graph.items(challengeAnswers, `${name}|${host}`).some(({ token }) => token === challenge.token)) return [{ type: listenerType, name, host }, { type: scopeType, name: `${name}|${host}`, host }];
      if (challenge.kind !== "tls-alpn-01" || !graph.items(tlsHosts, tlsHostKey(name, host)).some(({ kind }) => kind === "tls-alpn-challenge")) return [];
      return [{ type: listenerType, name, host }, { type: secretType, name: inFleet(splitFleet(name).fleet, challengeSecret(host)), host }];
    }));
  }

  #secret({ certificate }: OrderRecord): { readonly annotations?: Readonly<Record<string, string>> } | undefined {
    const { graph, namespace } = this.#options;
    return graph.items(objects("Secret"), objectKey(namespace, orderSecretName(certificate.namespace, certificate.name)))[0]?.metadata;
  }

  #mark(record: OrderRecord, replica: string): string | undefined {
    return this.#secret(record)?.annotations?.[markOf(replica)];
  }

  /** What the order's Secret asks to be answered now. */
  #current({ certificate }: OrderRecord): string | undefined {
    const [record] = this.#options.graph.items(orderRecords, objectKey(certificate.namespace, certificate.name));
    return record === undefined ? undefined : digest(record);
  }
}

function markOf(replica: string): string {
  return `answered.projectcontour.io/${createHash("sha256").update(replica).digest("hex").slice(0, 16)}`;
}

function digest({ order }: OrderRecord): string {
  return createHash("sha256").update(JSON.stringify(order ?? null)).digest("hex").slice(0, 16);
}
