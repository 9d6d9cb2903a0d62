import { gatewayPortBeside } from "#app/gateway-ports";
import { Pipeline } from "#app/pipeline";
import { resources } from "#app/resources";
import type { ResourceKind } from "#app/resources";
import { SecretMemory } from "#app/secret-memory";
import { compareText } from "#lib/compare";
import { formatFieldPath } from "#k8s/object";
import { toCanonicalJson } from "#envoy/json";
import { hasNear, NearEndpoints } from "#envoy/near-endpoints";
import { defaultEnvoySettings } from "#settings/envoy";
import type { EnvoySettings } from "#settings/envoy";
import { defaultSettings } from "#settings/settings";
import type { Settings } from "#settings/settings";
import type { ObjectEvent } from "#store/event";
import { endpoints, extensionProblems, ingressProblems, ourProxies, proxyReports, statuses } from "#translate/facts";
import type { DesiredStatus } from "#translate/facts";
import { problemsOf } from "#translate/httpproxy/status";

/** Something that is wrong with one object, at one field. */
export interface ObjectProblem {
  readonly severity: "error" | "warning";
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly field: string;
  readonly message: string;
}

/** The protobuf type of the resources of each xDS service. */
export const resourceTypes: Readonly<Record<ResourceKind, string>> = {
  lds: "envoy.config.listener.v3.Listener",
  srds: "envoy.config.route.v3.ScopedRouteConfiguration",
  cds: "envoy.config.cluster.v3.Cluster",
  eds: "envoy.config.endpoint.v3.ClusterLoadAssignment",
  sds: "envoy.extensions.transport_sockets.tls.v3.Secret",
};

/** All that a set of objects translates to. */
export interface Translation {
  /** Canonical protobuf JSON by resource name, in the order of names. Private keys are `[redacted]`. */
  readonly resources: Readonly<Record<ResourceKind, Readonly<Record<string, unknown>>>>;
  /** What Envoys in zones and on nodes that have endpoints near them get instead, by the name of the endpoints and the place. */
  readonly nearEndpoints: Readonly<Record<string, unknown>>;
  readonly statuses: readonly DesiredStatus[];
  readonly problems: readonly ObjectProblem[];
}

/** The settings of `contour translate`: those of an unconfigured controller. */
export const translateSettings: Settings = { ...defaultSettings, gatewayPort: gatewayPortBeside([defaultSettings.http.port, defaultSettings.https.port]) };

/** Translates objects without Envoy or a cluster. */
export function translateObjects(events: readonly ObjectEvent[], settings: Settings, envoySettings: EnvoySettings = defaultEnvoySettings, clock: () => number = Date.now): Translation {
  const pipeline = new Pipeline(settings, envoySettings);
  const { secrets } = pipeline.apply(events);
  pipeline.commit(new SecretMemory().follow(secrets, clock()));
  return describeTranslation(pipeline);
}

/** What a pipeline holds now. */
export function describeTranslation(pipeline: Pipeline): Translation {
  const dump = (kind: ResourceKind): Readonly<Record<string, unknown>> =>
    Object.fromEntries([...pipeline.graph.buckets(resources[kind])].toSorted(([a], [b]) => compareText(a, b)).map(([name, [bytes]]) => [name, redactSecrets(toCanonicalJson(resourceTypes[kind], bytes ?? new Uint8Array()))]));
  return {
    resources: { lds: dump("lds"), srds: dump("srds"), cds: dump("cds"), eds: dump("eds"), sds: dump("sds") },
    nearEndpoints: nearEndpoints(pipeline),
    statuses: [...pipeline.graph.buckets(statuses)].toSorted(([a], [b]) => compareText(a, b)).flatMap(([, items]) => items.slice(0, 1)),
    problems: collectProblems(pipeline),
  };
}

