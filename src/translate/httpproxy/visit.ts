import type { HTTPProxy } from "#gen/k8s/http-proxy";
import type { HttpProxyProblem } from "#conditions/http-proxy";
import { formatFieldPath } from "#k8s/object";
import type { FieldPath } from "#k8s/object";
import type { Cluster } from "#model/cluster";
import type { Origin } from "#model/origin";
import type { JwtProvider } from "#model/policy";
import type { HeaderPolicy } from "#model/route";
import type { Settings } from "#settings/settings";
import type { Reader } from "#store/family";
import { objectKey } from "#translate/facts";
import type { HostAuthorization } from "#translate/httpproxy/policies/authorization";
import type { ProxyReport } from "#translate/facts";
import type { Parsed } from "#translate/shared/parsed";

/** What the root says for all routes of its host, where a route says nothing itself. */
export interface HostContext {
  /** Routes may require them by name. */
  readonly jwtProviders: readonly JwtProvider[];
  readonly requestHeaders?: HeaderPolicy;
  readonly responseHeaders?: HeaderPolicy;
  readonly authorization?: HostAuthorization;
  /** 0 for no limit. */
  readonly maxRequestBytes: number;
}

/** One walk from a root over its includes: what it may read, and what it gathers on the way. */
export class Visit {
  readonly read: Reader;
  readonly settings: Settings;
  /** What the root says for all routes of its host. */
  host: HostContext = { jwtProviders: [], maxRequestBytes: 0 };
  readonly clusters = new Map<string, Cluster>();
  readonly #problems = new Map<string, HttpProxyProblem[]>();

  constructor(read: Reader, settings: Settings) {
    this.read = read;
    this.settings = settings;
  }

  /** Notes that a valid chain leads to `proxy`. */
  reach(proxy: HTTPProxy): void {
    const key = proxyKey(proxy);
    if (!this.#problems.has(key)) this.#problems.set(key, []);
  }

  /** Notes what is wrong with `proxy`. The same sentence about the same field is kept once. */
  report(proxy: HTTPProxy, ...problems: readonly HttpProxyProblem[]): void {
    this.reach(proxy);
    const known = this.#problems.get(proxyKey(proxy)) ?? [];
    for (const problem of problems) if (!known.some((other) => other.message === problem.message && String(other.path) === String(problem.path))) known.push(problem);
  }

  /** Notes the problems of a part, and gives its value. */
  take<T>(proxy: HTTPProxy, parsed: Parsed<T>): T | undefined {
    this.report(proxy, ...parsed.problems);
    return parsed.value;
  }

  /** Wants a cluster; gives its name. */
  wantCluster(cluster: Cluster): string {
    if (!this.clusters.has(cluster.name)) this.clusters.set(cluster.name, cluster);
    return cluster.name;
  }

  /** What was found out about every HTTPProxy on the way. */
  reports(): ReadonlyMap<string, ProxyReport> {
    return new Map([...this.#problems].map(([key, problems]) => [key, { reached: true, problems }]));
  }
}

/** The namespace of an HTTPProxy. */
export function namespaceOf(proxy: HTTPProxy): string {
  return proxy.metadata.namespace ?? "";
}

/** The key of an HTTPProxy: `namespace/name`. */
export function proxyKey(proxy: HTTPProxy): string {
  return objectKey(proxy.metadata.namespace ?? "", proxy.metadata.name);
}

/** The origin of a model node made from a field of an HTTPProxy. */
export function originOf(proxy: HTTPProxy, path: FieldPath): Origin {
  return { kind: "HTTPProxy", namespace: proxy.metadata.namespace ?? "", name: proxy.metadata.name, field: formatFieldPath(path) };
}

/** Whether any of the problems is an error: warnings alone leave an object valid. */
export function hasError(problems: readonly HttpProxyProblem[]): boolean {
  return problems.some((problem) => problem.severity === "error");
}
