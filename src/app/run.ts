import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Logger } from "pino";
import { Registry } from "prom-client";
import { issuedLabel, issuerAnnotation } from "#acme/record";
import { applyConfigurationOf } from "#app/configuration";
import type { ConfiguredChoices } from "#app/configuration";
import { Controller } from "#app/controller";
import { routedView } from "#app/doctor/routed-view";
import { openRunDoor, runFolderPrefix } from "#app/doctor/run-door";
import { ensureEnvoyBinary } from "#app/envoy-binary";
import { startEnvoy } from "#app/envoy-process";
import type { EnvoyProcess } from "#app/envoy-process";
import { gatewayPortBeside } from "#app/gateway-ports";
import { keepStaples } from "#app/ocsp/keep";
import type { Staples } from "#app/ocsp/staples";
import type { PipelineChange } from "#app/pipeline";
import { requireFreePort } from "#app/port-check";
import { listRoutes } from "#app/route-list";
import type { ListedRoute } from "#app/route-list";
import { createSampleBackends } from "#app/sample-backends";
import { collectProblems } from "#app/translate";
import type { ObjectProblem } from "#app/translate";
import { localCaFolder, openLocalCa } from "#certs/local-ca";
import type { LocalCa } from "#certs/local-ca";
import { bootstrapJson, buildBootstrap } from "#envoy/bootstrap";
import type { ObjectFault, RoutedView } from "#doctor/view";
import type { Secret } from "#gen/k8s/secret";
import type { KubeObject } from "#k8s/object";
import type { Result } from "#lib/result";
import { createXdsMetrics } from "#metrics/xds";
import { defaultEnvoySettings } from "#settings/envoy";
import type { EnvoySettings } from "#settings/envoy";
import { defaultSettings } from "#settings/settings";
import type { Settings } from "#settings/settings";
import { formatPlace, readFiles } from "#sources/file/read";
import { watchFiles } from "#sources/file/watch";
import type { FileReport, FileWatch } from "#sources/file/watch";
import type { ObjectEvent } from "#store/event";
import { certificateRequests } from "#translate/certificates/request";
import { objects } from "#translate/facts";
import { serveXds } from "#xds/server";

/** What `contour run` is asked to do. */
export interface RunOptions {
  readonly paths: readonly string[];
  readonly address: string;
  readonly httpPort: number;
  readonly httpsPort: number;
  /** The ContourConfiguration to use, where the files have several. */
  readonly contourConfigName?: string;
  /** The zone that endpoints are looked at from. */
  readonly zone?: string;
  readonly env: NodeJS.ProcessEnv;
  readonly log: Logger;
  readonly clock: () => number;
  readonly signal: AbortSignal;
  readonly output: RunOutput;
}

/** Where `contour run` says what happens. */
export interface RunOutput {
  progress(line: string): void;
  /** The routes that are served now, and what is wrong; after the start and after every change. */
  state(state: RunState): void;
  envoyLine(line: string): void;
}

/** What a person wants to know after each change. */
export interface RunState {
  readonly routes: readonly ListedRoute[];
  readonly report: FileReport;
  readonly problems: readonly ObjectProblem[];
  readonly place: (problem: ObjectProblem) => { readonly file: string; readonly line: number; readonly column: number } | undefined;
  readonly caFile: string;
  readonly caCreated: boolean;
}

