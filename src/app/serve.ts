import { randomUUID } from "node:crypto";
import type { Logger } from "pino";
import { CertificateKeeping } from "#app/certificate-keeping";
import { coalesce } from "#app/coalesce";
import { Controller } from "#app/controller";
import { EnvoyPlaces } from "#app/envoy-places";
import { EnvoysElsewhere } from "#app/envoys-elsewhere";
import { gatewaySettings, isAbandonedFleet } from "#app/gateway-fleets";
import { keepStaples } from "#app/ocsp/keep";
import type { Slices } from "#app/passes";
import { Provisioner } from "#app/provisioner";
import { XdsSecretRotation } from "#app/xds-secret-rotation";
import { fleetOfCertificate, openAuthority, serverIdentity } from "#app/xds-identity";
import { ObjectEvents } from "#app/object-events";
import { observe } from "#app/observe";
import { ObservedStatuses } from "#app/observed-statuses";
import { ServiceAddresses } from "#app/service-addresses";
import { debugPages } from "#app/debug/pages";
import { Health } from "#app/health";
import { serveHttp } from "#app/http-endpoints";
import { isWatched, namespacesOf } from "#app/watched-namespaces";
import type { WatchedNamespaces } from "#app/watched-namespaces";
import type { ConfigurationSource } from "#app/configuration-source";
import type { ControllerPlaces } from "#app/controller-places";
import { startConfiguration } from "#app/start-configuration";
import { ofIngress } from "#app/permissions";
import type { PipelineChange } from "#app/pipeline";
import { laterUnless } from "#lib/later";
import { kinds } from "#k8s/kinds";
import type { KindName } from "#k8s/kinds";
import { refKey } from "#k8s/object";
import { overOwnStreams } from "#envoy/own-streams";
import type { EnvoySettings } from "#settings/envoy";
import type { ProvisionSettings } from "#provision/settings";
import type { Settings } from "#settings/settings";
import type { FleetName } from "#model/fleet";
import { gateways } from "#translate/gateway/api";
import type { ApiAccess } from "#sources/kubernetes/access";
import { createApiClient } from "#sources/kubernetes/client";
import type { ApiClient } from "#sources/kubernetes/client";
import { hasStandardGatewayApi } from "#sources/kubernetes/gateway-channel";
import { watchCluster } from "#sources/kubernetes/cluster";
import { runLeaderElection } from "#status/leader";
import { EventRecorder } from "#status/events";
import { StatusWriter } from "#status/writer";
import { serveXds } from "#xds/server";
import type { XdsServer } from "#xds/server";

/** Milliseconds between two looks at the ends of certificates. */
const tickMs = 60_000;
/** Milliseconds between two looks whether Envoys are connected to other replicas only. */
const lookMs = 2000;

/** What `contour serve` is asked to do. */
export interface ServeOptions extends ControllerPlaces {
  readonly access: ApiAccess;
  /** What counts where the ContourConfiguration says nothing. */
  readonly settings: Settings;
  readonly envoySettings: EnvoySettings;
  readonly configuration?: ConfigurationSource;
  /** Kinds that are not looked at. */
  readonly disabledKinds?: readonly string[];
  /** How old a connection of an Envoy gets: see `XdsOptions`; 0 for never. */
  readonly connectionAgeMs: number;
  /** Whether only Gateway API is served; Ingresses and HTTPProxies are for other controllers. */
  readonly gatewaysOnly?: boolean;
  /** Makes Envoys for each Gateway; without it all Gateways share those that are there. */
  readonly provision?: { readonly settings: Omit<ProvisionSettings, "envoy">; readonly namespace: string };
  /** Where objects are looked at; everywhere unless told. */
  readonly namespaces?: WatchedNamespaces;
  readonly leaderElection?: { readonly namespace: string; readonly name: string; readonly leaseMs: number; readonly renewDeadlineMs: number; readonly retryMs: number };
  readonly log: Logger;
  readonly clock: () => number;
  readonly signal: AbortSignal;
}

