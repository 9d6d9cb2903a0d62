import type { ContourConfiguration } from "#gen/k8s/contour-configuration";
import { parseGoDuration } from "#lib/go-duration";
import type { FieldError, FieldPath } from "#k8s/object";
import { accessLogLevels, defaultJsonFields, defaultJsonFormat, defaultOtlpLine, parseJsonFields, parseTextFormat } from "#settings/access-log";
import type { AccessLogFormat, OtlpLog } from "#settings/access-log";
import type { EnvoyAddress, EnvoySettings, MetricsTls, TimeoutChoice, Tracing } from "#settings/envoy";
import type { Settings } from "#settings/settings";

type Spec = ContourConfiguration["spec"];
type EnvoySpec = NonNullable<Spec["envoy"]>;

/** What an operator chooses, for the translation and for Envoy. */
export interface Choices {
  readonly settings: Settings;
  readonly envoySettings: EnvoySettings;
}

/** Choices after a ContourConfiguration, and what of it could not be used. */
export interface Configured extends Choices {
  readonly errors: readonly FieldError[];
  /** Fields that are written and have no effect, with the reason. */
  readonly ignored: readonly FieldError[];
}

/** Lays a ContourConfiguration (projectcontour.io/v1alpha1) over other choices: what it does not say stays. A field with an error changes nothing. */
export function configure({ settings, envoySettings }: Choices, spec: Spec): Configured {
  const errors: FieldError[] = [];
  const { envoy = {}, httpproxy = {} } = spec;
  // Where the controller itself is served is not among these choices, but this is where errors are found.
  readMetricsTls(spec.metrics?.tls, ["spec", "metrics", "tls"], errors);
  checkFeatureFlags(spec, errors);
  const timeouts = envoyTimeouts(envoy, errors);
  const upstream = envoy.cluster?.upstreamTLS;
  return {
    settings: {
      ...settings,
      ...some({
        ingressClassNames: spec.ingress?.classNames,
        rootNamespaces: httpproxy.rootNamespaces,
        fallbackCertificate: httpproxy.fallbackCertificate,
        defaultCertificate: envoy.listener?.tls?.defaultCertificate,
        ocspResponders: ocspResponders(envoy.listener?.tls?.ocspStapling),
        useProxyProtocol: envoy.listener?.useProxyProtocol,
        http3: envoy.defaultHTTPVersions?.includes("HTTP/3"),
        publicHttpsPort: envoy.listener?.publicHTTPSPort,
        disablePermitInsecure: httpproxy.disablePermitInsecure,
        enableExternalNameService: spec.enableExternalNameService,
        connectTimeoutMs: milliseconds(envoy.timeouts?.connectTimeout, ["spec", "envoy", "timeouts", "connectTimeout"], errors),
        minimumTlsVersion: tlsVersion(envoy.listener?.tls?.minimumProtocolVersion),
        maximumTlsVersion: tlsVersion(envoy.listener?.tls?.maximumProtocolVersion),
        upstreamTls: upstream === undefined ? undefined : { ...settings.upstreamTls, ...some({ minimumVersion: tlsVersion(upstream.minimumProtocolVersion), maximumVersion: tlsVersion(upstream.maximumProtocolVersion) }) },
        clientCertificate: envoy.clientCertificate,
        circuitBreakers: envoy.cluster?.circuitBreakers,
        upstreamAddresses: envoy.cluster?.upstreamAddresses === undefined ? undefined : envoy.cluster.upstreamAddresses === "ClusterIP" ? ("cluster-ip" as const) : ("endpoints" as const),
        preferredAddressFamily: addressFamily(envoy.cluster?.preferredAddressFamily),
        dnsLookupFamily: lookupFamily(envoy.cluster?.dnsLookupFamily, errors),
        globalAuthorization: spec.globalExtAuth,
        rateLimitService: spec.rateLimitService,
        telemetryClusters: telemetryClusters(spec),
        headerPolicy: spec.policy,
        duplicateHosts: httpproxy.duplicateHosts === undefined ? undefined : httpproxy.duplicateHosts === "FirstWins" ? ("first-wins" as const) : ("all-invalid" as const),
        routeErrors: httpproxy.routeErrors === undefined ? undefined : httpproxy.routeErrors === "DiscardObject" ? ("discard-object" as const) : ("isolate" as const),
        gatewayRef: spec.gateway?.gatewayRef,
        http: endpoint(settings.http, envoy.http),
        https: endpoint(settings.https, envoy.https),
      }),
    },
    envoySettings: { ...envoySettings, ...some({ tracing: tracing(spec.tracing, errors) }), ...envoyChoices(envoySettings, envoy, errors), timeouts: { ...envoySettings.timeouts, ...timeouts } },
    errors,
    ignored: ignoredFlags(spec),
  };
}

