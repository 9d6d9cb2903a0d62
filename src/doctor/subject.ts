import { fail, ok } from "#lib/result";
import type { Result } from "#lib/result";
import type { PathMatch } from "#model/route";
import type { ClusterView, ObjectFault, RoutedView, RouteView } from "#doctor/view";

/** What somebody asks about. */
export type Subject =
  | { readonly kind: "host"; readonly host: string; readonly scheme?: "http" | "https"; readonly path?: string }
  | { readonly kind: "object"; readonly namespace: string; readonly name: string; readonly objectKind?: string };

/** Reads a subject as it is written: a URL, `HOST[:PORT][/PATH]`, `NAMESPACE/NAME` or `KIND/NAMESPACE/NAME`. */
export function parseSubject(text: string): Result<Subject, string> {
  const url = /^(https?):\/\/([^/:?#]+|\[[^\]]+\])(?::\d+)?(\/[^?#]*)?/i.exec(text);
  if (url !== null) return ok({ kind: "host", host: (url[2] ?? "").toLowerCase(), scheme: (url[1] ?? "").toLowerCase() === "https" ? "https" : "http", path: url[3] ?? "/" });
  if (/^[a-z][\w+.-]*:\/\//i.test(text)) return fail(`${JSON.stringify(text)}: write a URL with http or https, a host, NAMESPACE/NAME or KIND/NAMESPACE/NAME`);
  const [first = "", ...rest] = text.split("/");
  // Names of namespaces have no dots, and those of kinds neither.
  if (rest.length === 0 || first.includes(".") || first.includes(":")) {
    const host = first.replace(/:\d+$/, "").toLowerCase();
    return host === "" ? fail(`${JSON.stringify(text)} names nothing; write a host, a URL, NAMESPACE/NAME or KIND/NAMESPACE/NAME`) : ok({ kind: "host", host, ...(rest.length === 0 ? {} : { path: `/${rest.join("/")}` }) });
  }
  const [second = "", third] = rest;
  if (rest.length > 2 || second === "" || third === "") return fail(`${JSON.stringify(text)}: an object is written NAMESPACE/NAME or KIND/NAMESPACE/NAME`);
  return ok(third === undefined ? { kind: "object", namespace: first, name: second } : { kind: "object", objectKind: first, namespace: second, name: third });
}

/** The part of all that is routed that a subject is about; without a subject all of it. */
export interface Selection extends RoutedView {
  /** Subjects that nothing is known about. */
  readonly unknown: readonly Subject[];
}

/** Picks what subjects are about. */
export function select(view: RoutedView, subjects: readonly Subject[]): Selection {
  if (subjects.length === 0) return { ...view, unknown: [] };
  const hosts = new Set(view.routes.map(({ host }) => host));
  const asked = subjects.map((subject): Asked => ({ subject, ...(subject.kind === "host" ? { servedAs: hostOf(subject.host, hosts) } : {}) }));
  const routes = view.routes.filter((route) => asked.some((one) => isAbout(route, one)));
  const wanted = new Set(routes.flatMap(({ fleet, clusters }) => clusters.map((name) => `${fleet}>${name}`)));
  const clusters = view.clusters.filter((cluster) => wanted.has(`${cluster.fleet}>${cluster.name}`) || subjects.some((subject) => isCluster(cluster, subject)));
  const claims = view.claims.filter(({ host }) => subjects.some((subject) => subject.kind === "host" && subject.host === host));
  const concerned = new Set([...routes.flatMap((route) => route.origins), ...clusters.flatMap(({ origins }) => origins), ...claims].map(({ kind, namespace, name }) => `${kind}/${namespace}/${name}`));
  const faults = view.faults.filter((fault) => concerned.has(`${fault.kind}/${fault.namespace}/${fault.name}`) || subjects.some((subject) => isFault(fault, subject)));
  const unknown = asked.filter((one) => !routes.some((route) => isAbout(route, one)) && !clusters.some((cluster) => isCluster(cluster, one.subject)) && !faults.some((fault) => isFault(fault, one.subject))).map(({ subject }) => subject);
  return { routes, clusters: clusters.map((cluster) => named(cluster, routes, subjects)), claims, faults, unknown };
}

/** A subject with the host that serves it, where it is one. */
interface Asked {
  readonly subject: Subject;
  readonly servedAs?: string | undefined;
}

/** Of several objects that use a backend, the one that was asked about is named. */
function named(cluster: ClusterView, routes: readonly RouteView[], subjects: readonly Subject[]): ClusterView {
  const asked = cluster.origins.filter((origin) => subjects.some((subject) => subject.kind === "object" && isObject(origin, subject)));
  const used = routes.filter(({ fleet, clusters }) => fleet === cluster.fleet && clusters.includes(cluster.name)).flatMap(({ origins }) => origins);
  const via = cluster.origins.filter(({ kind, namespace, name }) => used.some((origin) => origin.kind === kind && origin.namespace === namespace && origin.name === name));
  const first = [...asked, ...via, ...cluster.origins];
  const [named = cluster.origins[0], ...others] = new Set(first);
  return { ...cluster, origins: [named, ...others] };
}

/** A subject as a person reads it. */
export function describeSubject(subject: Subject): string {
  if (subject.kind === "object") return `${subject.objectKind === undefined ? "" : `${subject.objectKind} `}${subject.namespace}/${subject.name}`;
  return `${subject.scheme === undefined ? "" : `${subject.scheme}://`}${subject.host}${subject.path ?? ""}`;
}

function isAbout(route: RouteView, { subject, servedAs }: Asked): boolean {
  if (subject.kind === "object") return route.origins.some((origin) => isObject(origin, subject));
  if (servedAs !== route.host) return false;
  if (subject.scheme !== undefined && (route.scheme === "http" || route.scheme === "https") && route.scheme !== subject.scheme) return false;
  return subject.path === undefined || route.path === undefined || covers(route.path, subject.path);
}

/** The most specific host that serves a name: itself, a wildcard, or the one for all. */
function hostOf(name: string, hosts: ReadonlySet<string>): string | undefined {
  const labels = name.split(".");
  const candidates = [name, ...labels.slice(1).map((_, i) => `*.${labels.slice(i + 1).join(".")}`), "*"];
  return candidates.find((candidate) => hosts.has(candidate));
}

/** Whether a path may lead to requests for another; of regular expressions only Envoy knows. */
function covers(match: PathMatch, path: string): boolean {
  switch (match.kind) {
    case "exact":
      return path === match.path;
    case "prefix":
      return match.by === "string" ? path.startsWith(match.path) : path === match.path || path.startsWith(match.path.endsWith("/") ? match.path : `${match.path}/`);
    case "regex":
      return true;
    default:
      return match satisfies never;
  }
}

function isObject(object: { readonly kind: string; readonly namespace: string; readonly name: string }, subject: Extract<Subject, { kind: "object" }>): boolean {
  return object.namespace === subject.namespace && object.name === subject.name && (subject.objectKind === undefined || subject.objectKind.toLowerCase() === object.kind.toLowerCase());
}

function isCluster({ service, origins }: ClusterView, subject: Subject): boolean {
  return subject.kind === "object" && (origins.some((origin) => isObject(origin, subject)) || (service !== undefined && isObject({ kind: "Service", ...service }, subject)));
}

function isFault(fault: ObjectFault, subject: Subject): boolean {
  return subject.kind === "object" && isObject(fault, subject);
}