/** Serves a cluster's objects to Envoys until the signal aborts. */
export async function serve(given: ServeOptions): Promise<void> {
  const { log, clock, signal } = given;
  const state = new Health(clock);
  const observation = observe(() => controller, given.leaderElection?.name ?? "");
  const sleep = abortableSleep(signal);
  const replica = `${process.env["POD_NAME"] ?? "contour"}-${randomUUID()}`;
  const client = createApiClient({ access: given.access, userAgent: "contour", env: process.env, metrics: observation.cluster });
  const observed = new ObservedStatuses();
  const alive = (): Promise<boolean> => client.call({ path: "/version", silenceMs: 800 }).then(() => true);
  const configuration = await startConfiguration(given, { client, state, alive, metric: observation.configuration, sleep });
  if (configuration === undefined) return client.close();
  const choices = configuration.first;
  const options: ServeOptions = { ...given, ...choices.places };
  requireTls(options);
  requireOwnPort(options);
  const versions = new Map<KindName, string>();
  // A controller for Gateways alone may not write events: conditions say what there is to say about its kinds.
  const recorder = new EventRecorder({ client, log, clock, instance: process.env["POD_NAME"] ?? "contour", onOutcome: observation.events });
  const told = new ObjectEvents(recorder, () => controller.pipeline);
  const writer = new StatusWriter({ client, log, onWritten: (update, before) => told.statusWritten(update, before), versionOf: (kind) => versions.get(kind), metrics: observation.status, controllerName: options.settings.gatewayControllerName, current: (update) => observed.get(`${update.kind}/${update.namespace}/${update.name}`), clock, sleep, signal });
  let settings = gatewaySettings(choices.settings, options.provision?.namespace);
  const authority = options.provision === undefined ? undefined : await openAuthority(client, options.provision.namespace, clock);
  const identity = authority === undefined ? undefined : await serverIdentity(authority, options.xds.tls, log, clock, signal);
  let provisioner: Provisioner | undefined;
  const controller = new Controller({ slices, settings, envoySettings: choices.envoySettings, clock, onChange: (change, cost) => {
    observation.changed(change, cost);
    publish(change, writer, log);
    told.ingressProblems(change.ingressProblems);
    provisioner?.follow(change.fleetPlans);
    certificates.follow(change);
    staples.follow(change.secrets);
    for (const [fleet, plans] of change.fleetPlans) if (plans.length === 0 && controller.pipeline.graph.items(gateways, fleet).length === 0) controller.forgetFleet(fleet);
  } });
  if (options.provision !== undefined && authority !== undefined && identity !== undefined) {
    const isAbandoned = (fleet: FleetName): boolean => isAbandonedFleet(controller, settings, fleet);
    provisioner = new Provisioner({ client, authority, authorities: identity.authorities, settings: { ...options.provision.settings, envoy: choices.envoySettings }, log, clock, sleep, random: Math.random, signal, isAbandoned, namespace: options.provision.namespace, onAddresses: (fleet, found) => controller.setAddresses(found, fleet) });
  }
  const addresses = new ServiceAddresses(options, controller);
  const staples = keepStaples({ controller, responders: () => settings.ocspResponders, clock, log });
  const places = new EnvoyPlaces(controller.pipeline.graph);
  const certificates = new CertificateKeeping({ client, namespace: settings.controllerNamespace, seesOrders: isWatched(kinds.Secret, options.namespaces, settings.controllerNamespace), replica, graph: () => controller.pipeline.graph, taken: (fleet, type, name) => xds?.allHaveTaken(fleet, type, name) ?? true, submit: (statuses) => writer.submit(statuses), onCertManager: (served) => controller.setCertManager(served), onIssuerProblem: (issuer, problem) => controller.setIssuerProblem(issuer, problem), log, clock, sleep, random: Math.random, signal });
  // A provisioner makes the certificates of its Envoys itself.
  const rotation = options.gatewaysOnly === true || options.xds.tls === undefined ? undefined : new XdsSecretRotation({ client, namespace: settings.controllerNamespace, log, clock, later: (ms, run) => laterUnless(signal, ms, run), onEnds: (ends) => observation.xds.secretsEnd(ends), onNews: (secret, news) => told.xdsSecret(settings.controllerNamespace, secret, news) });
  const discover = async (): Promise<void> => hasStandardGatewayApi(client).then((standard) => controller.setStandardApi(standard), (error: unknown) => log.warn({ reason: String(error) }, "the versions of Gateway API cannot be read"));
  const sink = coalesce({
    apply(events) {
      observed.note(events);
      for (const event of events) {
        if (event.type === "delete") writer.forget(event.ref.kind, event.ref.namespace, event.ref.name);
        else writer.seen(event.object.kind, event.object.metadata.namespace ?? "", event.object.metadata.name, event.object.metadata.resourceVersion);
      }
      controller.apply(events);
      certificates.seen(events);
      for (const { object } of events.filter((event) => event.type === "upsert")) if (object.kind === "Secret") rotation?.secretChanged(object.metadata.namespace ?? "", object.metadata.name);
      addresses.follow(events);
      // A long pass may be on: places are read from what it leads to.
      void controller.idle.then(() => places.follow(events) && xds?.relocate());
      // Before GatewayClasses there are CRDs, and those may have been replaced meanwhile.
      if (events.some((event) => event.type === "upsert" && event.object.kind === "GatewayClass")) void discover();
    },
  });
  const source = watchCluster({
    client,
    metrics: { ...observation.cluster, watching: (kind, established) => (observation.cluster.watching(kind, established), state.watching(kind, established)) },
    sink,
    onVersion: (kind, version) => versions.set(kind, version),
    namespacesOf: (kind) => (options.namespaces === undefined ? undefined : namespacesOf(kind, options.namespaces, options.envoyService.namespace)),
    kinds: Object.values(kinds).filter(({ kind }) => kind !== "ContourConfiguration" && !(options.gatewaysOnly === true && ofIngress.includes(kind)) && !(options.disabledKinds ?? []).includes(kind)),
    log,
    signal,
    sleep,
    random: Math.random,
    onInvalid: (ref, errors) => log.warn({ object: refKey(ref), errors: errors.map((error) => error.message) }, "an object does not fit its schema; its last good version stays in force"),
  });
  configuration.follow(
    {
      changed(next) {
        settings = gatewaySettings(next.settings, options.provision?.namespace, settings);
        controller.configure(settings, options.provision === undefined ? next.envoySettings : withPortsOf(choices.envoySettings, next.envoySettings));
        addresses.configure(next.places);
      },
      status: (update) => writer.submit([update]),
    },
    (events) => (sink.apply(events), sink.flush()),
  );
  let xds: XdsServer | undefined;
  const elsewhere = new EnvoysElsewhere({ controller, envoyService: () => options.envoyService, connected: (fleet) => xds?.serves(fleet) ?? false });
  const http = await serveHttp({ ...options, registry: observation.registry, ready: () => xds !== undefined, state, alive, debugPages: debugPages({ pipeline: () => controller.pipeline, xds: () => xds, log, wait: sleep }) });
  await source.synced;
  sink.flush();
  if (!signal.aborted) {
    await discover();
    await certificates.discover();
    controller.open();
    await controller.idle;
    addresses.publish();
    await certificates.open();
    const tls = identity?.files ?? options.xds.tls;
    xds = await serveXds({ address: `${options.xds.address}:${options.xds.port}`, ...(tls === undefined ? {} : { tls }), ...(options.connectionAgeMs === 0 ? {} : { connectionAgeMs: options.connectionAgeMs }), fleetOf: (_node, certificate) => controller.fleet(fleetOfCertificate(certificate)), placeOf: (node) => places.of(node), overOwnStreams, signal, log, clock, metrics: observation.xds, onNack: (nack) => (log.error({ type: nack.type, resource: controller.ownName(nack.type, nack.name, nack.fleet), node: nack.nodeId, reason: nack.message }, "Envoy refuses a resource; its last good version is served"), controller.rejected(nack)), onHeld: (held) => controller.held(held), onAck: (ack) => controller.accepted(ack) });
    const looking = setInterval(() => elsewhere.look(), lookMs);
    signal.addEventListener("abort", () => clearInterval(looking), { once: true });
    const ticking = setInterval(() => {
      controller.tick();
      staples.tick();
      provisioner?.tick();
      told.certificates(controller.certificateEnds(), clock());
    }, tickMs);
    signal.addEventListener("abort", () => clearInterval(ticking), { once: true });
    log.info({ port: xds.port }, "the first configuration is complete; serving xDS");
    void provisioner?.watch();
    await lead(options, client, sleep, (leading) => (observation.setLeading(leading), recorder.setLeading(leading && options.gatewaysOnly !== true), writer.setLeading(leading), provisioner?.setLeading(leading), certificates.setLeading(leading), rotation?.setLeading(leading)), replica);
  }
  http.close();
  client.close();
}