function ocspResponders(stapling: string | undefined): Settings["ocspResponders"] | undefined {
  if (stapling === undefined) return undefined;
  return stapling === "AllResponders" ? "all" : stapling === "PublicResponders" ? "public" : "none";
}

function envoyChoices(base: EnvoySettings, { listener = {}, cluster = {}, network = {}, ...envoy }: EnvoySpec, errors: FieldError[]): Partial<EnvoySettings> {
  return some({
    accessLogPath: envoy.http?.accessLog,
    accessLogPathHttps: envoy.https?.accessLog,
    ...accessLog(envoy.logging ?? {}, errors),
    accessLogOtlp: otlpLog(envoy.logging ?? {}, errors),
    compression: compression(listener.compression?.algorithm),
    serverHeader: serverHeader(listener.serverHeaderTransformation),
    mergeSlashes: not(listener.disableMergeSlashes),
    allowChunkedLength: not(listener.disableAllowChunkedLength),
    stripTrailingHostDot: network.stripTrailingHostDot,
    numTrustedHops: network.numTrustedHops,
    httpVersions: httpVersions(envoy, errors),
    maxRequestsPerConnection: listener.maxRequestsPerConnection,
    maxConcurrentStreams: listener.httpMaxConcurrentStreams,
    perConnectionBufferLimitBytes: listener["per-connection-buffer-limit-bytes"],
    maxConnectionsToAcceptPerSocketEvent: listener.maxConnectionsToAcceptPerSocketEvent,
    maxConnectionsPerListener: listener.maxConnectionsPerListener,
    maxRequestsPerIoCycle: listener.maxRequestsPerIOCycle,
    runtime: envoy.runtimeSettings,
    exactConnectionBalance: listener.connectionBalancer === undefined ? undefined : listener.connectionBalancer === "exact",
    certificatesOnDemandFrom: listener.tls?.certificatesOnDemandFrom,
    certificatesPrefetchedFor: listener.tls?.prefetchCertificatesFor,
    cipherSuites: listener.tls?.cipherSuites,
    ecdhCurves: listener.tls?.ecdhCurves,
    fingerprints: listener.tls?.fingerprint === undefined ? undefined : { ja3: listener.tls.fingerprint.ja3 ?? false, ja4: listener.tls.fingerprint.ja4 ?? false },
    socketOptions: listener.socketOptions === undefined ? undefined : some({ tos: nonZero(listener.socketOptions.tos), trafficClass: nonZero(listener.socketOptions.trafficClass) }),
    connectionRetries: cluster.connectionRetries,
    cluster: {
      ...base.cluster,
      ...some({ maxRequestsPerConnection: cluster.maxRequestsPerConnection, perConnectionBufferLimitBytes: cluster["per-connection-buffer-limit-bytes"], cipherSuites: cluster.upstreamTLS?.cipherSuites, ecdhCurves: cluster.upstreamTLS?.ecdhCurves }),
    },
    stats: endpoint(base.stats, envoy.metrics),
    ...metricsTls(base, envoy, errors),
    overloadHealth: overloadHealth(base, envoy, errors),
    adminPort: network.adminPort,
  });
}

