import { InvalidArgumentError, Option } from "commander";
import type { Command } from "commander";
import type { ReadConfigurationFile } from "#app/configuration-file";
import type { ConfigurationSource } from "#app/configuration-source";
import { parseGoDuration } from "#lib/go-duration";
import { fail, ok } from "#lib/result";
import type { Result } from "#lib/result";
import { parseHostPort } from "#cli/host-port";
import type { HostPort } from "#cli/host-port";
import { parsePort } from "#cli/number-option";
import { contourImage } from "#cli/release";
import { defaultEnvoySettings, envoyVersion } from "#settings/envoy";

interface Options {
  readonly incluster?: boolean;
  readonly kubeconfig?: string;
  readonly xdsAddress: string;
  readonly xdsPort: number;
  readonly xdsConnectionAge: string;
  readonly insecure?: boolean;
  readonly contourCafile?: string;
  readonly contourCertFile?: string;
  readonly contourKeyFile?: string;
  readonly httpAddress: string;
  readonly httpPort: number;
  readonly healthAddress: string;
  readonly healthPort: number;
  readonly debugHttpAddress: string;
  readonly debugHttpPort: number;
  readonly ingressClassName: string;
  readonly ingressStatusAddress: string;
  readonly rootNamespaces: string;
  readonly watchNamespaces: string;
  readonly secretNamespaces: string;
  readonly envoyServiceHttpAddress: string;
  readonly envoyServiceHttpPort: number;
  readonly envoyServiceHttpsAddress: string;
  readonly envoyServiceHttpsPort: number;
  readonly envoyServiceName: string;
  readonly envoyServiceNamespace: string;
  readonly statsAddress: string;
  readonly statsPort: number;
  readonly envoyHttpAccessLog: string;
  readonly useProxyProtocol?: boolean;
  readonly disableLeaderElection?: boolean;
  readonly leaderElectionLeaseDuration: string;
  readonly leaderElectionRenewDeadline: string;
  readonly leaderElectionRetryPeriod: string;
  readonly leaderElectionResourceName: string;
  readonly leaderElectionResourceNamespace: string;
  readonly configPath?: string;
  readonly contourConfigName?: string;
  readonly disableFeature: readonly string[];
  readonly logFormat: "text" | "json";
  readonly accesslogFormat: "envoy" | "json";
  readonly envoyHttpsAccessLog: string;
  readonly kubernetesClientQps?: string;
  readonly kubernetesClientBurst?: string;
  readonly kubernetesDebug?: string;
  readonly provisionGateways?: boolean;
  readonly provisionedEnvoyImage: string;
  readonly provisionedContourImage: string;
  readonly provisionedImagePullPolicy: "Always" | "IfNotPresent" | "Never";
  readonly xdsServiceHost: string;
  readonly provisionedOtlpMetrics?: HostPort;
  readonly debug?: boolean;
}