function nearEndpoints({ graph }: Pipeline): Readonly<Record<string, unknown>> {
  const found = [...graph.buckets(endpoints)].flatMap(([name, [item]]) => (item === undefined || !hasNear(item) ? [] : [{ name, near: new NearEndpoints(item) }]));
  const views = found.toSorted((a, b) => compareText(a.name, b.name)).flatMap(({ name, near }) => [
    ...[...near.zones].toSorted(compareText).map((zone) => [`${name} from zone ${zone}`, near.encode({ zone, node: "" })] as const),
    ...[...near.nodes].toSorted(compareText).map((node) => [`${name} from node ${node}`, near.encode({ zone: "", node })] as const),
  ]);
  return Object.fromEntries(views.map(([name, bytes]) => [name, toCanonicalJson(resourceTypes.eds, bytes)]));
}

/** Everything that is wrong, over all objects, in the order of kind and name. */
export function collectProblems(pipeline: Pipeline): readonly ObjectProblem[] {
  const { graph } = pipeline;
  const split = (bucket: string): { namespace: string; name: string } => ({ namespace: bucket.slice(0, bucket.indexOf("/")), name: bucket.slice(bucket.indexOf("/") + 1) });
  const proxies = [...graph.buckets(ourProxies)].flatMap(([bucket]) =>
    problemsOf(graph.items(proxyReports, bucket)).map((problem) => ({ severity: problem.severity, kind: "HTTPProxy", ...split(bucket), field: formatFieldPath(problem.path), message: problem.message })),
  );
  const ingresses = [...graph.buckets(ingressProblems)].flatMap(([bucket, problems]) => problems.map(({ severity = "error", field, message }) => ({ severity, kind: "Ingress", ...split(bucket), field, message })));
  const extensions = [...graph.buckets(extensionProblems)].flatMap(([bucket, problems]) => problems.map(({ severity, path, message }) => ({ severity, kind: "ExtensionService", ...split(bucket), field: formatFieldPath(path), message })));
  const unique = new Map([...ingresses, ...proxies, ...extensions, ...gatewayProblems(pipeline)].map((problem) => [JSON.stringify(problem), problem]));
  return [...unique.values()].toSorted((a, b) => compareText(`${a.kind}/${a.namespace}/${a.name} ${a.field}`, `${b.kind}/${b.namespace}/${b.name} ${b.field}`));
}

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

/** Conditions that say something bad by being True. */
const badWhenTrue = new Set(["Conflicted", "PartiallyInvalid", "CertificateWarning"]);

/** Gateway API says what is wrong by conditions: of the object, its listeners or its parents. That a part is not programmed follows from others. */
function gatewayProblems(pipeline: Pipeline): readonly ObjectProblem[] {
  return [...pipeline.graph.buckets(statuses)].flatMap(([, [status]]) => {
    if (status === undefined || status.kind === "HTTPProxy" || status.kind === "ExtensionService" || status.kind === "Ingress") return [];
    const { conditions = [], listeners = [], parents = [], ancestors = [] } = status.status as { conditions?: readonly Condition[] } & Partial<Record<"listeners" | "parents" | "ancestors", readonly { conditions: readonly Condition[] }[]>>;
    const all = [...conditions, ...[...listeners, ...parents, ...ancestors].flatMap((part) => part.conditions)];
    const broken = all.filter(({ type, status: value }) => (badWhenTrue.has(type) ? value === "True" : value === "False" && type !== "Programmed"));
    return broken.map((condition) => ({ severity: condition.type === "CertificateWarning" ? ("warning" as const) : ("error" as const), kind: status.kind, namespace: status.namespace, name: status.name, field: "spec", message: `${condition.type} is ${condition.status} (${condition.reason}): ${condition.message}` }));
  });
}

/** The JSON of a resource; private keys never leave in clear text. */
export function redactSecrets(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(redactSecrets);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, key === "privateKey" || key === "private_key" ? "[redacted]" : redactSecrets(inner)]));
}
