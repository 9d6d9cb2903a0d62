import { json, text } from "#app/debug/page";
import type { Page } from "#app/debug/page";
import { redactSecrets } from "#app/debug/redact";
import type { Pipeline } from "#app/pipeline";
import { describeTranslation } from "#app/translate";
import { kinds } from "#k8s/kinds";
import type { KindName } from "#k8s/kinds";
import type { KubeObject } from "#k8s/object";
import { listeners, objects, statuses, tlsHosts, virtualHosts, wildcardHosts } from "#translate/facts";

/** Pages about what is known, and what it becomes. */
export function modelPages(pipeline: () => Pipeline): readonly Page[] {
  return [
    { path: "/debug/objects", about: "how many objects are known; /KIND lists them, /KIND/NAMESPACE/NAME shows one", answer: ({ rest }) => objectsPage(pipeline(), rest) },
    { path: "/debug/model", about: "/HOST: listeners, TLS and routes of a host, before they are Envoy's", answer: ({ rest: [host] }) => (host === undefined ? text("name a host: /debug/model/HOST", 404) : json(redactSecrets(hostModel(pipeline(), host)))) },
    { path: "/debug/translation", about: "everything that Envoys get, and all statuses and problems", answer: () => json(redactSecrets(describeTranslation(pipeline()))) },
    { path: "/debug/status", about: "what statuses should say; /KIND/NAMESPACE/NAME for one", answer: ({ rest }) => statusPage(pipeline(), rest) },
    { path: "/debug/graph", about: "families of facts and rules with what they hold and how often they ran; ?rule=RULE&bucket=BUCKET for what one unit read and said", answer: ({ query }) => graphPage(pipeline(), query) },
  ];
}

function objectsPage({ graph, objectCounts }: Pipeline, [kind, namespace, name]: readonly string[]): ReturnType<typeof json> {
  if (kind === undefined) return json(Object.fromEntries(objectCounts));
  if (!Object.hasOwn(kinds, kind)) return text(`there is no kind ${kind}; there is: ${Object.keys(kinds).join(", ")}`, 404);
  const family = objects(kind as KindName);
  const found = [...graph.buckets(family)].map(([bucket, [object]]) => [bucket, object as KubeObject | undefined] as const);
  if (name === undefined) return json(Object.fromEntries(found.filter(([bucket]) => namespace === undefined || bucket.startsWith(`${namespace}/`)).map(([bucket, object]) => [bucket, { resourceVersion: object?.metadata.resourceVersion, generation: object?.metadata.generation }])));
  const [object] = graph.items(family, `${namespace}/${name}`) as readonly KubeObject[];
  if (object === undefined) return text(`${kind} ${namespace}/${name} is not known`, 404);
  // What a Secret or ConfigMap holds is nobody's business here.
  const { data, ...shown } = object as KubeObject & { readonly data?: Readonly<Record<string, unknown>> };
  return json(redactSecrets({ ...shown, metadata: withoutAnnotations(object), ...(data === undefined ? {} : { dataKeys: Object.keys(data) }) }));
}

/** `kubectl apply` keeps a copy of the whole object in an annotation, Secrets included. */
function withoutAnnotations({ metadata }: KubeObject): object {
  const { annotations = {}, ...rest } = metadata;
  return { ...rest, annotations: Object.fromEntries(Object.entries(annotations).filter(([name]) => name !== "kubectl.kubernetes.io/last-applied-configuration")) };
}

function hostModel({ graph }: Pipeline, host: string): object {
  const virtual = [...graph.buckets(virtualHosts)].filter(([bucket]) => bucket.endsWith(`|${host}`)).flatMap(([, items]) => items);
  const wildcard = [...graph.buckets(wildcardHosts)].flatMap(([, items]) => items.filter((item) => item.host === host));
  const tls = [...graph.buckets(tlsHosts)].flatMap(([, items]) => items.filter((item) => "host" in item && item.host === host));
  const names = new Set([...virtual, ...wildcard, ...tls].map(({ listener }) => listener));
  return { host, listeners: [...graph.buckets(listeners)].flatMap(([, items]) => items.filter(({ name }) => names.has(name))), tls, virtualHosts: [...virtual, ...wildcard] };
}

function statusPage({ graph }: Pipeline, [kind, namespace, name]: readonly string[]): ReturnType<typeof json> {
  const wanted = [kind, namespace, name].filter((part) => part !== undefined).join("/");
  const found = [...graph.buckets(statuses)].filter(([bucket]) => bucket === wanted || wanted === "" || bucket.startsWith(`${wanted}/`));
  return json(redactSecrets(Object.fromEntries(found.map(([bucket, [status]]) => [bucket, status?.status]))));
}

function graphPage({ graph }: Pipeline, query: URLSearchParams): ReturnType<typeof json> {
  const [rule, bucket] = [query.get("rule"), query.get("bucket")];
  if (rule === null || bucket === null) return json(graph.describe());
  const unit = graph.describeUnit(rule, bucket);
  return unit === undefined ? text(`rule ${rule} has no unit for ${bucket}`, 404) : json(unit);
}