/** Serves manifests with a real Envoy until the signal aborts. */
export async function run(options: RunOptions): Promise<void> {
  const { env, log, clock, output, signal } = options;
  await requireFreePort(options.address, options.httpPort, "--http-port");
  await requireFreePort(options.address, options.httpsPort, "--https-port");
  const binary = await ensureEnvoyBinary({ env, progress: (line) => output.progress(line) });
  const ca = await openLocalCa({ folder: localCaFolder(env), now: clock });
  const choices = configuredBy(readFiles(options.paths).objects, options.contourConfigName);
  if (!choices.ok) throw new Error(choices.error);
  const session = new RunSession(options, ca, choices.value);
  const folder = mkdtempSync(join(tmpdir(), runFolderPrefix));
  const stop = new AbortController();
  let envoy: EnvoyProcess | undefined;
  let door: Awaited<ReturnType<typeof openRunDoor>> | undefined;
  let watch: FileWatch | undefined;
  try {
    watch = await session.watch();
    await session.settled();
    session.controller.open();
    const ticking = setInterval(() => session.tick(), tickMs);
    stop.signal.addEventListener("abort", () => clearInterval(ticking), { once: true });
    await session.settled();
    const address = `unix:${join(folder, "xds.sock")}`;
    await serveXds({ address, fleetOf: () => session.controller.store, placeOf: ({ locality }) => ({ zone: locality?.zone ?? "", node: "" }), signal: stop.signal, log, clock, metrics: createXdsMetrics(new Registry()), onNack: (nack) => session.controller.rejected(nack), onHeld: (held) => session.controller.held(held), onAck: (ack) => session.controller.accepted(ack) });
    const bootstrap = buildBootstrap({ node: { id: "contour-run", cluster: "contour-run", ...(options.zone === undefined ? {} : { zone: options.zone }) }, xds: { kind: "unix", path: join(folder, "xds.sock") }, admin: { kind: "unix", path: join(folder, "admin.sock") }, overload: { maxDownstreamConnections: 10_000n } });
    const start = (): EnvoyProcess => startEnvoy({ binary, bootstrap: JSON.parse(bootstrapJson(bootstrap)) as unknown, onLine: (line) => (signal.aborted ? undefined : output.envoyLine(line)), onUnexpectedExit: (code) => (signal.aborted ? undefined : restart(code)) });
    const restart = (code: number | null): void => {
      output.progress(`Envoy ended unexpectedly (${code === null ? "by a signal" : `code ${code}`}); starting it again`);
      const timer = setTimeout(() => void (envoy = start()), 1000);
      signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
    };
    envoy = start();
    door = await openRunDoor(folder, () => ({ pid: process.pid, paths: options.paths, adminSocket: join(folder, "admin.sock"), view: session.routed() }));
    session.show();
    await new Promise<void>((resolve) => (signal.aborted ? resolve() : signal.addEventListener("abort", () => resolve(), { once: true })));
  } finally {
    output.progress("stopping");
    door?.close();
    await watch?.close();
    await envoy?.stop();
    session.stop();
    stop.abort();
    rmSync(folder, { recursive: true, force: true });
  }
}

const tickMs = 60_000;

/** The manifests of one `contour run`, with the backends and certificates that it makes for them. */
class RunSession {
  readonly controller: Controller;
  readonly #options: RunOptions;
  readonly #ca: LocalCa;
  readonly #backends = createSampleBackends();
  readonly #issued = new Map<string, { readonly hosts: readonly string[] }>();
  #work: Promise<void> = Promise.resolve();
  #report: FileReport = { problems: [], changes: 0 };
  #watch: FileWatch | undefined;
  #shown = false;
  /** What is wrong with the ContourConfiguration. */
  #configuration: readonly ObjectProblem[];
  #responders: Settings["ocspResponders"];
  readonly #staples: Staples;

  constructor(options: RunOptions, ca: LocalCa, choices: ConfiguredChoices) {
    this.#options = options;
    this.#ca = ca;
    this.#configuration = choices.problems;
    this.controller = new Controller({ settings: runSettings(options, choices.settings), envoySettings: runEnvoySettings(choices.envoySettings), clock: options.clock, onChange: (change) => this.#changed(change) });
    this.#responders = choices.settings.ocspResponders;
    this.#staples = keepStaples({ controller: this.controller, responders: () => this.#responders, clock: options.clock, log: options.log });
  }

  /** Looks at the clock. To be called from time to time. */
  tick(): void {
    this.controller.tick();
    this.#staples.tick();
  }

  async watch(): Promise<FileWatch> {
    this.#watch = await watchFiles({
      paths: this.#options.paths,
      sink: {
        apply: (events) => {
          this.#enqueue(async () => {
            this.controller.apply([...events, ...(await this.#backends.follow(events)), ...this.#yield(events)]);
            this.#reconfigure(events);
          });
        },
      },
      onReport: (report) =>
        this.#enqueue(async () => {
          this.#report = report;
          if (this.#shown) this.show();
        }),
    });
    return this.#watch;
  }

