import { once } from "node:events";
import { readFileSync, readdirSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import type { ApiServer } from "./api-server.ts";
import { acmeBinary, testbedFolder } from "./cache.ts";
import type { KubeClient, TestObject } from "./kube-client.ts";
import { startProcess } from "./process.ts";
import type { RunningProcess } from "./process.ts";
import { waitFor } from "./wait.ts";

/** cert-manager's controllers, with somebody in the place of its solver pods. */
export interface CertManager {
  readonly process: RunningProcess;
  /** The names of the Services whose solvers were asked. */
  readonly asked: ReadonlySet<string>;
  stop(): Promise<void>;
}

/** The CRDs of cert-manager. */
export function certManagerCrds(): readonly TestObject[] {
  const folder = join(testbedFolder(), "cert-manager-crds");
  const files = readdirSync(folder).filter((name) => name.endsWith(".yaml"));
  return files.flatMap((file) => parseAllDocuments(readFileSync(join(folder, file), "utf8")).map((document) => document.toJS() as TestObject));
}

/** Starts it. It looks at challenges itself before it has the server look: by an Envoy on port `httpPort`, as by a proxy. `address` is one that an EndpointSlice may name. */
export async function startCertManager(api: ApiServer, { httpPort, address }: { readonly httpPort: number; readonly address: string }): Promise<CertManager> {
  await api.apply([...certManagerCrds(), { apiVersion: "v1", kind: "Namespace", metadata: { name: "cert-manager" } }]);
  await Promise.all(["certificates", "issuers", "clusterissuers", "certificaterequests"].map((plural) => served(api, `/apis/cert-manager.io/v1/${plural}`)));
  await Promise.all(["orders", "challenges"].map((plural) => served(api, `/apis/acme.cert-manager.io/v1/${plural}`)));
  const stopping = new AbortController();
  const asked = new Set<string>();
  const solving = solve(api, address, asked, stopping.signal);
  const process = startProcess({ name: "cert-manager", command: acmeBinary("certmanager"), args: [api.kubeconfigPath, ""], logPath: join(api.folder, "cert-manager.log"), env: { HTTP_PROXY: `http://127.0.0.1:${httpPort}`, NO_PROXY: "" } });
  return {
    process,
    asked,
    stop: async () => {
      await process.stop();
      stopping.abort();
      await solving;
    },
  };
}

async function served(api: KubeClient, path: string): Promise<void> {
  await waitFor(async () => (await api.request("GET", path)).status === 200, { what: `the API server serves ${path}` });
}

interface SolverPod {
  readonly metadata: { readonly name: string; readonly namespace: string; readonly uid: string; readonly labels: Readonly<Record<string, string>> };
  readonly spec: { readonly containers: readonly { readonly args: readonly string[] }[] };
}

/** Answers for the pods of cert-manager's solvers, which no node runs here: each as its arguments say. */
async function solve(api: KubeClient, address: string, asked: Set<string>, signal: AbortSignal): Promise<void> {
  const solvers = new Map<string, ReturnType<typeof createServer>>();
  const start = async ({ metadata, spec }: SolverPod): Promise<void> => {
    const { namespace, labels } = metadata;
    const argument = (name: string): string => spec.containers[0]?.args.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3) ?? "";
    const server = createServer((request, response) => {
      asked.add(`${namespace}/${argument("domain")}`);
      const known = request.url === `/.well-known/acme-challenge/${argument("token")}` && request.headers.host?.split(":")[0] === argument("domain");
      response.writeHead(known ? 200 : 404).end(known ? argument("key") : "");
    });
    solvers.set(metadata.uid, server);
    server.listen(0, address);
    await once(server, "listening");
    // Its Service is found by the labels that they share.
    const selector = encodeURIComponent(Object.entries(labels).filter(([key]) => key.startsWith("acme.cert-manager.io/http-")).map(([key, value]) => `${key}=${value}`).join(","));
    const service = await waitFor(async () => (await api.get<{ readonly items: readonly { readonly metadata: { readonly name: string }; readonly spec: { readonly ports: readonly { readonly name?: string }[] } }[] }>(`/api/v1/namespaces/${namespace}/services?labelSelector=${selector}`)).items[0], { what: "the Service of a solver" });
    const { port } = server.address() as AddressInfo;
    await api.apply([{ apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice", metadata: { name: service.metadata.name, namespace, labels: { "kubernetes.io/service-name": service.metadata.name } }, addressType: "IPv4", ports: [{ name: service.spec.ports[0]?.name ?? "", port, protocol: "TCP" }], endpoints: [{ addresses: [address], conditions: { ready: true } }] }]);
  };
  const path = `/api/v1/pods?watch=true&labelSelector=${encodeURIComponent("acme.cert-manager.io/http01-solver=true")}`;
  while (!signal.aborted) {
    await api.watch(path, ({ type, object }) => {
      const pod = object as unknown as SolverPod;
      if (type === "DELETED") solvers.get(pod.metadata.uid)?.close();
      else if (!solvers.has(pod.metadata.uid)) void start(pod).catch(() => undefined);
    }, signal).catch(() => undefined);
  }
  for (const server of solvers.values()) server.close();
}
