import type { FleetName } from "#model/fleet";
import { owningGatewayLabel } from "#provision/names";
import { probeContainer } from "#app/doctor/way-in";
import type { RoutedView } from "#doctor/view";
import type { CniTraces, EnvoyView, NetworkPolicyView, NetworkWorld, PodView, PolicyPeer, PolicyRule, LabelSelector } from "#doctor/world";
import type { ApiClient } from "#sources/kubernetes/client";
import { statusOf } from "#sources/kubernetes/api-error";
import { listAll, metadataOnly } from "#sources/kubernetes/list";

interface PodObject {
  readonly metadata: { readonly namespace: string; readonly name: string; readonly labels?: Readonly<Record<string, string>>; readonly deletionTimestamp?: string };
  readonly spec: { readonly nodeName?: string; readonly hostNetwork?: boolean; readonly containers: readonly { readonly name: string; readonly ports?: readonly { readonly name?: string; readonly containerPort: number }[] }[] };
  readonly status?: { readonly phase?: string; readonly podIPs?: readonly { readonly ip: string }[]; readonly hostIPs?: readonly { readonly ip: string }[]; readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

/** Which pods are Envoys. */
export interface EnvoyPlace {
  readonly namespace: string;
  readonly selector: string;
}

/** The Envoys of a cluster: those of the installation, and those of Gateways. */
export async function readEnvoys(client: ApiClient, { namespace, selector }: EnvoyPlace, fleets: ReadonlyMap<string, FleetName>): Promise<readonly EnvoyView[]> {
  const pods = (path: string, labels: string): Promise<readonly PodObject[]> => listAll<PodObject>(client, path, { query: `labelSelector=${encodeURIComponent(labels)}` });
  const [common, ofGateways] = await Promise.all([pods(`/api/v1/namespaces/${namespace}/pods`, selector), pods("/api/v1/pods", `app.kubernetes.io/component=envoy,${owningGatewayLabel}`)]);
  const running = (pod: PodObject): boolean => pod.status?.phase === "Running" && pod.metadata.deletionTimestamp === undefined;
  const fleetOf = ({ metadata }: PodObject): FleetName => {
    const key = `${metadata.namespace}/${metadata.labels?.[owningGatewayLabel] ?? ""}`;
    return fleets.get(key) ?? key;
  };
  const own = ofGateways.filter(running).map((pod) => envoyView(pod, fleetOf(pod)));
  const owned = new Set(own.map(({ namespace: place, name }) => `${place}/${name}`));
  return [...common.filter(running).map((pod) => envoyView(pod, "")).filter((envoy) => !owned.has(`${envoy.namespace}/${envoy.name}`)), ...own];
}

function envoyView(pod: PodObject, fleet: string): EnvoyView {
  const container = pod.spec.containers.find(({ name }) => name === probeContainer)?.name;
  return { ...podView(pod), fleet, nodeAddresses: (pod.status?.hostIPs ?? []).map(({ ip }) => ip), ...(container === undefined ? {} : { container }) };
}

function podView({ metadata, spec, status }: PodObject): PodView {
  const { namespace, name, labels = {} } = metadata;
  return {
    namespace, name, labels,
    hostNetwork: spec.hostNetwork ?? false,
    addresses: (status?.podIPs ?? []).map(({ ip }) => ip),
    ready: status?.conditions?.some((condition) => condition.type === "Ready" && condition.status === "True") ?? false,
    ports: Object.fromEntries(spec.containers.flatMap(({ ports = [] }) => ports.flatMap((port) => (port.name === undefined ? [] : [[port.name, port.containerPort] as const])))),
    ...(spec.nodeName === undefined ? {} : { node: spec.nodeName }),
  };
}

/** What a cluster says about its network, as far as it may be read: of pods, those behind what is looked at. */
export async function readNetworkWorld(client: ApiClient, view: RoutedView, envoys: readonly EnvoyView[]): Promise<{ readonly world: NetworkWorld; readonly notes: readonly string[] }> {
  const notes: string[] = [];
  const orNone = async <T>(what: string, read: Promise<readonly T[]>): Promise<readonly T[]> =>
    read.catch((error: unknown) => {
      if (statusOf(error) !== 403) throw error;
      notes.push(`${what} may not be read: ${String(error)} (docs/doctor.md has the rights)`);
      return [];
    });
  const policies = await orNone("NetworkPolicies", listAll<PolicyObject>(client, "/apis/networking.k8s.io/v1/networkpolicies"));
  const namespaces = await orNone("Namespaces", listAll<{ readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> } }>(client, "/api/v1/namespaces", { accept: metadataOnly }));
  // Policies are all that pods are needed for.
  const wanted = new Set(policies.map(({ metadata }) => metadata.namespace));
  const pods = policies.length === 0 ? [] : await orNone("pods", podsBehind(client, view, wanted));
  const cni = await readTraces(client, orNone);
  return {
    world: {
      cni,
      policies: policies.map(policyView),
      namespaces: new Map(namespaces.map(({ metadata }) => [metadata.name, metadata.labels ?? {}])),
      pods: new Map([...pods, ...envoys].map((pod) => [`${pod.namespace}/${pod.name}`, pod])),
    },
    notes,
  };
}

/** Namespaces that are asked at once. */
const atOnce = 8;

async function podsBehind(client: ApiClient, { clusters }: RoutedView, wanted: ReadonlySet<string>): Promise<readonly PodView[]> {
  const namespaces = [...new Set(clusters.flatMap(({ source }) => (source.kind === "endpoints" ? source.endpoints.flatMap(({ pod }) => pod?.namespace ?? []) : [])))].filter((namespace) => wanted.has(namespace));
  const found: PodView[] = [];
  const work = async (): Promise<void> => {
    for (let namespace = namespaces.pop(); namespace !== undefined; namespace = namespaces.pop()) found.push(...(await listAll<PodObject>(client, `/api/v1/namespaces/${namespace}/pods`)).map(podView));
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return found;
}

interface Named {
  readonly metadata: { readonly namespace?: string; readonly name: string; readonly annotations?: Readonly<Record<string, string>> };
}

async function readTraces(client: ApiClient, orNone: <T>(what: string, read: Promise<readonly T[]>) => Promise<readonly T[]>): Promise<CniTraces> {
  const nodes = await orNone("Nodes", listAll<Named>(client, "/api/v1/nodes", { accept: metadataOnly }));
  const daemonSets = await orNone("DaemonSets", listAll<Named>(client, "/apis/apps/v1/daemonsets", { accept: metadataOnly }));
  const groups = await client.call<{ readonly groups: readonly { readonly name: string }[] }>({ path: "/apis" });
  return {
    nodes: nodes.map(({ metadata }) => ({ name: metadata.name, annotations: metadata.annotations ?? {} })),
    daemonSets: daemonSets.map(({ metadata }) => `${metadata.namespace ?? ""}/${metadata.name}`),
    apiGroups: groups.groups.map(({ name }) => name),
  };
}

interface PolicyObject {
  readonly metadata: { readonly namespace: string; readonly name: string };
  readonly spec?: {
    readonly podSelector?: LabelSelector;
    readonly policyTypes?: readonly string[];
    readonly ingress?: readonly { readonly from?: readonly PolicyPeer[]; readonly ports?: PolicyRule["ports"] }[];
    readonly egress?: readonly { readonly to?: readonly PolicyPeer[]; readonly ports?: PolicyRule["ports"] }[];
  };
}

/** Reads a policy; without policyTypes it is about ingress, and about egress where it has rules for that. */
export function policyView({ metadata, spec = {} }: PolicyObject): NetworkPolicyView {
  const { podSelector = {}, ingress = [], egress = [], policyTypes = egress.length > 0 ? ["Ingress", "Egress"] : ["Ingress"] } = spec;
  const rule = (peers: readonly PolicyPeer[] | undefined, ports: PolicyRule["ports"]): PolicyRule => ({ ...(peers === undefined ? {} : { peers }), ...(ports === undefined ? {} : { ports }) });
  return {
    namespace: metadata.namespace, name: metadata.name, podSelector,
    ...(policyTypes.includes("Ingress") ? { ingress: ingress.map(({ from, ports }) => rule(from, ports)) } : {}),
    ...(policyTypes.includes("Egress") ? { egress: egress.map(({ to, ports }) => rule(to, ports)) } : {}),
  };
}
