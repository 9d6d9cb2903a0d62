import type { Logger } from "pino";
import type { LoadBalancerAddress } from "#app/controller";
import { fleetWish } from "#app/xds-identity";
import { issueCertificate, renewAt, stillServes } from "#certs/authority";
import type { KeyPair } from "#certs/authority";
import type { FleetName } from "#model/fleet";
import { certificateName, envoyName, owningGatewayLabel } from "#provision/names";
import { fleetObjects, otherWorkload } from "#provision/objects";
import type { AppliedObject } from "#provision/objects";
import { serviceType } from "#provision/service";
import type { ProvisionSettings } from "#provision/settings";
import { retryAfterMs, statusOf } from "#sources/kubernetes/api-error";
import type { ApiClient } from "#sources/kubernetes/client";
import { followLabelled } from "#sources/kubernetes/labelled";
import type { LabelledObject } from "#sources/kubernetes/labelled";
import type { FleetPlan } from "#translate/gateway/fleet-plan";
import { classFleet } from "#translate/gateway/site";

/** What a provisioner needs. */
export interface ProvisionerOptions {
  readonly client: ApiClient;
  readonly authority: KeyPair;
  /** Whom the Envoys are to trust: PEM. */
  readonly authorities: string;
  readonly settings: ProvisionSettings;
  readonly log: Logger;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  readonly random: () => number;
  readonly signal: AbortSignal;
  /** Whether nobody of ours wants a fleet any more, though its owner is there: only then its Envoys are taken away. */
  readonly isAbandoned: (fleet: FleetName) => boolean;
  /** The namespace of Envoys that several Gateways share. */
  readonly namespace: string;
  /** Hears under which addresses the Envoys of a Gateway are reached. */
  readonly onAddresses: (fleet: FleetName, addresses: readonly LoadBalancerAddress[]) => void;
}

/** Where the objects of each kind are. */
const paths = {
  ServiceAccount: { api: "/api/v1", plural: "serviceaccounts" },
  Secret: { api: "/api/v1", plural: "secrets" },
  ConfigMap: { api: "/api/v1", plural: "configmaps" },
  Service: { api: "/api/v1", plural: "services" },
  Deployment: { api: "/apis/apps/v1", plural: "deployments" },
  DaemonSet: { api: "/apis/apps/v1", plural: "daemonsets" },
} as const;

type ChildKind = keyof typeof paths;

const childKinds = Object.keys(paths) as readonly ChildKind[];
const firstRetryMs = 200;
const longestRetryMs = 30_000;
/** Gateways that are worked on at once. */
const concurrency = 4;

/** Makes the Envoys of each Gateway, corrects what others change in them, and takes them away. Only the leader writes. */
export class Provisioner {
  readonly #options: ProvisionerOptions;
  readonly #plans = new Map<string, FleetPlan>();
  readonly #dirty = new Set<string>();
  readonly #busy = new Set<string>();
  /** What the API server had after our last write, by kind, namespace and name. */
  readonly #applied = new Map<string, LabelledObject["metadata"]>();
  readonly #attempts = new Map<string, number>();
  /** When the certificate of each fleet is to be replaced, in milliseconds since 1970. */
  readonly #renewals = new Map<string, number>();
  #leading = false;

  constructor(options: ProvisionerOptions) {
    this.#options = options;
  }

  /** Takes over plans that changed; an empty list is a Gateway that needs no Envoys any more. */
  follow(plans: ReadonlyMap<string, readonly (FleetPlan | "keep")[]>): void {
    for (const [fleet, [plan]] of plans) {
      if (plan === "keep") continue;
      if (plan === undefined) {
        this.#plans.delete(fleet);
        this.#renewals.delete(fleet);
      } else this.#plans.set(fleet, plan);
      this.#enqueue(fleet);
    }
  }

