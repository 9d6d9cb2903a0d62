import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { ApiAccess } from "#sources/kubernetes/access";
import { FileText } from "#sources/kubernetes/file-text";

/** Where a pod finds what it needs to reach its API server. */
export interface InClusterOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly clock: () => number;
  /** Where the service account is mounted. */
  readonly folder?: string;
}

const serviceAccountFolder = "/var/run/secrets/kubernetes.io/serviceaccount";

/** Whether this process runs in a pod that may talk to its API server. */
export function isInCluster({ env, folder = serviceAccountFolder }: Omit<InClusterOptions, "clock">): boolean {
  return env["KUBERNETES_SERVICE_HOST"] !== undefined && env["KUBERNETES_SERVICE_PORT"] !== undefined && existsSync(join(folder, "token"));
}

/** Access with the pod's service account. Its token and the authority are read again as they rotate. */
export function inClusterAccess({ env, clock, folder = serviceAccountFolder }: InClusterOptions): ApiAccess {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = env;
  if (host === undefined || port === undefined) throw new Error("KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set: this is not a pod; name a kubeconfig with --kubeconfig");
  const token = new FileText(join(folder, "token"), clock);
  const ca = new FileText(join(folder, "ca.crt"), clock);
  return {
    server: `https://${host.includes(":") ? `[${host}]` : host}:${port}`,
    namespace: readNamespace(folder),
    insecure: false,
    headers: {},
    credentials: async () => ({ ca: ca.get(), authorization: `Bearer ${token.get()}` }),
    forget: () => token.forget(),
  };
}

function readNamespace(folder: string): string {
  const file = join(folder, "namespace");
  return existsSync(file) ? readFileSync(file, "utf8").trim() : "default";
}
