import type { Logger } from "pino";
import type { IssuerObject, IssuerReadiness, IssuerState } from "#acme/issuers";
import { CertificateKeeper } from "#acme/keeper";
import { ChallengeWitness } from "#app/challenge-witness";
import type { PipelineChange } from "#app/pipeline";
import { authoritySecret } from "#app/xds-identity";
import { Replicas } from "#app/replicas";
import { xdsSecretNames } from "#certs/xds-secrets";
import type { CertificateIssuer } from "#gen/k8s/certificate-issuer";
import type { ClusterCertificateIssuer } from "#gen/k8s/cluster-certificate-issuer";
import type { KindName } from "#k8s/kinds";
import type { KubeObject } from "#k8s/object";
import { laterUnless } from "#lib/later";
import type { ApiClient } from "#sources/kubernetes/client";
import { statusOf } from "#sources/kubernetes/api-error";
import type { ObjectEvent } from "#store/event";
import type { Graph } from "#store/graph";
import type { DesiredStatus } from "#translate/facts";
import { objectKey, objects } from "#translate/facts";
import { issuerKey } from "#translate/certificates/issuers";
import type { IssuerKey } from "#translate/certificates/request";
import type { TypeUrl } from "#xds/types";

/** What keeping certificates in a cluster needs. */
export interface CertificateKeepingOptions {
  readonly client: ApiClient;
  readonly namespace: string;
  /** Whether Secrets of that namespace are looked at. */
  readonly seesOrders: boolean;
  readonly replica: string;
  readonly graph: () => Graph;
  readonly taken: (fleet: string, type: TypeUrl, name: string) => boolean;
  /** Hears whether the cluster has cert-manager. */
  readonly onCertManager: (served: boolean) => void;
  /** Hears why an issuer can issue nothing, as its status says; undefined where it can. */
  readonly onIssuerProblem: (issuer: IssuerKey, problem: string | undefined) => void;
  readonly submit: (statuses: readonly DesiredStatus[]) => void;
  readonly log: Logger;
  readonly clock: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  readonly random: () => number;
  readonly signal: AbortSignal;
}

/** Milliseconds between two looks. */
const discoverMs = 30_000;

const issuerKinds: readonly KindName[] = ["ClusterCertificateIssuer", "CertificateIssuer"];

/** Connects the keeper of certificates with a cluster: what is asked for, issuers, Envoys, statuses. */
export class CertificateKeeping {
  readonly #options: CertificateKeepingOptions;
  readonly #keeper: CertificateKeeper;
  readonly #witness: ChallengeWitness;
  readonly #replicas: Replicas;
  /** Of issuers, as last seen. */
  readonly #generations = new Map<IssuerKey, number>();