  /** A new leader looks at everything. */
  setLeading(leading: boolean): void {
    this.#leading = leading;
    if (leading) for (const fleet of this.#plans.keys()) this.#enqueue(fleet);
    this.#pump();
  }

  /** Replaces certificates whose time has come: nothing else may happen to a Gateway for a year. */
  tick(): void {
    const now = this.#options.clock();
    for (const [fleet, at] of this.#renewals) if (at <= now && this.#plans.has(fleet)) this.#enqueue(fleet);
  }

  /** Watches what was made, until the signal aborts. */
  async watch(): Promise<void> {
    const { client, log, signal, sleep, random } = this.#options;
    await Promise.all(childKinds.map((kind) => followLabelled({
      client, log, signal, sleep, random,
      path: `${paths[kind].api}/${paths[kind].plural}`,
      selector: `app.kubernetes.io/managed-by=contour,${owningGatewayLabel}`,
      onObject: (object) => this.#seen(kind, object),
      onGone: (object) => this.#gone(kind, object),
    })));
  }

  #seen(kind: ChildKind, object: LabelledObject): void {
    const fleet = fleetOf(object);
    if (fleet === undefined) return;
    if (kind === "Service") this.#publish(fleet, object);
    const applied = this.#applied.get(childKey(kind, object.metadata));
    const { resourceVersion, generation } = object.metadata;
    // Workloads count generations: their status changes all the time.
    const ours = applied !== undefined && (applied.resourceVersion === resourceVersion || (generation !== undefined && applied.generation === generation));
    if (!ours) this.#enqueue(fleet);
  }

  #gone(kind: ChildKind, object: LabelledObject): void {
    const fleet = fleetOf(object);
    this.#applied.delete(childKey(kind, object.metadata));
    if (fleet === undefined) return;
    if (kind === "Service") this.#options.onAddresses(fleet, []);
    if (this.#plans.has(fleet)) this.#enqueue(fleet);
  }

  #publish(fleet: string, object: LabelledObject): void {
    const plan = this.#plans.get(fleet);
    if (plan === undefined || object.metadata.name !== envoyName(plan.name)) return;
    this.#options.onAddresses(plan.fleet, addressesOf(plan, object as ServiceObject));
  }

