import { createAuthority } from "../test/bed/pki.ts";
import type { KubeClient, TestObject } from "../test/bed/kube-client.ts";
import type { ExpectedHost } from "./mirror.ts";

/** The namespace of all objects of a benchmark. */
export const namespace = "bench";

const secretCount = 4;
const endpointsPerService = 5;

/** The name that HTTPProxy, Service and EndpointSlice number `index` share. */
export function itemName(index: number): string {
  return `item-${String(index).padStart(5, "0")}`;
}

/** The host of HTTPProxy number `index`. */
export function hostOf(index: number): string {
  return `${itemName(index)}.bench.example.com`;
}

/** Whether HTTPProxy number `index` has TLS: one in ten. */
export function hasTls(index: number): boolean {
  return index % 10 === 9;
}

/** Five addresses that no other item has. */
export function addressesOf(index: number): readonly string[] {
  return Array.from({ length: endpointsPerService }, (_, position) => uniqueAddress(index * endpointsPerService + position));
}

/** A different address for each number below 2^21 + 2^18, all of the same length so that none is part of another. */
export function uniqueAddress(number: number): string {
  return `10.${100 + (number >> 14)}.${100 + ((number >> 7) & 127)}.${100 + (number & 127)}`;
}

/** The first number for `uniqueAddress` that no item uses. */
export const firstFreeAddress = 1 << 21;

/** What the configuration of `count` items must hold. */
export function expectedHosts(count: number): readonly ExpectedHost[] {
  return Array.from({ length: count }, (_, index) => ({ host: hostOf(index), tls: hasTls(index), addresses: addressesOf(index) }));
}

/** The HTTPProxy number `index`. */
export function httpProxy(index: number, options: { readonly tls: boolean } = { tls: hasTls(index) }): TestObject {
  const tls = options.tls ? { tls: { secretName: `certificate-${index % secretCount}` } } : {};
  return {
    apiVersion: "projectcontour.io/v1", kind: "HTTPProxy", metadata: { name: itemName(index), namespace },
    spec: { virtualhost: { fqdn: hostOf(index), ...tls }, routes: [{ conditions: [{ prefix: "/" }], services: [{ name: itemName(index), port: 80 }] }] },
  };
}

/** The Service number `index`. */
export function service(index: number): TestObject {
  return { apiVersion: "v1", kind: "Service", metadata: { name: itemName(index), namespace }, spec: { ports: [{ name: "http", port: 80, targetPort: 8080 }] } };
}

/** The EndpointSlice number `index`, with the addresses given. */
export function endpointSlice(index: number, addresses: readonly string[] = addressesOf(index), port = 8080): TestObject {
  return {
    apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice",
    metadata: { name: itemName(index), namespace, labels: { "kubernetes.io/service-name": itemName(index) } },
    addressType: "IPv4",
    ports: [{ name: "http", port, protocol: "TCP" }],
    endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
  };
}

/** Paths of the collections that a benchmark writes to. */
export const collections = {
  proxies: `/apis/projectcontour.io/v1/namespaces/${namespace}/httpproxies`,
  services: `/api/v1/namespaces/${namespace}/services`,
  slices: `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`,
  secrets: `/api/v1/namespaces/${namespace}/secrets`,
} as const;

/** Creates the namespace and the four certificates. */
export async function createBasics(api: KubeClient): Promise<void> {
  await create(api, "/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
  await create(api, "/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name: "projectcontour" } });
  const authority = await createAuthority("bench");
  for (let index = 0; index < secretCount; index++) {
    const pair = await authority.issue({ subject: `CN=bench-${index}`, use: "server", dnsNames: ["*.bench.example.com"] });
    const data = { "tls.crt": base64(pair.certificate), "tls.key": base64(pair.key) };
    await create(api, collections.secrets, { apiVersion: "v1", kind: "Secret", type: "kubernetes.io/tls", metadata: { name: `certificate-${index}`, namespace }, data });
  }
}

/** Creates the backends and HTTPProxies of items `from` up to, not including, `to`. */
export async function createItems(api: KubeClient, from: number, to: number): Promise<void> {
  await createBackends(api, from, to);
  await inParallel(range(from, to), (index) => create(api, collections.proxies, httpProxy(index)));
}

/** Creates the Services and EndpointSlices of items `from` up to, not including, `to`. */
export async function createBackends(api: KubeClient, from: number, to: number): Promise<void> {
  await inParallel(range(from, to), async (index) => {
    await create(api, collections.services, service(index));
    await create(api, collections.slices, endpointSlice(index));
  });
}

/** POSTs one object; throws unless it was created. */
export async function create(api: KubeClient, path: string, object: TestObject): Promise<void> {
  const { status, body } = await api.request("POST", path, object);
  if (status !== 201) throw new Error(`POST ${path} ${object.metadata.name}: ${status} ${JSON.stringify(body)}`);
}

const writers = 24;

async function inParallel(items: readonly number[], work: (item: number) => Promise<void>): Promise<void> {
  const queue = items.values();
  const drain = async (): Promise<void> => {
    for (const item of queue) await work(item);
  };
  await Promise.all(Array.from({ length: writers }, drain));
}

function range(from: number, to: number): readonly number[] {
  return Array.from({ length: to - from }, (_, offset) => from + offset);
}

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}