  constructor(options: CertificateKeepingOptions) {
    const { log, graph, signal } = options;
    this.#options = options;
    this.#replicas = new Replicas(options);
    this.#witness = new ChallengeWitness({ ...options, graph: graph(), replicas: this.#replicas });
    this.#keeper = new CertificateKeeper({
      ...options,
      env: process.env,
      later: (ms, run) => laterUnless(signal, ms, run),
      issuer: (key) => this.#issuer(key),
      isReserved: (secret) => secret === authoritySecret || Object.values(xdsSecretNames).includes(secret),
      answered: (record) => this.#witness.answered(record),
      onIssuer: (state) => options.submit([issuerStatus(state)]),
      onOutcome: ({ namespace, name, hosts }, outcome) => log.debug({ secret: `${namespace}/${name}`, hosts, outcome }, "an order has ended"),
    });
  }

  /** Looks whether the cluster has cert-manager, now and from time to time. */
  async discover(): Promise<void> {
    const { client, log, signal, onCertManager } = this.#options;
    const look = async (): Promise<void> => {
      const served = await client.call({ path: "/apis/cert-manager.io" }).then(() => true, (error: unknown) => (statusOf(error) === 404 ? false : Promise.reject(error)));
      onCertManager(served);
    };
    const tryLook = (): Promise<void> => look().catch((error: unknown) => log.warn({ reason: String(error) }, "whether the cluster has cert-manager is not known"));
    await tryLook();
    const looking = setInterval(() => void tryLook(), discoverMs);
    signal.addEventListener("abort", () => clearInterval(looking), { once: true });
  }

  /** Before Envoys are served: whoever leads must know that this replica has some. */
  async open(): Promise<void> {
    if (issuerKinds.some((kind) => [...this.#options.graph().buckets(objects(kind))].length > 0)) await this.#replicas.announce();
  }

  /** Takes over what a change led to. */
  follow({ certificateRequests, orders }: PipelineChange): void {
    this.#witness.follow(orders);
    this.#keeper.follow(certificateRequests);
  }

  /** Takes over changes of objects, after they were translated. */
  seen(events: readonly ObjectEvent[]): void {
    for (const event of events) {
      const { kind, metadata } = event.type === "delete" ? { kind: event.ref.kind, metadata: event.ref } : event.object;
      if (kind === "Secret") this.#keeper.secretChanged(objectKey(metadata.namespace ?? "", metadata.name));
      if (!issuerKinds.includes(kind as KindName)) continue;
      void this.#replicas.announce();
      const key = issuerKey(kind, metadata.namespace ?? "", metadata.name);
      this.#options.onIssuerProblem(key, event.type === "delete" ? undefined : problemIn(event.object));
      const generation = event.type === "delete" ? undefined : (event.object.metadata.generation ?? 0);
      // What its status says is said by ourselves.
      const known = this.#generations.get(key) === generation;
      if (generation === undefined) this.#generations.delete(key);
      else this.#generations.set(key, generation);
      if (generation !== undefined && !known) this.#keeper.issuerChanged(key);
    }
  }

  /** Only the leader orders. */
  setLeading(leading: boolean): void {
    const graph = this.#options.graph();
    const issuers = issuerKinds.flatMap((kind) => [...graph.buckets(objects(kind))].map(([bucket]) => issuerKey(kind, bucket.split("/")[0] ?? "", bucket.split("/")[1] ?? "")));
    this.#keeper.setLeading(leading, issuers);
  }

  #issuer(key: IssuerKey): IssuerObject | undefined {
    const [kind = "", namespace = "", name = ""] = key.split("/");
    const [object] = this.#options.graph().items(objects(kind === "CertificateIssuer" ? kind : "ClusterCertificateIssuer"), objectKey(namespace, name));
    return object === undefined ? undefined : { spec: object.spec, generation: object.metadata.generation ?? 0 };
  }
}

/** What the condition Ready says while it is False. */
function problemIn(object: KubeObject): string | undefined {
  const { status } = object as ClusterCertificateIssuer | CertificateIssuer;
  const ready = status?.conditions?.find(({ type }) => type === "Ready");
  return ready?.status === "False" ? ready.message : undefined;
}

/** Problems that an issuer's status lists; more are counted. */
const mostProblems = 10;

type MakeCondition = (type: string, status: "True" | "False", reason: string, message: string) => object;

/** The condition Ready, and what the status shows beside it. */
function readinessOf(ready: IssuerReadiness, condition: MakeCondition): readonly [condition: object, shown: object] {
  switch (ready.kind) {
    case "account":
      return [condition("Ready", "True", "AccountReady", "the account is there; certificates can be ordered"), { accountURL: ready.url }];
    case "authority":
      return [condition("Ready", "True", "AuthorityReady", `the authority is there, until ${new Date(ready.endsAt).toISOString().slice(0, 10)}; clients have to trust status.caBundle`), { caBundle: ready.trusted }];
    case "failed":
      return [condition("Ready", "False", ready.reason, ready.message), {}];
  }
}

function issuerStatus({ key, generation, ready, problems }: IssuerState): DesiredStatus {
  const [kind = "", namespace = "", name = ""] = key.split("/");
  const condition: MakeCondition = (type, status, reason, message) => ({ type, status, reason, message: message.slice(0, 32_768), observedGeneration: generation });
  const listed = [...problems].toSorted(([a], [b]) => (a < b ? -1 : 1)).slice(0, mostProblems).map(([certificate, problem]) => `${certificate}: ${problem}`);
  const failing = problems.size === 0 ? condition("Issuing", "True", "Issuing", "all certificates that are asked for are there, or on their way") : condition("Issuing", "False", "OrdersFail", `${problems.size === 1 ? "a certificate" : `${problems.size} certificates`} cannot be issued: ${listed.join("; ")}${problems.size > mostProblems ? " …" : ""}`);
  const [readiness, shown] = readinessOf(ready, condition);
  return { kind: kind as KindName, namespace, name, generation, status: { ...shown, conditions: [readiness, failing] } };
}
