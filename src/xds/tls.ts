import { unwatchFile, watch, watchFile } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { createSecureContext } from "node:tls";
import type { SecureContextOptions } from "node:tls";
import { X509Certificate } from "node:crypto";
import { ServerCredentials } from "@grpc/grpc-js";
import type { Logger } from "pino";

/** The files of the server's certificate and key, and of the authority that its clients' certificates come from. */
export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
  readonly caFile: string;
}

// A folder is watched for news; the slow look is for file systems that tell no news.
const slowLookMs = 10_000;

/** Credentials that demand a client certificate and TLS 1.3, and follow their files. Open streams are not touched. */
export class MutualTls extends ServerCredentials {
  readonly #files: TlsFiles;
  readonly #log: Logger;
  readonly #onLoad: (expiresAt: number) => void;

  private constructor(files: TlsFiles, context: SecureContextOptions, log: Logger, onLoad: (expiresAt: number) => void) {
    super({ requestCert: true, rejectUnauthorized: true, minVersion: "TLSv1.3" }, context);
    this.#files = files;
    this.#log = log;
    this.#onLoad = onLoad;
  }

  /** Reads the files and follows them until the signal; rejects when they cannot be used. `onLoad` hears when each certificate ends (ms since 1970). */
  static async follow(files: TlsFiles, signal: AbortSignal, log: Logger, onLoad: (expiresAt: number) => void = () => {}): Promise<MutualTls> {
    const first = await load(files);
    const credentials = new MutualTls(files, first, log, onLoad);
    onLoad(endOf(first));
    followFiles(Object.values(files), signal, log, () => credentials.#load());
    return credentials;
  }

  override _equals(other: ServerCredentials): boolean {
    return this === other;
  }

  // A certificate is often seen before its key: the old pair stays until the files fit together.
  async #load(): Promise<void> {
    try {
      const loaded = await load(this.#files);
      this.updateSecureContextOptions(loaded);
      this.#onLoad(endOf(loaded));
      this.#log.debug("The xDS server's certificate files were read again");
    } catch (error) {
      this.#log.warn({ error }, "The xDS server's certificate files cannot be used; the previous ones stay");
    }
  }
}

/** Calls `load` whenever one of the files may have changed, once at a time, until the signal. */
export function followFiles(paths: readonly string[], signal: AbortSignal, log: Logger, load: () => Promise<void>): void {
  let loading: Promise<void> | undefined;
  let again = false;
  const reload = (): void => {
    again = loading !== undefined;
    loading ??= load().finally(() => {
      loading = undefined;
      if (again) reload();
    });
  };
  for (const folder of new Set(paths.map((path) => dirname(path)))) {
    watch(folder, { persistent: false, signal }, reload).on("error", (error) => log.warn({ folder, error }, "Cannot watch a folder of certificates"));
  }
  const look = (): void => reload();
  for (const path of paths) watchFile(path, { persistent: false, interval: slowLookMs }, look);
  signal.addEventListener("abort", () => paths.forEach((path) => unwatchFile(path, look)), { once: true });
}

async function load(files: TlsFiles): Promise<SecureContextOptions> {
  const [cert, key, ca] = await Promise.all([readFile(files.certFile), readFile(files.keyFile), readFile(files.caFile)]);
  const options: SecureContextOptions = { cert, key, ca, minVersion: "TLSv1.3" };
  createSecureContext(options);
  return options;
}

function endOf({ cert }: SecureContextOptions): number {
  return new X509Certificate(cert as Buffer).validToDate.getTime();
}
