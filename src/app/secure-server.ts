import { readFile } from "node:fs/promises";
import { createServer } from "node:https";
import type { Server, ServerOptions } from "node:https";
import { createSecureContext } from "node:tls";
import type { SecureContextOptions } from "node:tls";
import type { Logger } from "pino";
import type { MetricsTls } from "#settings/envoy";
import { followFiles } from "#xds/tls";

/** A server for TLS 1.3 that follows its files; with an authority, clients must show a certificate of it. Rejects when the files cannot be used. */
export async function secureServer(tls: MetricsTls, options: Pick<ServerOptions, "requestTimeout">, log: Logger, signal: AbortSignal): Promise<Server> {
  const asks = tls.caFile !== undefined;
  const server = createServer({ ...options, ...(await load(tls)), requestCert: asks, rejectUnauthorized: asks });
  followFiles(Object.values(tls), signal, log, async () => {
    // A certificate is often seen before its key: the old pair stays until the files fit together.
    await load(tls).then((context) => server.setSecureContext(context), (error: unknown) => log.warn({ reason: String(error) }, "the certificate files of the metrics cannot be used; the previous ones stay"));
  });
  return server;
}

async function load({ certFile, keyFile, caFile }: MetricsTls): Promise<SecureContextOptions> {
  const [cert, key, ca] = await Promise.all([readFile(certFile), readFile(keyFile), caFile === undefined ? undefined : readFile(caFile)]);
  const context: SecureContextOptions = { cert, key, minVersion: "TLSv1.3", ...(ca === undefined ? {} : { ca }) };
  createSecureContext(context);
  return context;
}
