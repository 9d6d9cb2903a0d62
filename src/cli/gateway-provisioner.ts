import type { Command } from "commander";
import { parseHostPort } from "#cli/host-port";
import type { HostPort } from "#cli/host-port";
import { parsePort } from "#cli/number-option";
import { contourImage } from "#cli/release";
import { defaultEnvoySettings, envoyVersion } from "#settings/envoy";

interface Options {
  readonly kubeconfig?: string;
  readonly contourImage: string;
  readonly envoyImage: string;
  readonly metricsAddr: string;
  readonly enableLeaderElection?: boolean;
  readonly leaderElectionNamespace: string;
  readonly gatewayControllerName: string;
  readonly xdsAddress: string;
  readonly xdsPort: number;
  readonly xdsServiceHost: string;
  readonly otlpMetrics?: HostPort;
  readonly debug?: boolean;
  readonly logFormat: "text" | "json";
}

/** Defines `contour gateway-provisioner`: Gateway API alone, with Envoys of its own for each Gateway. Names of flags as Go Contour's. */
export function defineGatewayProvisioner(program: Command, finish: (code: number) => void): void {
  const { env } = process;
  const namespace = env["CONTOUR_PROVISIONER_NAMESPACE"] ?? env["CONTOUR_NAMESPACE"] ?? "projectcontour";
  program
    .command("gateway-provisioner")
    .description("serve Gateways, each with Envoys of its own; leave Ingresses and HTTPProxies to others")
    .option("--incluster", "use the service account of this pod, which is the default unless --kubeconfig is given")
    .option("--kubeconfig <file>", "how to reach the API server from outside of a cluster")
    .option("--contour-image <image>", "the image of the shutdown managers beside the Envoys; this controller serves all Gateways itself", contourImage())
    .option("--envoy-image <image>", "the image of the Envoys", `envoyproxy/envoy:distroless-v${envoyVersion}`)
    .option("--metrics-addr <address>", "address and port of /metrics, /healthz and /readyz", ":8080")
    .option("--enable-leader-election", "write only as the leader of several replicas")
    .option("--leader-election-namespace <name>", "namespace of the Lease and of the xDS authority", namespace)
    .option("--gateway-controller-name <name>", "the controller name of GatewayClasses to serve", "projectcontour.io/gateway-controller")
    .option("--xds-address <address>", "address of the xDS server", "0.0.0.0")
    .option("--xds-port <port>", "port of the xDS server", parsePort, 8001)
    .option("--otlp-metrics <host:port>", "OpenTelemetry collector that gets the Envoys' metrics over gRPC without TLS; none unless said", parseHostPort)
    .option("--xds-service-host <host>", "the name under which Envoys find this controller", `contour.${namespace}.svc`)
    .option("-d, --debug", "log more")
    .addHelpText("after", "\nExample:\n  contour gateway-provisioner --enable-leader-election --xds-service-host contour-gateway-provisioner.projectcontour.svc")
    .action(async (_: object, command: Command) => finish(await start(command.optsWithGlobals<Options>())));
}

async function start(options: Options): Promise<number> {
  const [{ serve }, { inClusterAccess }, { kubeconfigAccess }, { defaultSettings }, { createLog, switchLevelOn }] = await Promise.all([import("#app/serve"), import("#sources/kubernetes/in-cluster"), import("#sources/kubernetes/kubeconfig-access"), import("#settings/settings"), import("#app/log")]);
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
  const clock = (): number => Date.now();
  const log = createLog({ level: options.debug === true ? "debug" : "info", format: options.logFormat, to: process.stderr });
  switchLevelOn("SIGUSR2", log, stop.signal);
  const colon = options.metricsAddr.lastIndexOf(":");
  const http = { address: options.metricsAddr.slice(0, Math.max(colon, 0)) || "0.0.0.0", port: Number(options.metricsAddr.slice(colon + 1)) };
  if (!Number.isInteger(http.port) || http.port < 0 || http.port > 65535) throw new Error(`--metrics-addr: ${JSON.stringify(options.metricsAddr)} is not an address and port; write one like :8080`);
  const namespace = options.leaderElectionNamespace;
  await serve({
    access: options.kubeconfig === undefined ? inClusterAccess({ env: process.env, clock }) : kubeconfigAccess({ env: process.env, clock, path: options.kubeconfig }),
    settings: { ...defaultSettings, gatewayControllerName: options.gatewayControllerName },
    envoySettings: defaultEnvoySettings,
    xds: { address: options.xdsAddress, port: options.xdsPort },
    connectionAgeMs: 1_800_000,
    http,
    health: http,
    debug: { address: "127.0.0.1", port: 6060 },
    gatewaysOnly: true,
    provision: { namespace, settings: { envoyImage: options.envoyImage, contourImage: options.contourImage, imagePullPolicy: "IfNotPresent", xds: { host: options.xdsServiceHost, port: options.xdsPort }, ...(options.otlpMetrics === undefined ? {} : { otlpMetrics: options.otlpMetrics }) } },
    envoyService: { namespace, name: "envoy" },
    ...(options.enableLeaderElection === true ? { leaderElection: { namespace, name: "0d879e31.projectcontour.io", leaseMs: 15_000, renewDeadlineMs: 10_000, retryMs: 2000 } } : {}),
    log,
    clock,
    signal: stop.signal,
  });
  return 0;
}
