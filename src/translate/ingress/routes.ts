import type { Ingress } from "#gen/k8s/ingress";
import type { FleetName } from "#model/fleet";
import type { Origin } from "#model/origin";
import type { PathMatch, Route } from "#model/route";
import type { Settings } from "#settings/settings";
import type { Emit, Reader } from "#store/family";
import type { IngressProblem } from "#translate/facts";
import { parseAnnotations } from "#translate/ingress/annotations";
import type { IngressAnnotations } from "#translate/ingress/annotations";
import { backendHeaders } from "#translate/httpproxy/policies/headers";
import { parseRegex } from "#translate/shared/regex";
import { emitCluster, resolveService, serviceCluster } from "#translate/shared/services";

type Spec = NonNullable<Ingress["spec"]>;
type PathSpec = NonNullable<NonNullable<Spec["rules"]>[number]["http"]>["paths"][number];
type Backend = PathSpec["backend"];

/** What an Ingress says about one host. */
export interface IngressHost {
  readonly routes: readonly Route[];
  readonly annotations: IngressAnnotations;
  readonly problems: readonly IngressProblem[];
}

/** The routes that an Ingress has for a host. What cannot be used is left out and reported; the rest stays. */
export function ingressRoutes(read: Reader, emit: Emit, settings: Settings, ingress: Ingress, host: string, fleet: FleetName): IngressHost {
  const problems: IngressProblem[] = [];
  const annotations = parseAnnotations(ingress);
  const context: Context = { read, emit, settings, ingress, annotations, problems, fleet };
  const fallback = host === "*" && ingress.spec?.defaultBackend !== undefined ? route(context, ingress.spec.defaultBackend, { kind: "prefix", path: "/", by: "string" }, "spec.defaultBackend", "/") : [];
  const ruled = (ingress.spec?.rules ?? []).flatMap((rule, i) => {
    if (((rule.host ?? "").toLowerCase() || "*") !== host) return [];
    return (rule.http?.paths ?? []).flatMap((path, j) => pathRoute(context, path, `spec.rules[${i}].http.paths[${j}]`));
  });
  return { routes: [...fallback, ...ruled], annotations, problems: [...annotations.problems, ...problems] };
}

interface Context {
  readonly read: Reader;
  readonly emit: Emit;
  readonly settings: Settings;
  readonly ingress: Ingress;
  readonly annotations: IngressAnnotations;
  readonly problems: IngressProblem[];
  readonly fleet: FleetName;
}

function pathRoute(context: Context, path: PathSpec, field: string): readonly Route[] {
  const text = path.path === undefined || path.path === "" ? "/" : path.path;
  const match = pathMatch(text, path.pathType);
  if (match.kind === "regex") {
    const regex = parseRegex(match.pattern);
    if (!regex.ok) {
      context.problems.push({ field: `${field}.path`, message: regex.error });
      return [];
    }
  }
  return route(context, path.backend, match, field, text);
}

/** As Go Contour: ImplementationSpecific is a regular expression when it contains one of ^ + * [ ] %, otherwise a plain prefix. */
function pathMatch(text: string, type: string | undefined): PathMatch {
  if (type === "Exact") return { kind: "exact", path: text };
  if (type === "Prefix") return text === "/" ? { kind: "prefix", path: "/", by: "string" } : { kind: "prefix", path: text.replace(/\/+$/, "") || "/", by: "segment" };
  return /[\^+*[\]%]/.test(text) ? { kind: "regex", pattern: text } : { kind: "prefix", path: text, by: "string" };
}

function route(context: Context, backend: Backend, match: PathMatch, field: string, path: string): readonly Route[] {
  const { namespace = "", name } = context.ingress.metadata;
  const origin: Origin = { kind: "Ingress", namespace, name, field };
  const wanted = backend.service?.port?.number ?? backend.service?.port?.name;
  if (backend.service === undefined || wanted === undefined) {
    context.problems.push({ field: `${field}${field === "spec.defaultBackend" ? "" : ".backend"}`, message: "only backends of kind Service with a port are supported; write service.name and service.port" });
    return [];
  }
  const resolved = resolveService(context.read, context.settings, namespace, backend.service.name, wanted);
  const base = { match: { path: match, headers: [], queryParameters: [] }, priority: 0, policies: {}, origin };
  if (!resolved.ok) {
    context.problems.push({ field: `${field}${field === "spec.defaultBackend" ? "" : ".backend"}.service`, message: resolved.error.message });
    return [{ ...base, action: { kind: "direct-response", status: 503 } }];
  }
  const cluster = serviceCluster(resolved.value, context.settings, {}, origin);
  emitCluster(context.emit, cluster, context.fleet);
  const { responseTimeout, retry, websocketPaths } = context.annotations;
  const variables = { namespace, service: resolved.value.name, port: String(resolved.value.port) };
  const headers = context.settings.headerPolicy?.applyToIngress === true ? backendHeaders(context.settings, variables, undefined, undefined) : {};
  return [
    {
      ...base,
      action: {
        kind: "forward",
        targets: [{ cluster: cluster.name, weight: 1, ...headers }],
        mirrors: [],
        hashPolicies: [],
        websocket: websocketPaths.has(path),
        ...(responseTimeout === undefined ? {} : { responseTimeout }),
        ...(retry === undefined ? {} : { retry }),
      },
    },
  ];
}