/** What connections over TCP speak. Clients learn there that a host speaks HTTP/3. */
function httpVersions({ defaultHTTPVersions: chosen }: EnvoySpec, errors: FieldError[]): EnvoySettings["httpVersions"] | undefined {
  const path = ["spec", "envoy", "defaultHTTPVersions"];
  chosen?.forEach((version, i) => {
    if (!["HTTP/1.1", "HTTP/2", "HTTP/3"].includes(version)) errors.push({ path: [...path, i], message: `${JSON.stringify(version)} is no version; write HTTP/1.1, HTTP/2 or HTTP/3` });
  });
  const overTcp = chosen?.filter((version) => version === "HTTP/1.1" || version === "HTTP/2");
  if (overTcp?.length === 0 && chosen?.includes("HTTP/3") === true) errors.push({ path, message: "HTTP/3 by itself is not found by clients: write HTTP/1.1 or HTTP/2 beside it" });
  return overTcp;
}

/** As in Go Contour: JSON fields count for the format json, a text for the format envoy. */
function accessLog({ accessLogFormat = "envoy", accessLogFormatString = "", accessLogJSONFields, accessLogLevel = "info" }: NonNullable<EnvoySpec["logging"]>, errors: FieldError[]): Pick<Partial<EnvoySettings>, "accessLogFormat" | "accessLogLevel"> {
  const at = (...field: FieldPath): FieldPath => ["spec", "envoy", "logging", ...field];
  const level = accessLogLevels.find((known) => known === (accessLogLevel || "info"));
  if (level === undefined) errors.push({ path: at("accessLogLevel"), message: `${JSON.stringify(accessLogLevel)} is no level; write one of ${accessLogLevels.join(", ")}` });
  return some({ accessLogFormat: lineFormat(accessLogFormat, accessLogFormatString, accessLogJSONFields, errors, at), accessLogLevel: level });
}

/** The fields are attributes there, and the text is the body, whatever the file looks like. */
function otlpLog({ otlp, accessLogFormat, accessLogFormatString = "", accessLogJSONFields = [] }: NonNullable<EnvoySpec["logging"]>, errors: FieldError[]): OtlpLog | undefined {
  if (otlp === undefined) return undefined;
  const [line, fields] = [parseTextFormat(accessLogFormatString), parseJsonFields(accessLogJSONFields.length === 0 ? defaultJsonFields : accessLogJSONFields)];
  const at = (...field: FieldPath): FieldPath => ["spec", "envoy", "logging", ...field];
  // What the file needs, too, was said by `accessLog`.
  if (accessLogFormat === "json" && accessLogFormatString !== "" && !line.ok) errors.push({ path: at("accessLogFormatString"), message: line.error });
  if (accessLogFormat !== "json" && !fields.ok) errors.push({ path: at("accessLogJSONFields", fields.error.index), message: fields.error.message });
  return {
    cluster: extensionCluster(otlp.extensionService),
    serviceName: otlp.serviceName === undefined || otlp.serviceName === "" ? "contour" : otlp.serviceName,
    line: accessLogFormatString !== "" && line.ok ? line.value.trimEnd() : defaultOtlpLine,
    fields: fields.ok ? fields.value : defaultJsonFormat.fields,
  };
}

function telemetryClusters({ tracing: traces, envoy }: Spec): readonly string[] | undefined {
  const called = [traces?.extensionService, envoy?.logging?.otlp?.extensionService].flatMap((service) => (service === undefined ? [] : [extensionCluster(service)]));
  return called.length === 0 ? undefined : [...new Set(called)];
}

function extensionCluster({ namespace, name }: { readonly namespace: string; readonly name: string }): string {
  return `extension/${namespace}/${name}`;
}

function lineFormat(format: string, text: string, fields: readonly string[] | undefined, errors: FieldError[], at: (...field: FieldPath) => FieldPath): AccessLogFormat | undefined {
  if (format === "json") {
    const parsed = parseJsonFields(fields === undefined || fields.length === 0 ? defaultJsonFields : fields);
    if (parsed.ok) return { kind: "json", fields: parsed.value };
    errors.push({ path: at("accessLogJSONFields", parsed.error.index), message: parsed.error.message });
    return undefined;
  }
  if (format !== "envoy" && format !== "") {
    errors.push({ path: at("accessLogFormat"), message: `${JSON.stringify(format)} is no format; write envoy or json` });
    return undefined;
  }
  if (text === "") return undefined;
  const parsed = parseTextFormat(text);
  if (parsed.ok) return { kind: "text", text: parsed.value };
  errors.push({ path: at("accessLogFormatString"), message: parsed.error });
  return undefined;
}

