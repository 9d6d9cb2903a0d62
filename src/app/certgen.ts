import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { openAuthority } from "#app/xds-identity";
import { createAuthority } from "#certs/authority";
import type { KeyPair } from "#certs/authority";
import { issueXdsCertificates, xdsPemFiles, xdsSecrets } from "#certs/xds-secrets";
import type { SecretObject, SecretsFormat } from "#certs/xds-secrets";
import { statusOf } from "#sources/kubernetes/api-error";
import type { ApiClient } from "#sources/kubernetes/client";

/** What `contour certgen` is asked for. */
export interface CertgenRequest {
  readonly namespace: string;
  readonly days: number;
  readonly format: SecretsFormat;
  readonly suffix: string;
  /** Whether what is there already is replaced. */
  readonly overwrite: boolean;
  /** Where PEM files are written. */
  readonly pemFolder?: string;
  /** Where Secrets are written as YAML files. */
  readonly yamlFolder?: string;
  /** The cluster to which Secrets are written. */
  readonly client?: ApiClient;
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly say: (line: string) => void;
}

/** Makes the certificates of the xDS connection and writes them to every place that is asked for. */
export async function certgen(request: CertgenRequest): Promise<void> {
  const { pemFolder, yamlFolder, client, overwrite, say } = request;
  const certificates = await issueXdsCertificates(await authorityFor(request), request);
  const secrets = xdsSecrets(certificates, request);
  if (pemFolder !== undefined) writeFiles(pemFolder, xdsPemFiles(certificates), request);
  if (yamlFolder !== undefined) writeFiles(yamlFolder, Object.fromEntries(secrets.map((secret) => [`${secret.metadata.name}.yaml`, stringify(secret)])), request);
  if (client !== undefined) for (const secret of secrets) say(`secret/${secret.metadata.name} ${await writeSecret(client, secret, overwrite)}`);
}

/**
 * In a cluster one authority is kept, so that peers with new and with old certificates know each other while those are replaced.
 * Where the service account may not read it (the Role of Go Contour's Job lets it only write) each run makes another one.
 */
async function authorityFor({ client, namespace, now, say }: CertgenRequest): Promise<KeyPair> {
  const fresh = (): Promise<KeyPair> => createAuthority("CN=Project Contour", now);
  if (client === undefined) return fresh();
  return openAuthority(client, namespace, () => now).catch((error: unknown) => {
    if (statusOf(error) !== 403) throw error;
    say("no Secret may be read here, so the authority is a new one; Envoys take the new certificates when their volumes show them");
    return fresh();
  });
}

function writeFiles(folder: string, files: Readonly<Record<string, string>>, { overwrite, say }: CertgenRequest): void {
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries(files)) {
    const path = join(folder, name);
    try {
      writeFileSync(path, text, { mode: 0o600, flag: overwrite ? "w" : "wx" });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      throw new Error(`${path} is there already; --overwrite replaces it`, { cause: error });
    }
    // A file from before may have been readable by others.
    chmodSync(path, 0o600);
    say(`${path} created`);
  }
}

async function writeSecret(client: ApiClient, secret: SecretObject, overwrite: boolean): Promise<string> {
  const path = `/api/v1/namespaces/${secret.metadata.namespace ?? ""}/secrets`;
  try {
    await client.call({ method: "POST", path, body: secret });
    return "created";
  } catch (error) {
    if (statusOf(error) !== 409) throw error;
    if (!overwrite) return "already exists; --overwrite replaces it";
    await client.call({ method: "PUT", path: `${path}/${secret.metadata.name}`, body: secret });
    return "updated";
  }
}