/** Long work leaves room for acknowledgements, endpoints, probes and leases. */
const slices: Slices = { ms: 10, later: (next) => void setImmediate(next) };

/** The pods of provisioned Envoys have probes on the ports that Envoy had at the start. */
function withPortsOf({ stats, statsTls, adminPort }: EnvoySettings, { statsTls: _, ...next }: EnvoySettings): EnvoySettings {
  return { ...next, stats, adminPort, ...(statsTls === undefined ? {} : { statsTls }) };
}

/** Who probes the controller has no certificate. */
function requireOwnPort({ http, health, debug }: ServeOptions): void {
  const other = [health, debug].find((place) => place.port === http.port);
  if (http.tls === undefined || other === undefined) return;
  throw new Error(`contour serve: metrics with TLS (metrics.tls of the ContourConfiguration) cannot have port ${http.port}, which serves health checks or debug pages without: write another metrics.port, or health.port`);
}

function requireTls({ xds, provision }: ServeOptions): void {
  if (xds.tls !== undefined || xds.insecure === true || provision !== undefined) return;
  throw new Error("contour serve: the xDS server carries private keys, so it needs --contour-cafile, --contour-cert-file and --contour-key-file, or xdsServer.tls of the ContourConfiguration, or --provision-gateways, which makes its own; --insecure goes without, for a machine of one's own");
}

async function lead(options: ServeOptions, client: ApiClient, sleep: (ms: number) => Promise<void>, onChange: (leading: boolean) => void, identity: string): Promise<void> {
  const { leaderElection, log, clock, signal } = options;
  if (leaderElection === undefined) {
    onChange(true);
    return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  }
  return runLeaderElection({ ...leaderElection, client, identity, log, clock, elapsed: () => performance.now(), sleep, schedule: scheduleTimeout, signal, onChange });
}

function scheduleTimeout(ms: number, run: () => void): () => void {
  const timer = setTimeout(run, ms);
  return () => clearTimeout(timer);
}

function publish(change: PipelineChange, writer: StatusWriter, log: Logger): void {
  writer.submit(change.statuses);
  for (const [ingress, problems] of change.ingressProblems) for (const problem of problems) log.warn({ ingress, field: problem.field, reason: problem.message }, "a part of an Ingress has no effect");
}

function abortableSleep(signal: AbortSignal): (ms: number) => Promise<void> {
  return (ms) =>
    new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const end = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      signal.addEventListener("abort", end);
    });
}
