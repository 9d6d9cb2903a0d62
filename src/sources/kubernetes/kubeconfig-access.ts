import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import type { ApiAccess, Credentials } from "#sources/kubernetes/access";
import { ExecCredentials } from "#sources/kubernetes/exec-credentials";
import { FileText } from "#sources/kubernetes/file-text";
import { readKubeconfig } from "#sources/kubernetes/kubeconfig";
import type { ChosenContext, ClusterEntry, UserEntry } from "#sources/kubernetes/kubeconfig";

/** Which kubeconfig to use. */
export interface KubeconfigOptions {
  /** The file; else the files in KUBECONFIG; else `~/.kube/config`. */
  readonly path?: string;
  /** The context; else the current one. */
  readonly context?: string;
  readonly env: NodeJS.ProcessEnv;
  readonly clock: () => number;
}

/** Access as a kubeconfig describes it. Files and plugins are asked again as credentials rotate. */
export function kubeconfigAccess({ path, context, env, clock }: KubeconfigOptions): ApiAccess {
  const chosen = readKubeconfig(path === undefined ? kubeconfigFiles(env) : [path], context);
  const { cluster, user, namespace } = chosen;
  const parts = credentialParts(chosen, env, clock);
  return {
    server: cluster.server,
    namespace,
    insecure: cluster["insecure-skip-tls-verify"] ?? false,
    ...(cluster["tls-server-name"] === undefined ? {} : { tlsServerName: cluster["tls-server-name"] }),
    ...(cluster["proxy-url"] === undefined ? {} : { proxyUrl: cluster["proxy-url"] }),
    headers: impersonation(user),
    ...parts,
  };
}

/** The kubeconfigs that count where none is named. */
export function kubeconfigFiles(env: NodeJS.ProcessEnv): readonly string[] {
  const listed = (env["KUBECONFIG"] ?? "").split(delimiter).filter((path) => path !== "");
  return listed.length > 0 ? listed : [join(env["HOME"] ?? homedir(), ".kube", "config")];
}

type Text = Pick<FileText, "get" | "forget">;

function credentialParts({ cluster, user }: ChosenContext, env: NodeJS.ProcessEnv, clock: () => number): Pick<ApiAccess, "credentials" | "forget"> {
  const ca = dataOrFile(cluster["certificate-authority-data"], cluster["certificate-authority"], clock);
  const certificate = dataOrFile(user["client-certificate-data"], user["client-certificate"], clock);
  const key = dataOrFile(user["client-key-data"], user["client-key"], clock);
  // As kubectl does: a file of tokens wins over a token, since it may be newer.
  const token = user.tokenFile === undefined ? constant(user.token) : new FileText(user.tokenFile, clock);
  const plugin = user.exec === undefined ? undefined : new ExecCredentials(user.exec, { env, clock, cluster: clusterInfo(cluster, ca) });
  return {
    credentials: async () => ({ ...texts({ ca, certificate, key }), ...authorization(user, token), ...(plugin === undefined ? {} : await plugin.get()) }),
    forget: () => [ca, certificate, key, token, plugin].forEach((part) => part?.forget()),
  };
}

function dataOrFile(data: string | undefined, path: string | undefined, clock: () => number): Text | undefined {
  if (data !== undefined && data !== "") return constant(Buffer.from(data, "base64").toString("utf8"));
  return path === undefined ? undefined : new FileText(path, clock);
}

function constant(text: string | undefined): Text | undefined {
  return text === undefined || text === "" ? undefined : { get: () => text, forget: () => undefined };
}

function texts(parts: Readonly<Record<"ca" | "certificate" | "key", Text | undefined>>): Credentials {
  return Object.fromEntries(Object.entries(parts).flatMap(([name, text]) => (text === undefined ? [] : [[name, text.get()]])));
}

function authorization(user: UserEntry, token: Text | undefined): Credentials {
  if (token !== undefined) return { authorization: `Bearer ${token.get()}` };
  if (user.username === undefined) return {};
  return { authorization: `Basic ${Buffer.from(`${user.username}:${user.password ?? ""}`).toString("base64")}` };
}

function clusterInfo(cluster: ClusterEntry, ca: Text | undefined): () => Readonly<Record<string, unknown>> {
  return () => ({
    server: cluster.server,
    "insecure-skip-tls-verify": cluster["insecure-skip-tls-verify"] ?? false,
    ...(ca === undefined ? {} : { "certificate-authority-data": Buffer.from(ca.get()).toString("base64") }),
  });
}

function impersonation(user: UserEntry): ApiAccess["headers"] {
  const extra = Object.entries(user["as-user-extra"] ?? {}).map(([key, values]) => [`impersonate-extra-${encodeURIComponent(key)}`, values] as const);
  return {
    ...(user.as === undefined ? {} : { "impersonate-user": user.as }),
    ...(user["as-uid"] === undefined ? {} : { "impersonate-uid": user["as-uid"] }),
    ...(user["as-groups"] === undefined ? {} : { "impersonate-group": user["as-groups"] }),
    ...Object.fromEntries(extra),
  };
}