/** Who probes Envoy has no certificate, so that `/ready` and metrics with TLS have a port each, as with Go Contour. */
function metricsTls(base: EnvoySettings, { metrics, health }: EnvoySpec, errors: FieldError[]): Pick<Partial<EnvoySettings>, "health" | "statsTls"> {
  const chosen = endpoint(base.stats, health);
  const tls = readMetricsTls(metrics?.tls, ["spec", "envoy", "metrics", "tls"], errors);
  if (tls === undefined) return some({ health: chosen });
  const ready = chosen ?? base.health ?? base.stats;
  if (ready.port !== (metrics?.port ?? base.stats.port)) return { statsTls: tls, health: ready };
  errors.push({ path: ["spec", "envoy", "metrics", "port"], message: `metrics with TLS cannot have port ${ready.port}, at which Envoy is probed without: write another one here, or in spec.envoy.health.port` });
  return some({ health: chosen });
}

/** The files of `metrics.tls` and `envoy.metrics.tls`; undefined where nothing is said, or too little. */
export function readMetricsTls(spec: { readonly caFile?: string; readonly certFile?: string; readonly keyFile?: string } | undefined, path: FieldPath, errors: FieldError[]): MetricsTls | undefined {
  const { caFile = "", certFile = "", keyFile = "" } = spec ?? {};
  if (caFile === "" && certFile === "" && keyFile === "") return undefined;
  for (const [field, file] of Object.entries({ certFile, keyFile })) if (file === "") errors.push({ path: [...path, field], message: "metrics over TLS need a certificate and its key: write the file here" });
  return certFile === "" || keyFile === "" ? undefined : { certFile, keyFile, ...(caFile === "" ? {} : { caFile }) };
}

/** Its answers differ from those of the other listeners, so that it has an address of its own. */
function overloadHealth(base: EnvoySettings, { omEnforcedHealth: spec, metrics, health }: EnvoySpec, errors: FieldError[]): EnvoyAddress | undefined {
  if (spec === undefined) return undefined;
  const at = { address: spec.address ?? "0.0.0.0", port: spec.port ?? 0 };
  if (at.port !== 0 && ![metrics?.port ?? base.stats.port, health?.port].includes(at.port)) return at;
  errors.push({ path: ["spec", "envoy", "omEnforcedHealth", "port"], message: `${spec.port ?? "no port"} is not a port of its own; write one that neither metrics nor health has` });
  return undefined;
}

function envoyTimeouts({ timeouts = {} }: EnvoySpec, errors: FieldError[]): EnvoySettings["timeouts"] {
  const take = (field: keyof NonNullable<EnvoySpec["timeouts"]>): TimeoutChoice | undefined => {
    const text = timeouts[field];
    if (text === "infinity" || text === "infinite") return "off";
    return milliseconds(text, ["spec", "envoy", "timeouts", field], errors);
  };
  return some({ request: take("requestTimeout"), connectionIdle: take("connectionIdleTimeout"), streamIdle: take("streamIdleTimeout"), maxConnectionDuration: take("maxConnectionDuration"), delayedClose: take("delayedCloseTimeout"), connectionShutdownGracePeriod: take("connectionShutdownGracePeriod") });
}

function tracing(spec: Spec["tracing"], errors: FieldError[]): Tracing | undefined {
  if (spec === undefined) return undefined;
  const share = (field: "overallSampling" | "randomSampling" | "clientSampling"): number => {
    const text = spec[field] ?? "";
    const value = text === "" ? 100 : Number(text);
    if (value >= 0 && value <= 100) return value;
    errors.push({ path: ["spec", "tracing", field], message: `${JSON.stringify(text)} is not a percentage; write a number from 0 to 100` });
    return 100;
  };
  return {
    cluster: extensionCluster(spec.extensionService),
    serviceName: spec.serviceName === undefined || spec.serviceName === "" ? "contour" : spec.serviceName,
    percent: { overall: share("overallSampling"), random: share("randomSampling"), client: share("clientSampling") },
    maxPathTagLength: spec.maxPathTagLength ?? 256,
    podDetail: spec.includePodDetail ?? true,
    tags: (spec.customTags ?? []).map((tag, i) => ({ name: tag.tagName, value: tagValue(tag, i, errors) })),
  };
}

