import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import { promisify } from "node:util";
import { parse } from "yaml";

const run = promisify(execFile);

/** How an API server is reached and what a client shows it. */
export interface ClusterAccess {
  readonly server: URL;
  /** PEM authorities; absent for those of the system. */
  readonly ca?: string;
  readonly insecure: boolean;
  readonly certificate?: { readonly cert: string; readonly key: string };
  /** The bearer token to send now; read again when it may have been rotated. */
  token(): Promise<string | undefined>;
}

interface NamedCluster {
  readonly name: string;
  readonly cluster: { readonly server: string; readonly "certificate-authority"?: string; readonly "certificate-authority-data"?: string; readonly "insecure-skip-tls-verify"?: boolean };
}

interface ExecSpec {
  readonly command: string;
  readonly args?: readonly string[];
  readonly env?: ReadonlyArray<{ readonly name: string; readonly value: string }>;
  readonly apiVersion?: string;
}

interface NamedUser {
  readonly name: string;
  readonly user: { readonly token?: string; readonly tokenFile?: string; readonly "client-certificate"?: string; readonly "client-certificate-data"?: string; readonly "client-key"?: string; readonly "client-key-data"?: string; readonly exec?: ExecSpec };
}

interface Kubeconfig {
  readonly clusters?: readonly NamedCluster[];
  readonly users?: readonly NamedUser[];
  readonly contexts?: ReadonlyArray<{ readonly name: string; readonly context: { readonly cluster: string; readonly user: string } }>;
  readonly "current-context"?: string;
}

const accountFolder = "/var/run/secrets/kubernetes.io/serviceaccount";
/** Milliseconds for which a token read from a file is used before it is read again: kubelets rotate them long before they end. */
const tokenFileMs = 60_000;

/** Access with the service account of the pod that this runs in. */
export function inClusterAccess(env: NodeJS.ProcessEnv, clock: () => number): ClusterAccess {
  const [host, port] = [env["KUBERNETES_SERVICE_HOST"], env["KUBERNETES_SERVICE_PORT"]];
  if (host === undefined || port === undefined) throw new Error("this is not a pod: KUBERNETES_SERVICE_HOST is not set; use --kubeconfig");
  const server = new URL(`https://${host.includes(":") ? `[${host}]` : host}:${port}`);
  return { server, insecure: false, ca: readFileSync(join(accountFolder, "ca.crt"), "utf8"), token: tokenFromFile(join(accountFolder, "token"), clock) };
}

/** Access as the current context of a kubeconfig says. Throws when the file lacks what is needed. */
export function kubeconfigAccess(file: string, clock: () => number): ClusterAccess {
  if (!existsSync(file)) throw new Error(`there is no kubeconfig ${file}; name one with --kubeconfig`);
  const config = parse(readFileSync(file, "utf8")) as Kubeconfig;
  const context = config.contexts?.find((entry) => entry.name === config["current-context"])?.context;
  const cluster = config.clusters?.find((entry) => entry.name === context?.cluster)?.cluster;
  const user = config.users?.find((entry) => entry.name === context?.user)?.user ?? {};
  if (cluster === undefined) throw new Error(`${file}: the current context ${JSON.stringify(config["current-context"])} leads to no cluster`);
  const read = (data: string | undefined, path: string | undefined): string | undefined => {
    if (data !== undefined) return Buffer.from(data, "base64").toString("utf8");
    return path === undefined ? undefined : readFileSync(isAbsolute(path) ? path : join(dirname(file), path), "utf8");
  };
  const ca = read(cluster["certificate-authority-data"], cluster["certificate-authority"]);
  const [cert, key] = [read(user["client-certificate-data"], user["client-certificate"]), read(user["client-key-data"], user["client-key"])];
  return {
    server: new URL(cluster.server),
    insecure: cluster["insecure-skip-tls-verify"] === true,
    token: tokenOf(user, file, clock),
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined || key === undefined ? {} : { certificate: { cert, key } }),
  };
}

function tokenOf(user: NamedUser["user"], file: string, clock: () => number): () => Promise<string | undefined> {
  if (user.tokenFile !== undefined) return tokenFromFile(isAbsolute(user.tokenFile) ? user.tokenFile : join(dirname(file), user.tokenFile), clock);
  if (user.exec !== undefined) return tokenFromCommand(user.exec, clock);
  return async () => user.token;
}

function tokenFromFile(file: string, clock: () => number): () => Promise<string> {
  let token = "";
  let readAt = Number.NEGATIVE_INFINITY;
  return async () => {
    if (clock() - readAt >= tokenFileMs) {
      token = readFileSync(file, "utf8").trim();
      readAt = clock();
    }
    return token;
  };
}

/** Tokens of credential plugins (client.authentication.k8s.io), kept until shortly before they end. */
function tokenFromCommand(spec: ExecSpec, clock: () => number): () => Promise<string | undefined> {
  let token: string | undefined;
  let until = 0;
  return async () => {
    if (token !== undefined && clock() < until) return token;
    const env = { ...process.env, ...Object.fromEntries((spec.env ?? []).map(({ name, value }) => [name, value])), KUBERNETES_EXEC_INFO: JSON.stringify({ apiVersion: spec.apiVersion, kind: "ExecCredential", spec: { interactive: false } }) };
    const { stdout } = await run(spec.command, [...(spec.args ?? [])], { env });
    const { status } = JSON.parse(stdout) as { status?: { token?: string; expirationTimestamp?: string } };
    token = status?.token;
    until = status?.expirationTimestamp === undefined ? Number.POSITIVE_INFINITY : Date.parse(status.expirationTimestamp) - tokenFileMs;
    return token;
  };
}
