import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { bootstrapJson, buildBootstrap } from "#envoy/bootstrap";
import type { DnsLookupFamily } from "#envoy/bootstrap-cluster";
import type { MetricsCollector } from "#envoy/metrics-collector";
import { secretFiles } from "#envoy/bootstrap-secrets";

/** What `contour bootstrap` was asked for. */
export interface BootstrapRequest {
  readonly adminPath: string;
  readonly xdsAddress: string;
  readonly xdsPort: number;
  readonly dnsLookupFamily?: DnsLookupFamily;
  readonly tls?: { readonly caFile: string; readonly certFile: string; readonly keyFile: string };
  readonly resourcesDir?: string;
  /** 0 for no limit. */
  readonly maxHeapBytes: bigint;
  readonly maxConnections: bigint;
  readonly metrics?: MetricsCollector;
}

/** Writes a bootstrap, and beside it the SDS files that let Envoy reload its certificates. `-` is standard output. */
export function writeBootstrap(path: string, request: BootstrapRequest): void {
  const { tls, resourcesDir, maxHeapBytes, maxConnections, metrics } = request;
  const files = tls === undefined ? undefined : { ...tls, ...(resourcesDir === undefined ? {} : { resourcesDir }) };
  const bootstrap = buildBootstrap({
    admin: { kind: "unix", path: request.adminPath },
    xds: { kind: "tcp", address: request.xdsAddress, port: request.xdsPort, ...(request.dnsLookupFamily === undefined ? {} : { dnsLookupFamily: request.dnsLookupFamily }), ...(files === undefined ? {} : { tls: files }) },
    overload: { ...(maxHeapBytes === 0n ? {} : { maxHeapBytes }), ...(maxConnections === 0n ? {} : { maxDownstreamConnections: maxConnections }) },
    ...(metrics === undefined ? {} : { metrics }),
  });
  for (const file of files === undefined ? [] : secretFiles(files)) {
    mkdirSync(dirname(file.path), { recursive: true });
    writeFileSync(file.path, file.text);
  }
  if (path === "-") process.stdout.write(bootstrapJson(bootstrap));
  else {
    mkdirSync(dirname(join(path)), { recursive: true });
    writeFileSync(path, bootstrapJson(bootstrap));
  }
}