/** Defines `contour serve`. Names and defaults of flags as Go Contour's. */
export function defineServe(program: Command, finish: (code: number) => void): void {
  const { env } = process;
  const namespace = env["CONTOUR_NAMESPACE"] ?? "projectcontour";
  program
    .command("serve")
    .description("watch a Kubernetes API and serve it to Envoys over xDS")
    .option("--incluster", "use the service account of this pod")
    .option("--kubeconfig <file>", "how to reach the API server (default: what KUBECONFIG names, else ~/.kube/config)")
    .option("--xds-address <address>", "address of the xDS server", "127.0.0.1")
    .option("--xds-port <port>", "port of the xDS server", parsePort, 8001)
    .option("--xds-connection-age <duration>", "how old an Envoy's connection gets before it makes a new one, so that Envoys spread over replicas again; 0 for never", "30m")
    .option("--insecure", "serve xDS without TLS")
    .option("--contour-cafile <file>", "authorities of Envoys' certificates (env CONTOUR_CAFILE)", env["CONTOUR_CAFILE"])
    .option("--contour-cert-file <file>", "certificate of the xDS server (env CONTOUR_CERT_FILE)", env["CONTOUR_CERT_FILE"])
    .option("--contour-key-file <file>", "key of the xDS server (env CONTOUR_KEY_FILE)", env["CONTOUR_KEY_FILE"])
    .option("--http-address <address>", "address of /metrics, /healthz and /readyz", "0.0.0.0")
    .option("--http-port <port>", "port of /metrics, /healthz and /readyz", parsePort, 8000)
    .option("--health-address <address>", "address of /healthz and /readyz", "0.0.0.0")
    .option("--health-port <port>", "port of /healthz and /readyz; they are on the metrics port, too", parsePort, 8000)
    .option("--debug-http-address <address>", "address of the debug endpoints", "127.0.0.1")
    .option("--debug-http-port <port>", "port of the debug endpoints", parsePort, 6060)
    .option("--ingress-class-name <names>", "classes to serve, comma separated; none serves those without class and `contour`", "")
    .option("--ingress-status-address <addresses>", "addresses for statuses, comma separated, instead of those of Envoy's Service", "")
    .option("--root-namespaces <names>", "namespaces in which root HTTPProxies count, comma separated; none is all", "")
    .option("--watch-namespaces <names>", "namespaces to look at, comma separated; none is all", "")
    .option("--secret-namespaces <names>", "namespaces whose Secrets are read, comma separated, may be repeated; none is the same as --watch-namespaces", joined, "")
    .option("--envoy-service-http-address <address>", "where Envoy listens for HTTP", "0.0.0.0")
    .option("--envoy-service-http-port <port>", "port on which Envoy listens for HTTP", parsePort, 8080)
    .option("--envoy-service-https-address <address>", "where Envoy listens for HTTPS", "0.0.0.0")
    .option("--envoy-service-https-port <port>", "port on which Envoy listens for HTTPS", parsePort, 8443)
    .option("--envoy-service-name <name>", "Envoy's Service, whose addresses go into statuses", "envoy")
    .option("--envoy-service-namespace <name>", "namespace of Envoy's Service", namespace)
    .option("--stats-address <address>", "where Envoy serves /ready and its metrics", defaultEnvoySettings.stats.address)
    .option("--stats-port <port>", "port on which Envoy serves /ready and its metrics", parsePort, defaultEnvoySettings.stats.port)
    .option("--envoy-http-access-log <file>", "where Envoy writes a line per request without TLS", defaultEnvoySettings.accessLogPath)
    .option("--envoy-https-access-log <file>", "where Envoy writes a line per request with TLS", defaultEnvoySettings.accessLogPath)
    .addOption(new Option("--accesslog-format <format>", "how these lines look").choices(["envoy", "json"]).default("envoy"))
    .option("--use-proxy-protocol", "expect a PROXY protocol header on each connection")
    .option("--disable-leader-election", "write statuses without asking other replicas")
    .option("--leader-election-lease-duration <duration>", "how long a silent leader is waited for", "15s")
    .option("--leader-election-renew-deadline <duration>", "how long a leader that cannot renew goes on", "10s")
    .option("--leader-election-retry-period <duration>", "time between two tries", "2s")
    .option("--leader-election-resource-name <name>", "name of the Lease", "leader-elect")
    .option("--leader-election-resource-namespace <name>", "namespace of the Lease", namespace)
    .option("-c, --config-path <file>", "a configuration file, or a folder with a contour.yaml, which may come later; it is followed. Flags win over it where they say the same")
    .option("--contour-config-name <name>", "the ContourConfiguration to use, in the namespace of CONTOUR_NAMESPACE (env CONTOUR_CONFIG_NAME)", env["CONTOUR_CONFIG_NAME"])
    .option("--provision-gateways", "make Envoys of its own for each Gateway, with certificates of an authority that is made for that; beside the files above, if they are given")
    .option("--provisioned-envoy-image <image>", "the image of those Envoys", `envoyproxy/envoy:distroless-v${envoyVersion}`)
    .option("--provisioned-contour-image <image>", "the image of the shutdown managers beside them", contourImage())
    .addOption(new Option("--provisioned-image-pull-policy <policy>", "when these images are pulled").choices(["Always", "IfNotPresent", "Never"]).default("IfNotPresent"))
    .option("--provisioned-otlp-metrics <host:port>", "OpenTelemetry collector that gets those Envoys' metrics over gRPC without TLS; none unless said", parseHostPort)
    .option("--xds-service-host <host>", "the name under which those Envoys find this controller", `contour.${namespace}.svc`)
    .addOption(new Option("--disable-feature <kind>", "kinds to leave alone; may be repeated").choices(Object.keys(features)).default([], "none").argParser((name, all: readonly string[]) => [...all, feature(name)]))
    .option("-d, --debug", "log more")
    .addOption(new Option("--kubernetes-client-qps <number>").hideHelp())
    .addOption(new Option("--kubernetes-client-burst <number>").hideHelp())
    .addOption(new Option("--kubernetes-debug <level>").hideHelp())
    .addHelpText("after", "\nExamples:\n  contour serve --kubeconfig ~/.kube/config --insecure\n  contour serve --incluster --xds-address 0.0.0.0 --contour-cafile /certs/ca.crt --contour-cert-file /certs/tls.crt --contour-key-file /certs/tls.key")
    .action(async (_: object, command: Command) => finish(await start(command.optsWithGlobals<Options>(), namespace, (name) => command.getOptionValueSource(name) === "cli")));
}