function tagValue({ literal = "", requestHeaderName = "" }: NonNullable<NonNullable<Spec["tracing"]>["customTags"]>[number], i: number, errors: FieldError[]): Tracing["tags"][number]["value"] {
  if ((literal === "") === (requestHeaderName === "")) errors.push({ path: ["spec", "tracing", "customTags", i], message: "a tag needs either a literal or a requestHeaderName" });
  return requestHeaderName === "" ? { kind: "literal", text: literal } : { kind: "header", header: requestHeaderName };
}

function milliseconds(text: string | undefined, path: FieldPath, errors: FieldError[]): number | undefined {
  if (text === undefined || text === "") return undefined;
  const parsed = parseGoDuration(text);
  if (parsed.ok && parsed.value >= 0) return parsed.value;
  errors.push({ path, message: parsed.ok ? `${JSON.stringify(text)} is negative; write a duration like 30s` : parsed.error });
  return undefined;
}

function tlsVersion(text: string | undefined): "1.2" | "1.3" | undefined {
  return text === "1.2" || text === "1.3" ? text : undefined;
}

function addressFamily(family: string | undefined): Settings["preferredAddressFamily"] | undefined {
  return family === "Any" ? "any" : family === "IPv4" ? "v4" : family === "IPv6" ? "v6" : undefined;
}

function lookupFamily(text: string | undefined, errors: FieldError[]): Settings["dnsLookupFamily"] | undefined {
  if (text === undefined || text === "") return undefined;
  if (text === "auto" || text === "v4" || text === "v6" || text === "all") return text;
  errors.push({ path: ["spec", "envoy", "cluster", "dnsLookupFamily"], message: `${JSON.stringify(text)} is not a family; write auto, v4, v6 or all` });
  return undefined;
}

const serverHeaders: Readonly<Record<string, EnvoySettings["serverHeader"]>> = { overwrite: "overwrite", append_if_absent: "append-if-absent", pass_through: "pass-through" };

function serverHeader(text: string | undefined): EnvoySettings["serverHeader"] | undefined {
  return text === undefined ? undefined : serverHeaders[text];
}

function endpoint<T extends { readonly address: string; readonly port: number }>(base: T, spec: { readonly address?: string; readonly port?: number } | undefined): { readonly address: string; readonly port: number } | undefined {
  return spec?.address === undefined && spec?.port === undefined ? undefined : { address: spec.address ?? base.address, port: spec.port ?? base.port };
}

function compression(text: string | undefined): EnvoySettings["compression"] | undefined {
  if (text === undefined || text === "") return undefined;
  return text === "disabled" ? "off" : text === "brotli" || text === "zstd" ? text : "gzip";
}

function not(value: boolean | undefined): boolean | undefined {
  return value === undefined ? undefined : !value;
}

function nonZero(value: number | undefined): number | undefined {
  return value === 0 ? undefined : value;
}

/** The entries that have a value. */
function some<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as { [K in keyof T]?: Exclude<T[K], undefined> };
}

/** The one feature flag that Go Contour once had is how it is here: Envoys get their endpoints from EndpointSlices. */
const onceKnown = /^useEndpointSlices(=true)?$/;

function ignoredFlags({ featureFlags = [] }: Spec): readonly FieldError[] {
  return featureFlags.flatMap((flag, i) => (onceKnown.test(flag) ? [{ path: ["spec", "featureFlags", i], message: `${flag} has no effect: EndpointSlices are always used; leave it out` }] : []));
}

function checkFeatureFlags({ featureFlags = [] }: Spec, errors: FieldError[]): void {
  for (const [i, flag] of featureFlags.entries()) if (!onceKnown.test(flag)) errors.push({ path: ["spec", "featureFlags", i], message: `there is no feature flag ${JSON.stringify(flag)}; leave it out` });
}
