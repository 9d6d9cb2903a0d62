import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import type { XdsClient } from "../../bench/xds-client.ts";
import { connectXds } from "../../bench/xds-client.ts";
import { kinds } from "#k8s/kinds";
import type { ApiServer } from "../bed/api-server.ts";
import { freePorts } from "../bed/free-port.ts";
import type { KubeClient, TestObject } from "../bed/kube-client.ts";
import { startProcess } from "../bed/process.ts";
import type { RunningProcess } from "../bed/process.ts";
import { waitFor } from "../bed/wait.ts";

const root = join(import.meta.dirname, "../..");

/** This project's CRDs whose file names fit. */
export function contourCrds(fits: (file: string) => boolean = () => true): readonly TestObject[] {
  const files = readdirSync(join(root, "crds")).filter((name) => name.endsWith(".yaml") && fits(name));
  return files.flatMap((file) => objectsOf(readFileSync(join(root, "crds", file), "utf8")));
}

const gatewayGroup = "gateway.networking.k8s.io";

/** CRDs of the Gateway API, made of the schemas that this project reads objects by. */
export function gatewayCrds(): readonly TestObject[] {
  return Object.values(kinds).filter(({ group: owner }) => owner === gatewayGroup).map(({ kind, group, version, plural, namespaced }) => {
    const schema = JSON.parse(readFileSync(join(root, "schemas/gateway-api", `${kind}.json`), "utf8")) as { readonly properties: object };
    const openAPIV3Schema = { ...schema, type: "object", properties: { ...schema.properties, status: { type: "object", "x-kubernetes-preserve-unknown-fields": true } } };
    return {
      apiVersion: "apiextensions.k8s.io/v1", kind: "CustomResourceDefinition",
      metadata: { name: `${plural}.${group}`, annotations: { "api-approved.kubernetes.io": "unapproved, for a test" } },
      spec: { group, scope: namespaced ? "Namespaced" : "Cluster", names: { plural, singular: kind.toLowerCase(), kind, listKind: `${kind}List` }, versions: [{ name: version, served: true, storage: true, schema: { openAPIV3Schema }, subresources: { status: {} } }] },
    };
  });
}

/** The objects of a text of YAML documents. */
export function objectsOf(text: string): readonly TestObject[] {
  return parseAllDocuments(text).map((document) => document.toJS() as TestObject | null).filter((object) => object !== null);
}

/** How a controller reaches the API server, where its log goes, and what else is in its environment. */
export type ControllerAccess = Pick<ApiServer, "kubeconfigPath" | "folder"> & { readonly env?: Readonly<Record<string, string>> };

/** `contour serve` as a process of its own, with a client that holds what it sends. */
export interface Serving {
  readonly process: RunningProcess;
  readonly httpPort: number;
  readonly xdsPort: number;
  readonly debugPort: number;
  /** Names and bytes (as latin1) of what the client holds, by service. */
  readonly held: ReadonlyMap<string, string>;
  readonly client: XdsClient;
  /** The clusters in the first answer. */
  firstClusters(): number | undefined;
  page(path: string): Promise<{ readonly status: number; readonly text: string }>;
  stop(): Promise<void>;
}

/** Starts it and connects; the client may come before the controller is ready. */
export async function startServing(api: Pick<ApiServer, "kubeconfigPath" | "folder">, ...args: readonly string[]): Promise<Serving> {
  const { process, httpPort, xdsPort, debugPort } = await startController(api, ...args);
  const client = await connectXds(`127.0.0.1:${xdsPort}`, 60_000).catch((error: unknown) => {
    throw new Error(`${String(error)}\n${process.logTail()}`);
  });
  const held = new Map<string, string>();
  client.onChanges((changes) => {
    for (const { type, name, body } of changes) {
      if (body === undefined) held.delete(`${type} ${name}`);
      else held.set(`${type} ${name}`, Buffer.from(body).toString("latin1"));
    }
  });
  const stop = async (): Promise<void> => {
    client.close();
    await process.stop();
  };
  return { process, httpPort, xdsPort, debugPort, held, client, firstClusters: () => client.firstCount("cds"), page: (path) => page(httpPort, path), stop };
}

/** Starts only the controller. */
export async function startController(api: ControllerAccess, ...args: readonly string[]): Promise<Pick<Serving, "process" | "httpPort" | "xdsPort" | "debugPort">> {
  const [xdsPort = 0, httpPort = 0, debugPort = 0] = await freePorts(3);
  const flags = ["serve", "--kubeconfig", api.kubeconfigPath, ...(args.includes("--contour-cafile") ? [] : ["--insecure"]), "--xds-port", String(xdsPort), "--http-address", "127.0.0.1", "--http-port", String(httpPort), "--health-address", "127.0.0.1", "--health-port", String(httpPort), "--debug-http-port", String(debugPort)];
  const process = startProcess({ name: "contour", command: join(root, "bin/contour"), args: [...flags, ...args], logPath: join(api.folder, `contour-${xdsPort}.log`), ...(api.env === undefined ? {} : { env: api.env }) });
  return { process, httpPort, xdsPort, debugPort };
}

/** Reads a page of a local server; status 0 where nobody listens. */
export async function page(port: number, path: string): Promise<{ readonly status: number; readonly text: string }> {
  return fetch(`http://127.0.0.1:${port}${path}`).then(async (answer) => ({ status: answer.status, text: await answer.text() }), (error: unknown) => ({ status: 0, text: String(error) }));
}

/** The status of an object as the API server has it. */
export async function statusOf<T>(api: KubeClient, object: TestObject): Promise<T | undefined> {
  return (await api.get<{ readonly status?: T }>(await api.pathOf(object))).status;
}

/** Waits until something is so about the status of an object. */
export async function untilStatus<T>(api: KubeClient, object: TestObject, what: string, fits: (status: T) => boolean): Promise<T> {
  return waitFor(async () => {
    const status = await statusOf<T>(api, object);
    if (status !== undefined && fits(status)) return status;
    throw new Error(JSON.stringify(status));
  }, { what, timeoutMs: 15_000 }) as Promise<T>;
}