/** What --disable-feature names, and the kind that it is. */
const features: Readonly<Record<string, string>> = { extensionservices: "ExtensionService", tlsroutes: "TLSRoute", grpcroutes: "GRPCRoute", tcproutes: "TCPRoute", backendtlspolicies: "BackendTLSPolicy" };

function feature(name: string): string {
  if (features[name] === undefined) throw new InvalidArgumentError(`write one of ${Object.keys(features).join(", ")}`);
  return name;
}

/** Flags of Go Contour that are taken and change nothing, with the reason. */
const idleFlags: readonly (readonly [keyof Options, string])[] = [
  ["kubernetesClientQps", "--kubernetes-client-qps: the API server's own priority and fairness limits the requests"],
  ["kubernetesClientBurst", "--kubernetes-client-burst: the API server's own priority and fairness limits the requests"],
  ["kubernetesDebug", "--kubernetes-debug: use --debug"],
];

function list(text: string): readonly string[] {
  return text.split(",").map((part) => part.trim()).filter((part) => part !== "");
}

/** A list that is given in parts. */
function joined(text: string, before: string): string {
  return before === "" ? text : `${before},${text}`;
}

function duration(flag: string, text: string): number {
  const parsed = parseGoDuration(text);
  if (!parsed.ok) throw new Error(`${flag}: ${parsed.error}`);
  return parsed.value;
}

/** Flags as they count: with what the configuration file says about those that are not given. */
async function withFile(flags: Options, isGiven: (flag: string) => boolean): Promise<Result<{ readonly options: Options; readonly file?: ReadConfigurationFile }, readonly string[]>> {
  if (flags.configPath === undefined) return ok({ options: flags });
  if (flags.contourConfigName !== undefined) return fail(["contour serve: --config-path and --contour-config-name exclude each other; give one of them"]);
  const { readConfigurationFile } = await import("#app/configuration-file");
  const file = readConfigurationFile(flags.configPath, isGiven);
  if (!file.ok) return file;
  const said = Object.fromEntries(Object.entries(file.value.program).filter(([flag]) => !isGiven(flag)));
  return ok({ options: { ...flags, ...said }, file: file.value });
}

function configurationOf({ contourConfigName }: Options, file: ReadConfigurationFile | undefined, namespace: string, isGiven: (flag: string) => boolean): ConfigurationSource | undefined {
  if (file !== undefined) return { kind: "file", first: file, isGiven };
  return contourConfigName === undefined ? undefined : { kind: "object", namespace, name: contourConfigName };
}

