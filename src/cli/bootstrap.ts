import { hostname } from "node:os";
import { Option } from "commander";
import type { Command } from "commander";
import { parseHostPort } from "#cli/host-port";
import type { HostPort } from "#cli/host-port";
import { parseDuration, parsePort } from "#cli/number-option";

interface Options {
  readonly adminAddress: string;
  readonly adminPort?: string;
  readonly xdsAddress: string;
  readonly xdsPort: number;
  readonly dnsLookupFamily?: string;
  readonly envoyCafile?: string;
  readonly envoyCertFile?: string;
  readonly envoyKeyFile?: string;
  readonly resourcesDir?: string;
  readonly overloadMaxHeap: string;
  readonly overloadDownstreamMaxConn: string;
  readonly namespace?: string;
  readonly xdsResourceVersion: string;
  readonly otlpMetrics?: HostPort;
  readonly otlpMetricsInterval: number;
}

/** Defines `contour bootstrap`. Names and defaults as Go Contour's. */
export function defineBootstrap(program: Command, finish: (code: number) => void): void {
  program
    .command("bootstrap")
    .description("write the bootstrap configuration of an Envoy that this controller serves")
    .argument("<path>", "the file to write; - for standard output")
    .option("--admin-address <path>", "unix socket of Envoy's admin interface", "/admin/admin.sock")
    .option("--xds-address <address>", "address of the controller", "127.0.0.1")
    .option("--xds-port <port>", "xDS port of the controller", parsePort, 8001)
    .option("--dns-lookup-family <family>", "which addresses of the controller's name are used: auto, v4, v6 or all")
    .option("--envoy-cafile <file>", "authorities that the controller's certificate must lead to (env ENVOY_CAFILE)", process.env["ENVOY_CAFILE"])
    .option("--envoy-cert-file <file>", "Envoy's client certificate (env ENVOY_CERT_FILE)", process.env["ENVOY_CERT_FILE"])
    .option("--envoy-key-file <file>", "Envoy's client key (env ENVOY_KEY_FILE)", process.env["ENVOY_KEY_FILE"])
    .option("--resources-dir <folder>", "where to write the SDS files by which Envoy reloads its certificates")
    .option("--namespace <name>", "namespace of Envoy (env CONTOUR_NAMESPACE)", process.env["CONTOUR_NAMESPACE"] ?? "projectcontour")
    .option("--overload-max-heap <bytes>", "heap size at which Envoy protects itself; 0 is off", "0")
    .option("--overload-downstream-max-conn <count>", "connections that Envoy accepts in all; 0 is off", "0")
    .option("--otlp-metrics <host:port>", "OpenTelemetry collector that gets Envoy's metrics over gRPC without TLS; none unless said", parseHostPort)
    .addOption(new Option("--otlp-metrics-interval <duration>", "time between two reports to it").argParser(parseDuration).default(5000, "5s"))
    .addOption(new Option("--admin-port <port>").hideHelp())
    .option("--xds-resource-version <version>", "only v3", "v3")
    .addHelpText("after", "\nExamples:\n  contour bootstrap --xds-address contour --envoy-cafile ca.crt --envoy-cert-file tls.crt --envoy-key-file tls.key --resources-dir /config/resources /config/envoy.json\n  contour bootstrap --admin-address /tmp/admin.sock - | envoy --config-yaml /dev/stdin")
    .action(async (path: string, options: Options) => finish(await write(path, options)));
}

async function write(path: string, options: Options): Promise<number> {
  if (options.adminPort !== undefined) process.stderr.write("contour bootstrap: --admin-port has no effect: Envoy's admin interface is a unix socket, --admin-address\n");
  const files = [options.envoyCafile, options.envoyCertFile, options.envoyKeyFile].filter((file) => file !== undefined);
  if (files.length !== 0 && files.length !== 3) {
    process.stderr.write("contour bootstrap: --envoy-cafile, --envoy-cert-file and --envoy-key-file belong together; give all three or none\n");
    return 2;
  }
  const { writeBootstrap } = await import("#app/write-bootstrap");
  const { envoyCafile: caFile, envoyCertFile: certFile, envoyKeyFile: keyFile } = options;
  const family = (["auto", "v4", "v6", "all"] as const).find((name) => name === options.dnsLookupFamily);
  writeBootstrap(path, {
    adminPath: options.adminAddress,
    xdsAddress: options.xdsAddress,
    xdsPort: options.xdsPort,
    maxHeapBytes: BigInt(options.overloadMaxHeap),
    maxConnections: BigInt(options.overloadDownstreamMaxConn),
    ...(family === undefined ? {} : { dnsLookupFamily: family }),
    ...(caFile === undefined || certFile === undefined || keyFile === undefined ? {} : { tls: { caFile, certFile, keyFile } }),
    ...(options.otlpMetrics === undefined ? {} : { metrics: { ...options.otlpMetrics, intervalMs: options.otlpMetricsInterval, instance: { kind: "name" as const, name: hostname() } } }),
    ...(options.resourcesDir === undefined ? {} : { resourcesDir: options.resourcesDir }),
  });
  return 0;
}
