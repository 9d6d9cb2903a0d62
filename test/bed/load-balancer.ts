// load-balancer.ts RUN-FOLDER: gives every Service of type LoadBalancer an address of the test bed's range.
// `spec.loadBalancerIP` inside the range is honoured; outside it, the Service stays pending. kube-proxy forwards the address.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { createKubeClient, type KubeClient, type WatchEvent } from "./kube-client.ts";

interface Service {
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly spec: { readonly type?: string; readonly loadBalancerClass?: string; readonly loadBalancerIP?: string };
  readonly status?: { readonly loadBalancer?: { readonly ingress?: readonly { readonly ip?: string }[] } };
}

interface ServiceList {
  readonly metadata: { readonly resourceVersion: string };
  readonly items: readonly Service[];
}

const pool: readonly string[] = Array.from({ length: 245 }, (_, index) => `10.96.200.${index + 10}`);
const taken = new Map<string, string>();

function keyOf(service: Service): string {
  return `${service.metadata.namespace}/${service.metadata.name}`;
}

function currentAddress(service: Service): string | undefined {
  return service.status?.loadBalancer?.ingress?.[0]?.ip;
}

function wantsAddress({ spec }: Service): boolean {
  return spec.type === "LoadBalancer" && spec.loadBalancerClass === undefined;
}

function chooseAddress(service: Service): string | undefined {
  const mine = taken.get(keyOf(service)) ?? currentAddress(service);
  const asked = service.spec.loadBalancerIP;
  const others = new Set([...taken].filter(([key]) => key !== keyOf(service)).map(([, address]) => address));
  const usable = (address: string | undefined): boolean => address !== undefined && pool.includes(address) && !others.has(address);
  if (asked !== undefined && asked !== "") return usable(asked) ? asked : undefined;
  return usable(mine) ? mine : pool.find(usable);
}

async function settle(client: KubeClient, service: Service): Promise<void> {
  const address = wantsAddress(service) ? chooseAddress(service) : undefined;
  if (address === undefined) taken.delete(keyOf(service));
  else taken.set(keyOf(service), address);
  const foreign = service.spec.type === "LoadBalancer" && !wantsAddress(service);
  if (foreign || address === currentAddress(service)) return;
  await writeAddress(client, service, address);
}

async function writeAddress(client: KubeClient, service: Service, address: string | undefined): Promise<void> {
  const ingress = address === undefined ? null : [{ ip: address, ipMode: "VIP" }];
  const { namespace, name } = service.metadata;
  const path = `/api/v1/namespaces/${namespace}/services/${name}/status`;
  const { status } = await client.request("PATCH", path, { status: { loadBalancer: { ingress } } }, "application/merge-patch+json");
  console.log(`${namespace}/${name} ${address ?? "no address"}: ${status}`);
}

async function follow(client: KubeClient): Promise<void> {
  const list = await client.get<ServiceList>("/api/v1/services");
  const existing = new Set(list.items.map(keyOf));
  for (const key of taken.keys()) if (!existing.has(key)) taken.delete(key);
  // Those that have an address come first, so that a restart gives nobody another one.
  const owners = list.items.filter((service) => currentAddress(service) !== undefined);
  for (const service of [...owners, ...list.items]) await settle(client, service);
  let queue = Promise.resolve();
  const onEvent = ({ type, object }: WatchEvent): void => {
    const service = object as unknown as Service;
    if (type === "DELETED") taken.delete(keyOf(service));
    else if (type === "ADDED" || type === "MODIFIED") queue = queue.then(() => settle(client, service));
  };
  await client.watch(`/api/v1/services?watch=1&timeoutSeconds=240&resourceVersion=${list.metadata.resourceVersion}`, onEvent, new AbortController().signal);
  await queue;
}

async function main(run: string): Promise<never> {
  const read = (name: string): string => readFileSync(join(run, "pki", name), "utf8");
  const client = createKubeClient({ url: "https://10.245.0.2:6443", ca: read("ca.crt"), certificate: read("admin.crt"), key: read("admin.key") });
  for (;;) {
    try {
      await follow(client);
    } catch (error) {
      console.error(error);
      await delay(1000);
    }
  }
}

await main(process.argv[2] ?? "");