async function start(flags: Options, namespace: string, isGiven: (flag: string) => boolean): Promise<number> {
  const read = await withFile(flags, isGiven);
  if (!read.ok) {
    for (const problem of read.error) process.stderr.write(`${problem}\n`);
    return 2;
  }
  const { options, file } = read.value;
  const { contourCafile: caFile, contourCertFile: certFile, contourKeyFile: keyFile } = options;
  const tls = caFile !== undefined && certFile !== undefined && keyFile !== undefined ? { caFile, certFile, keyFile } : undefined;
  const [{ serve }, { statusAddressesOf }, { namespaceProblem }, { inClusterAccess }, { kubeconfigAccess }, { defaultSettings }, { createLog, switchLevelOn }, { defaultJsonFormat }] = await Promise.all([import("#app/serve"), import("#app/controller-places"), import("#app/watched-namespaces"), import("#sources/kubernetes/in-cluster"), import("#sources/kubernetes/kubeconfig-access"), import("#settings/settings"), import("#app/log"), import("#settings/access-log")]);
  const namespaces = { all: list(options.watchNamespaces), secrets: list(options.secretNamespaces) };
  const problem = namespaceProblem(namespaces, list(options.rootNamespaces));
  if (problem !== undefined) {
    process.stderr.write(`contour serve: ${problem}\n`);
    return 2;
  }
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
  const clock = (): number => Date.now();
  const log = createLog({ level: options.debug === true ? "debug" : "info", format: options.logFormat, to: process.stderr });
  switchLevelOn("SIGUSR2", log, stop.signal);
  for (const [flag, reason] of idleFlags) if (options[flag] !== undefined) log.warn(`${reason}; it has no effect`);
  for (const key of file?.idle ?? []) log.warn(`${file?.path ?? ""}: ${key} has no effect: the API server's own priority and fairness limits the requests`);
  const configuration = configurationOf(options, file, namespace, isGiven);
  const statusAddresses = statusAddressesOf(options.ingressStatusAddress);
  await serve({
    access: options.incluster === true ? inClusterAccess({ env: process.env, clock }) : kubeconfigAccess({ env: process.env, clock, ...(options.kubeconfig === undefined ? {} : { path: options.kubeconfig }) }),
    settings: {
      ...defaultSettings,
      controllerNamespace: namespace,
      ingressClassNames: list(options.ingressClassName),
      rootNamespaces: list(options.rootNamespaces),
      http: { address: options.envoyServiceHttpAddress, port: options.envoyServiceHttpPort },
      https: { address: options.envoyServiceHttpsAddress, port: options.envoyServiceHttpsPort },
      useProxyProtocol: options.useProxyProtocol ?? false,
    },
    envoySettings: { ...defaultEnvoySettings, stats: { address: options.statsAddress, port: options.statsPort }, accessLogPath: options.envoyHttpAccessLog, accessLogPathHttps: options.envoyHttpsAccessLog, accessLogFormat: options.accesslogFormat === "json" ? defaultJsonFormat : defaultEnvoySettings.accessLogFormat },
    ...(configuration === undefined ? {} : { configuration }),
    disabledKinds: options.disableFeature.flatMap((name) => features[name] ?? []),
    xds: { address: options.xdsAddress, port: options.xdsPort, ...(options.insecure === true ? { insecure: true } : tls === undefined ? {} : { tls }) },
    connectionAgeMs: duration("--xds-connection-age", options.xdsConnectionAge),
    http: { address: options.httpAddress, port: options.httpPort },
    health: { address: options.healthAddress, port: options.healthPort },
    debug: { address: options.debugHttpAddress, port: options.debugHttpPort },
    ...(options.provisionGateways === true ? { provision: { namespace, settings: { envoyImage: options.provisionedEnvoyImage, contourImage: options.provisionedContourImage, imagePullPolicy: options.provisionedImagePullPolicy, xds: { host: options.xdsServiceHost, port: options.xdsPort }, ...(options.provisionedOtlpMetrics === undefined ? {} : { otlpMetrics: options.provisionedOtlpMetrics }) } } } : {}),
    namespaces,
    envoyService: { namespace: options.envoyServiceNamespace, name: options.envoyServiceName },
    ...(statusAddresses.length === 0 ? {} : { statusAddresses }),
    ...(options.disableLeaderElection === true
      ? {}
      : {
          leaderElection: {
            namespace: options.leaderElectionResourceNamespace,
            name: options.leaderElectionResourceName,
            leaseMs: duration("--leader-election-lease-duration", options.leaderElectionLeaseDuration),
            renewDeadlineMs: duration("--leader-election-renew-deadline", options.leaderElectionRenewDeadline),
            retryMs: duration("--leader-election-retry-period", options.leaderElectionRetryPeriod),
          },
        }),
    log,
    clock,
    signal: stop.signal,
  });
  return 0;
}
