import { proxyError } from "#conditions/http-proxy";
import type { ProblemReason } from "#conditions/http-proxy";
import type { HTTPProxy } from "#gen/k8s/http-proxy";
import { contentId } from "#lib/content-id";
import type { FieldPath } from "#k8s/object";
import type { AuthorizationUse, ExternalAuthorization, NameMatch } from "#model/policy";
import type { Settings } from "#settings/settings";
import type { Reader } from "#store/family";
import { callableServices, objectKey } from "#translate/facts";
import type { CallableService } from "#translate/facts";
import { extensionCluster } from "#translate/extension/extension-cluster";
import { parseTimeout } from "#translate/httpproxy/policies/timeouts";
import type { RouteSpec } from "#translate/httpproxy/routes";
import type { Parsed } from "#translate/shared/parsed";

/** An authorization as HTTPProxy and ContourConfiguration write it. */
export type AuthorizationSpec = Omit<NonNullable<NonNullable<HTTPProxy["spec"]["virtualhost"]>["authorization"]>, "permitInsecure">;
type AuthPolicy = AuthorizationSpec["authPolicy"];
type HeaderSpec = NonNullable<NonNullable<AuthorizationSpec["httpSettings"]>["allowedUpstreamHeaders"]>[number];

/** How requests to a host are authorized. */
export interface HostAuthorization {
  /** Asked instead of the listener's; absent when that one is asked. */
  readonly own?: ExternalAuthorization;
  /** What counts for routes that say nothing. */
  readonly use: AuthorizationUse;
  /** HTTP services have no place for a context. */
  readonly takesContext: boolean;
}

/** Whether a host without an authorization of its own is asked about all the same. */
export function listenerAsks({ globalAuthorization: global }: Settings): boolean {
  return global !== undefined && global.authPolicy?.disabled !== true;
}

/** The authorization of all listeners; absent when none is configured, or hosts have to ask for it. */
export function listenerAuthorization(read: Reader, settings: Settings): ExternalAuthorization | undefined {
  const global = settings.globalAuthorization;
  if (global === undefined || !listenerAsks(settings)) return undefined;
  const parsed = parseAuthorization(read, global, ["spec", "globalExtAuth"], "");
  if (parsed.value !== undefined) return parsed.value;
  // Nobody passes while the service is not there: a cluster that does not exist answers nothing.
  const { namespace = "", name = "" } = global.extensionRef ?? {};
  const cluster = extensionCluster(namespace, name);
  return { id: contentId("missing", cluster), cluster, service: { kind: "grpc" }, failOpen: false };
}

/** What is asked about a host, and why. */
interface Source {
  readonly spec: AuthorizationSpec;
  /** Whether the host has it for itself, rather than with all others of the listener. */
  readonly own: boolean;
  /** Where a reference without a namespace leads. */
  readonly namespace: string;
  /** What counts where the host says nothing. */
  readonly outer: AuthorizationUse;
}

function sourceOf(settings: Settings, spec: AuthorizationSpec | undefined, namespace: string): Source | undefined {
  const global = settings.globalAuthorization;
  const ofAll = { namespace: "", outer: useOf(global?.authPolicy, check({})) };
  if (spec === undefined) return global === undefined || !listenerAsks(settings) ? undefined : { ...ofAll, spec: global, own: false };
  if (named(spec)) return { spec, own: true, namespace, outer: check({}) };
  if (global === undefined) return spec.authPolicy?.disabled === true ? undefined : { ...ofAll, spec, own: true };
  const changesIt = Object.keys(spec).some((key) => key !== "authPolicy" && key !== "extensionRef");
  const own = changesIt || !listenerAsks(settings);
  return { ...ofAll, own, spec: own ? { ...global, ...spec, ...(global.extensionRef === undefined ? {} : { extensionRef: global.extensionRef }) } : global };
}

/** Reads what a root says about authorization, on top of what the installation says. With an error the host must not be served. */
export function hostAuthorization(read: Reader, settings: Settings, spec: AuthorizationSpec | undefined, at: FieldPath, namespace: string): Parsed<HostAuthorization> {
  const source = sourceOf(settings, spec, namespace);
  if (source === undefined) return { problems: [] };
  const parsed = parseAuthorization(read, source.spec, at, source.namespace);
  if (parsed.value === undefined) return { problems: parsed.problems };
  const takesContext = parsed.value.service.kind === "grpc";
  if (!takesContext && hasContext(spec?.authPolicy)) return { problems: [contextProblem([...at, "authPolicy", "context"])] };
  return { problems: [], value: { use: useOf(spec?.authPolicy, source.outer), takesContext, ...(source.own ? { own: parsed.value } : {}) } };
}

/** Reads a route's authPolicy; absent where the host's counts. */
export function routeAuthorization(policy: RouteSpec["authPolicy"], at: FieldPath, host: HostAuthorization | undefined): Parsed<AuthorizationUse> {
  if (policy === undefined || host === undefined) return { problems: [] };
  if (!host.takesContext && hasContext(policy)) return { problems: [contextProblem([...at, "context"])] };
  return { problems: [], value: useOf(policy, host.use) };
}

function named(spec: AuthorizationSpec): boolean {
  return spec.extensionRef?.name !== undefined && spec.extensionRef.name !== "";
}

