import { Agent, request as httpsRequest } from "node:https";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import { createInterface } from "node:readline";
import type { KubeObject } from "#k8s/object";
import { waitFor } from "./wait.ts";

/** How to reach an API server, and as whom. */
export interface KubeClientOptions {
  readonly url: string;
  readonly ca: string;
  readonly certificate?: string;
  readonly key?: string;
  readonly token?: string;
  readonly maxSockets?: number;
  /** Opens the connection, where it is not an ordinary one of this machine. */
  readonly connect?: () => Duplex;
}

/** What the API server said. */
export interface KubeResponse {
  readonly status: number;
  /** The parsed JSON, or the text when it is none. */
  readonly body: unknown;
}

/** One line of a watch. */
export interface WatchEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  readonly object: KubeObject & Readonly<Record<string, unknown>>;
}

/** An object as a test writes it: any fields beside the common ones. */
export type TestObject = { readonly apiVersion: string; readonly kind: string; readonly metadata: { readonly name: string; readonly namespace?: string } & Readonly<Record<string, unknown>> } & Readonly<Record<string, unknown>>;

/** A small client of the Kubernetes API for tests; it fails loudly. */
export interface KubeClient {
  /** One request, whatever the status. */
  request(method: string, path: string, body?: unknown, contentType?: string): Promise<KubeResponse>;
  /** One GET; throws unless 2xx. */
  get<T = KubeObject>(path: string): Promise<T>;
  /** Server-side apply, in order; waits for a CRD's kind to be served. */
  apply(objects: readonly TestObject[]): Promise<void>;
  /** Deletes one object; an absent one is fine. */
  remove(object: TestObject): Promise<void>;
  /** The path of one object: `/api/v1/namespaces/shop/services/web`. */
  pathOf(object: TestObject): Promise<string>;
  /** Follows changes until `signal` is aborted or the server ends the stream. */
  watch(path: string, onEvent: (event: WatchEvent) => void, signal: AbortSignal): Promise<void>;
  close(): void;
}

interface ApiResource {
  readonly name: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

/** Makes a client; connects on first use. */
export function createKubeClient(options: KubeClientOptions): KubeClient {
  const agent = createAgent(options);
  const send: Send = (method, path, payload, signal) => sendRequest(options, agent, { method, path, ...payload, ...(signal === undefined ? {} : { signal }) });
  const request: KubeClient["request"] = async (method, path, body, contentType) => await readResponse(await send(method, path, encodeBody(body, contentType)));
  const discover = createDiscovery(request);
  const pathOf = async (object: TestObject): Promise<string> => pathFor(object, await discover(object));
  return {
    request,
    pathOf,
    get: async <T>(path: string) => expectSuccess("GET", path, await request("GET", path)) as T,
    apply: async (objects) => {
      for (const object of objects) await applyOne(request, await pathOf(object), object);
    },
    remove: async (object) => {
      const path = await pathOf(object);
      const response = await request("DELETE", path);
      if (response.status !== 404) expectSuccess("DELETE", path, response);
    },
    watch: async (path, onEvent, signal) => await readWatch(await send("GET", path, {}, signal), onEvent),
    close: () => agent.destroy(),
  };
}

function createAgent(options: KubeClientOptions): Agent {
  const { ca, certificate: cert, key, connect } = options;
  const agent = new Agent({ keepAlive: true, ca, cert, key, maxSockets: options.maxSockets ?? 64 });
  if (connect !== undefined) agent.createConnection = () => connectTls({ socket: connect(), host: new URL(options.url).hostname, ca, cert, key });
  return agent;
}

interface Payload {
  readonly body?: string;
  readonly contentType?: string;
}

type Send = (method: string, path: string, payload: Payload, signal?: AbortSignal) => Promise<IncomingMessage>;

function encodeBody(body: unknown, contentType = "application/json"): Payload {
  if (body === undefined) return {};
  return { contentType, body: typeof body === "string" ? body : JSON.stringify(body) };
}

interface Outgoing extends Payload {
  readonly method: string;
  readonly path: string;
  readonly signal?: AbortSignal;
}

function sendRequest(options: KubeClientOptions, agent: Agent, wish: Outgoing): Promise<IncomingMessage> {
  const headers = {
    accept: "application/json",
    ...(wish.contentType === undefined ? {} : { "content-type": wish.contentType, "content-length": Buffer.byteLength(wish.body ?? "") }),
    ...(options.token === undefined ? {} : { authorization: `Bearer ${options.token}` }),
  };
  return new Promise((resolve, reject) => {
    const signal = wish.signal === undefined ? {} : { signal: wish.signal };
    const outgoing = httpsRequest(options.url + wish.path, { method: wish.method, agent, headers, ...signal }, resolve);
    outgoing.on("error", reject);
    outgoing.end(wish.body);
  });
}

async function readResponse(message: IncomingMessage): Promise<KubeResponse> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString("utf8");
  return { status: message.statusCode ?? 0, body: parseJson(text) };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

async function readWatch(message: IncomingMessage, onEvent: (event: WatchEvent) => void): Promise<void> {
  if (message.statusCode !== 200) throw new Error(`watch: ${JSON.stringify((await readResponse(message)).body)}`);
  try {
    for await (const line of createInterface({ input: message })) onEvent(JSON.parse(line) as WatchEvent);
  } catch (error) {
    if (!message.destroyed) throw error;
  }
}

function expectSuccess(method: string, path: string, response: KubeResponse): unknown {
  if (response.status >= 200 && response.status < 300) return response.body;
  throw new Error(`${method} ${path}: ${response.status} ${JSON.stringify(response.body)}`);
}

async function applyOne(request: KubeClient["request"], path: string, object: TestObject): Promise<void> {
  const response = await request("PATCH", `${path}?fieldManager=test&force=true`, object, "application/apply-patch+yaml");
  expectSuccess("apply", path, response);
}

type Discover = (object: TestObject) => Promise<ApiResource>;

function createDiscovery(request: KubeClient["request"]): Discover {
  const known = new Map<string, ApiResource>();
  return async (object) => {
    const key = `${object.apiVersion}/${object.kind}`;
    const resource = known.get(key) ?? (await waitFor(() => findResource(request, object), { what: `the API server serves ${key}`, timeoutMs: 15_000 }));
    known.set(key, resource);
    return resource;
  };
}

async function findResource(request: KubeClient["request"], object: TestObject): Promise<ApiResource | undefined> {
  const { status, body } = await request("GET", apiRoot(object.apiVersion));
  if (status !== 200) return undefined;
  return (body as { readonly resources: readonly ApiResource[] }).resources.find(({ kind, name }) => kind === object.kind && !name.includes("/"));
}

function apiRoot(apiVersion: string): string {
  return apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
}

function pathFor(object: TestObject, resource: ApiResource): string {
  const namespace = resource.namespaced ? `/namespaces/${object.metadata.namespace ?? "default"}` : "";
  return `${apiRoot(object.apiVersion)}${namespace}/${resource.name}/${object.metadata.name}`;
}