  #enqueue(fleet: string): void {
    this.#dirty.add(fleet);
    this.#pump();
  }

  #pump(): void {
    if (!this.#leading) return;
    for (const fleet of this.#dirty) {
      if (this.#busy.size >= concurrency || this.#options.signal.aborted) return;
      if (this.#busy.has(fleet)) continue;
      this.#dirty.delete(fleet);
      this.#busy.add(fleet);
      void this.#work(fleet).finally(() => (this.#busy.delete(fleet), this.#pump()));
    }
  }

  async #work(fleet: string): Promise<void> {
    const { log, sleep } = this.#options;
    try {
      const plan = this.#plans.get(fleet);
      if (plan !== undefined) await this.#make(plan);
      // Kubernetes itself takes the objects of a Gateway away that is deleted. Without its class, or its parameters, it keeps its Envoys: that may be a mistake.
      else if (this.#options.isAbandoned(fleet)) await this.#remove(fleet);
      this.#attempts.delete(fleet);
    } catch (error) {
      const attempt = this.#attempts.get(fleet) ?? 0;
      this.#attempts.set(fleet, attempt + 1);
      // A namespace that is going away takes nothing new, and its Gateway goes with it.
      log[statusOf(error) === 404 || statusOf(error) === 403 ? "debug" : "error"]({ fleet, status: statusOf(error), reason: String(error) }, "the Envoys of a Gateway cannot be made as they should be; trying again");
      await sleep(Math.max(retryAfterMs(error), Math.min(longestRetryMs, firstRetryMs * 2 ** attempt)));
      if (this.#plans.has(fleet) && this.#leading) this.#dirty.add(fleet);
    }
  }

  async #make(plan: FleetPlan): Promise<void> {
    const { client, settings } = this.#options;
    const { certificate, key } = await this.#certificate(plan);
    for (const object of fleetObjects(plan, { authorities: this.#options.authorities, certificate, key }, settings)) {
      const kind = object.kind as ChildKind;
      const made = await client.call<LabelledObject>({ method: "PATCH", path: `${childPath(kind, plan.namespace, object.metadata.name)}?fieldManager=contour&force=true`, body: object satisfies AppliedObject, contentType: "application/apply-patch+yaml" });
      this.#applied.set(childKey(kind, made.metadata), made.metadata);
      if (kind === "Service") this.#publish(plan.fleet, made);
    }
    this.#renewals.set(plan.fleet, renewAt(certificate, this.#options.authority.certificate));
    await this.#delete(`/apis/apps/v1/namespaces/${plan.namespace}/${otherWorkload(plan)}/${envoyName(plan.name)}`);
    if (plan.ports.length === 0) await this.#delete(childPath("Service", plan.namespace, envoyName(plan.name)));
  }

  /** The certificate that is there, while it serves. */
  async #certificate(plan: FleetPlan): Promise<KeyPair> {
    const { client, authority, clock } = this.#options;
    const wish = fleetWish(plan.fleet);
    const there = await client.call<{ readonly data?: Readonly<Record<string, string>> }>({ path: childPath("Secret", plan.namespace, certificateName(plan.name)) }).catch((error: unknown) => (statusOf(error) === 404 ? undefined : Promise.reject(error)));
    const decode = (key: string): string => Buffer.from(there?.data?.[key] ?? "", "base64").toString("utf8");
    const pair = { certificate: decode("tls.crt"), key: decode("tls.key") };
    return stillServes(authority, pair, wish, clock()) ? pair : issueCertificate(authority, wish, clock());
  }

  async #remove(fleet: string): Promise<void> {
    const [owner = "", last = ""] = fleet.split("/");
    const [namespace, name] = owner === "*" ? [this.#options.namespace, `class-${last}`] : [owner, last];
    for (const kind of childKinds) {
      const child = kind === "Secret" ? certificateName(name) : envoyName(name);
      const path = childPath(kind, namespace, child);
      const there = await this.#options.client.call<LabelledObject>({ path }).catch((error: unknown) => (statusOf(error) === 404 ? undefined : Promise.reject(error)));
      if (there !== undefined && fleetOf(there) === fleet) await this.#delete(path);
    }
  }

  async #delete(path: string): Promise<void> {
    await this.#options.client.call({ method: "DELETE", path: `${path}?propagationPolicy=Background` }).catch((error: unknown) => (statusOf(error) === 404 ? undefined : Promise.reject(error)));
  }
}

function childPath(kind: ChildKind, namespace: string, name: string): string {
  return `${paths[kind].api}/namespaces/${namespace}/${paths[kind].plural}/${name}`;
}

function childKey(kind: ChildKind, { namespace = "", name }: LabelledObject["metadata"]): string {
  return `${kind}/${namespace}/${name}`;
}

function fleetOf({ metadata }: LabelledObject): string | undefined {
  const owner = metadata.ownerReferences?.find(({ kind }) => kind === "Gateway" || kind === "GatewayClass");
  if (owner === undefined) return undefined;
  return owner.kind === "GatewayClass" ? classFleet(owner.name) : `${metadata.namespace ?? ""}/${owner.name}`;
}

interface ServiceObject extends LabelledObject {
  readonly spec?: { readonly clusterIPs?: readonly string[] };
  readonly status?: { readonly loadBalancer?: { readonly ingress?: readonly LoadBalancerAddress[] } };
}

function addressesOf(plan: FleetPlan, { spec, status }: ServiceObject): readonly LoadBalancerAddress[] {
  if (serviceType(plan) !== "LoadBalancer") return (spec?.clusterIPs ?? []).map((ip) => ({ ip }));
  return (status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ({ ...(ip === undefined ? {} : { ip }), ...(hostname === undefined ? {} : { hostname }) }));
}