  /** Goes over to a ContourConfiguration that has changed; one that is wrong is shown, and the last good one counts. */
  #reconfigure(events: readonly ObjectEvent[]): void {
    if (!this.#shown || !events.some((event) => (event.type === "delete" ? event.ref.kind : event.object.kind) === "ContourConfiguration")) return;
    const written = [...this.controller.pipeline.graph.buckets(objects("ContourConfiguration"))].flatMap(([, found]) => found);
    const choices = configuredBy(written, this.#options.contourConfigName);
    if (!choices.ok) return this.#options.output.progress(`${choices.error}; the last configuration stays in force`);
    const { settings, envoySettings, problems } = choices.value;
    this.#configuration = problems;
    this.#responders = settings.ocspResponders;
    if (!problems.some(({ severity }) => severity === "error")) this.controller.configure(runSettings(this.#options, settings), runEnvoySettings(envoySettings));
  }

  /** Waits until all that was seen so far is translated. */
  async settled(): Promise<void> {
    let before: Promise<void> | undefined;
    while (before !== this.#work) await (before = this.#work);
  }

  show(): void {
    this.#shown = true;
    const { output } = this.#options;
    output.state({
      routes: listRoutes(this.controller.pipeline.graph),
      report: this.#report,
      problems: [...this.#configuration, ...collectProblems(this.controller.pipeline)],
      place: (problem) => this.#watch?.locate(problem, problem.field),
      caFile: this.#ca.certificateFile,
      caCreated: this.#ca.created,
    });
  }

  /** What is served now, as the doctor looks at it. */
  routed(): RoutedView {
    const view = routedView(this.controller.pipeline);
    const placeOf = (fault: ObjectFault): { readonly place?: string } => {
      const place = this.#watch?.locate(fault, fault.field);
      return place === undefined ? {} : { place: formatPlace(place) };
    };
    return { ...view, faults: view.faults.map((fault) => ({ ...fault, ...placeOf(fault) })) };
  }

  stop(): void {
    this.#backends.stop();
  }

  #enqueue(task: () => Promise<void>): void {
    this.#work = this.#work.then(task).catch((error: unknown) => this.#options.log.error({ err: error }, "a change could not be served"));
  }

  /** A Secret that the user writes takes the place of one that we made. */
  #yield(events: readonly ObjectEvent[]): readonly ObjectEvent[] {
    for (const event of events) if (event.type === "upsert" && event.object.kind === "Secret") this.#issued.delete(`${event.object.metadata.namespace}/${event.object.metadata.name}`);
    return [];
  }

  #changed(change: PipelineChange): void {
    this.#staples.follow(change.secrets);
    for (const [secret, hosts] of change.missingCertificates) if (hosts.length > 0 && !this.#issued.has(secret)) this.#enqueue(() => this.#issue(secret, hosts));
    // Issuers are for clusters; here the authority of this machine stands in for all of them.
    for (const [secret, [request]] of change.certificateRequests) if (request !== undefined && this.#lacks(secret, request.hosts)) this.#enqueue(() => this.#issue(secret, request.hosts));
  }

  /** Whether a certificate that we made is for fewer hosts. */
  #lacks(secret: string, hosts: readonly string[]): boolean {
    const issued = this.#issued.get(secret);
    return issued !== undefined && hosts.some((host) => !issued.hosts.includes(host));
  }

  async #issue(name: string, wanted: readonly string[]): Promise<void> {
    const asked = this.controller.pipeline.graph.items(certificateRequests, name).flatMap((request) => request.hosts);
    const hosts = [...new Set([...wanted, ...asked, ...(this.#issued.get(name)?.hosts ?? [])])];
    const { certificatePem, privateKeyPem } = await this.#ca.issue(hosts);
    const encode = (text: string): string => Buffer.from(text).toString("base64");
    const [namespace = "", secretName = ""] = name.split("/");
    const secret: Secret = { apiVersion: "v1", kind: "Secret", type: "kubernetes.io/tls", metadata: { namespace, name: secretName, labels: { [issuedLabel]: "local-authority" }, annotations: { [issuerAnnotation]: "the authority of this machine" } }, data: { "tls.crt": encode(certificatePem), "tls.key": encode(privateKeyPem) } };
    this.#issued.set(name, { hosts });
    this.controller.apply([{ type: "upsert", object: secret }]);
  }
}

function configuredBy(found: readonly KubeObject[], name: string | undefined): Result<ConfiguredChoices, string> {
  return applyConfigurationOf({ settings: defaultSettings, envoySettings: defaultEnvoySettings }, found, name);
}

/** No access log among the messages, and no ports that nobody asked for. */
function runEnvoySettings(chosen: EnvoySettings): EnvoySettings {
  return { ...chosen, accessLogPath: chosen.accessLogPath === defaultEnvoySettings.accessLogPath ? "/dev/null" : (chosen.accessLogPath ?? "/dev/null"), stats: { address: "127.0.0.1", port: 0 }, adminPort: 0 };
}

function runSettings({ address, httpPort, httpsPort }: RunOptions, chosen: Settings): Settings {
  return {
    ...chosen,
    http: { address, port: httpPort },
    https: { address, port: httpsPort },
    ...(httpsPort === 443 ? {} : { publicHttpsPort: httpsPort }),
    enableExternalNameService: true,
    localCertificates: true,
    gatewaySites: "own-address",
    gatewayAddress: address,
    gatewayPort: gatewayPortBeside([httpPort, httpsPort]),
  };
}
