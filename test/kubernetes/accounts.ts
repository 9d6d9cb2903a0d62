import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import type { ApiServer } from "../bed/api-server.ts";
import type { TestObject } from "../bed/kube-client.ts";
import { objectsOf } from "./serving.ts";

const root = join(import.meta.dirname, "../..");

/** The objects of a file under deploy/. */
export function manifest(path: string): readonly TestObject[] {
  return objectsOf(readFileSync(join(root, "deploy", path), "utf8"));
}

/** How the API server's audit log calls a service account of the controller's namespace. */
export function userOf(account: string): string {
  return `system:serviceaccount:projectcontour:${account}`;
}

/** Credentials of a service account of the controller's namespace, as a file. */
export async function kubeconfigOf(api: ApiServer, account: string): Promise<string> {
  const { body } = await api.request("POST", `/api/v1/namespaces/projectcontour/serviceaccounts/${account}/token`, { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: {} });
  const { token } = (body as { readonly status: { readonly token: string } }).status;
  const path = join(api.folder, `${account}.kubeconfig`);
  const text = { apiVersion: "v1", kind: "Config", "current-context": "c", contexts: [{ name: "c", context: { cluster: "c", user: "u" } }], clusters: [{ name: "c", cluster: { server: api.url, "certificate-authority": api.caFile } }], users: [{ name: "u", user: { token } }] };
  writeFileSync(path, stringify(text), { mode: 0o600 });
  return path;
}