function check(context: Readonly<Record<string, string>>): AuthorizationUse {
  return { kind: "check", context };
}

/** The inner policy decides whether there is a check; contexts are put together, and the inner one wins. */
function useOf(policy: AuthPolicy, outer: AuthorizationUse): AuthorizationUse {
  if (policy === undefined) return outer;
  if (policy.disabled === true) return { kind: "off" };
  return check({ ...(outer.kind === "check" ? outer.context : {}), ...policy.context });
}

function hasContext(policy: AuthPolicy): boolean {
  return policy?.disabled !== true && Object.keys(policy?.context ?? {}).length > 0;
}

function contextProblem(at: FieldPath) {
  return proxyError("AuthError", "AuthContextForHTTP", at, "an authorization service that speaks HTTP gets no context; remove it, or use a gRPC service");
}

function parseAuthorization(read: Reader, spec: AuthorizationSpec, at: FieldPath, ownNamespace: string): Parsed<ExternalAuthorization> {
  const refuse = (reason: ProblemReason<"AuthError">, field: FieldPath, message: string): Parsed<ExternalAuthorization> => ({ problems: [proxyError("AuthError", reason, [...at, ...field], message)] });
  const { apiVersion = "projectcontour.io/v1alpha1", name = "" } = spec.extensionRef ?? {};
  const namespace = spec.extensionRef?.namespace === undefined || spec.extensionRef.namespace === "" ? ownNamespace : spec.extensionRef.namespace;
  if (apiVersion !== "" && apiVersion !== "projectcontour.io/v1alpha1") return refuse("AuthBadResourceVersion", ["extensionRef", "apiVersion"], `${JSON.stringify(apiVersion)} is not the version of ExtensionService; write projectcontour.io/v1alpha1 or remove apiVersion`);
  if (name === "") return refuse("ExtensionServiceNotFound", ["extensionRef"], "this names no ExtensionService, and the installation has none for all hosts (globalExtAuth); add extensionRef.name");
  const found = read.one(callableServices, objectKey(namespace, name));
  if (found === undefined) return refuse("ExtensionServiceNotFound", ["extensionRef"], `there is no valid ExtensionService ${JSON.stringify(`${namespace}/${name}`)}; create it, or see its status. Until then the host is not served, so that nobody gets around it`);
  const timeout = parseTimeout(spec.responseTimeout);
  if (timeout.error !== undefined) return refuse("AuthResponseTimeoutInvalid", ["responseTimeout"], timeout.error);
  const service = serviceOf(spec, found, at);
  if ("problems" in service) return service;
  return { problems: [], value: identify(name, spec, found, service, timeout.setting ?? found.responseTimeout) };
}

function identify(name: string, spec: AuthorizationSpec, { cluster }: CallableService, service: ExternalAuthorization["service"], timeout: ExternalAuthorization["timeout"]): ExternalAuthorization {
  const { maxRequestBytes: maxBytes = 1024, allowPartialMessage: allowPartial = false, packAsBytes = false } = spec.withRequestBody ?? {};
  const contents = {
    cluster,
    service,
    ...(timeout === undefined ? {} : { timeout }),
    failOpen: spec.failOpen ?? false,
    ...(spec.withRequestBody === undefined ? {} : { body: { maxBytes, allowPartial, packAsBytes } }),
  };
  return { id: contentId(name, contents), ...contents };
}

function serviceOf({ serviceType, httpSettings }: AuthorizationSpec, { host }: CallableService, at: FieldPath): ExternalAuthorization["service"] | Parsed<never> {
  if (serviceType !== "http") return { kind: "grpc" };
  const lists = (["allowedAuthorizationHeaders", "allowedUpstreamHeaders"] as const).map((field) => ({ field, matches: (httpSettings?.[field] ?? []).map(nameMatch) }));
  const wrong = lists.flatMap(({ field, matches }) => matches.flatMap((match, i) => (match === undefined ? [proxyError("AuthError", "AuthBadAllowedHeader", [...at, "httpSettings", field, i], "an entry needs exactly one of exact, prefix, suffix and contains")] : [])));
  if (wrong.length > 0) return { problems: wrong };
  const pathPrefix = httpSettings?.pathPrefix ?? "";
  if (pathPrefix !== "" && !pathPrefix.startsWith("/")) return { problems: [proxyError("AuthError", "AuthBadPathPrefix", [...at, "httpSettings", "pathPrefix"], `${JSON.stringify(pathPrefix)} does not begin with a slash; write ${JSON.stringify(`/${pathPrefix}`)}`)] };
  const [requestHeaders = [], upstreamHeaders = []] = lists.map(({ matches }) => matches.flatMap((match) => match ?? []));
  return { kind: "http", host, pathPrefix, requestHeaders, upstreamHeaders };
}

function nameMatch(spec: HeaderSpec): NameMatch | undefined {
  const found = (["exact", "prefix", "suffix", "contains"] as const).flatMap((kind) => (spec[kind] === undefined || spec[kind] === "" ? [] : [{ kind, value: spec[kind], ignoreCase: spec.ignoreCase ?? false }]));
  return found.length === 1 ? found[0] : undefined;
}
