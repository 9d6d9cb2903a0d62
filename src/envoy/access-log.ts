import { typedConfig } from "#envoy/any";
import { grpcService } from "#envoy/grpc-service";
import { AccessLog, AccessLogFilter, ComparisonFilter_Op } from "#gen/envoy/envoy/config/accesslog/v3/accesslog";
import type { DeepPartial } from "#gen/envoy/envoy/config/accesslog/v3/accesslog";
import type { SubstitutionFormatString } from "#gen/envoy/envoy/config/core/v3/substitution_format_string";
import { FileAccessLog } from "#gen/envoy/envoy/extensions/access_loggers/file/v3/file";
import { OpenTelemetryAccessLogConfig } from "#gen/envoy/envoy/extensions/access_loggers/open_telemetry/v3/logs_service";
import { StdoutAccessLog } from "#gen/envoy/envoy/extensions/access_loggers/stream/v3/stream";
import { Metadata } from "#gen/envoy/envoy/extensions/formatter/metadata/v3/metadata";
import { ReqWithoutQuery } from "#gen/envoy/envoy/extensions/formatter/req_without_query/v3/req_without_query";
import type { AnyValue, KeyValue } from "#gen/envoy/opentelemetry/proto/common/v1/common";
import type { AccessLogFormat, AccessLogLevel, OtlpLog } from "#settings/access-log";
import type { EnvoySettings } from "#settings/envoy";

/** A line per request or connection, in a file and at a collector. */
export function accessLog({ accessLogPath: path, accessLogFormat, accessLogLevel, accessLogOtlp: otlp }: EnvoySettings): AccessLog[] {
  if (accessLogLevel === "disabled") return [];
  const filter = levelFilter(accessLogLevel);
  const rest = filter === undefined ? {} : { filter };
  return [...(path === undefined ? [] : [fileLog(path, accessLogFormat)]), ...(otlp === undefined ? [] : [collectorLog(otlp)])].map((log) => AccessLog.fromPartial({ ...log, ...rest }));
}

function fileLog(path: string, chosen: AccessLogFormat): DeepPartial<AccessLog> {
  const format = lineFormat(chosen);
  const looks = format === undefined ? {} : { accessLogFormat: { $case: "logFormat" as const, value: format } };
  // Opening the path fails where the output is a socket, as it is for an Envoy that `contour run` starts.
  if (path === "/dev/stdout") return { name: "envoy.access_loggers.stdout", configType: typedConfig(StdoutAccessLog, looks) };
  return { name: "envoy.access_loggers.file", configType: typedConfig(FileAccessLog, { path, ...looks }) };
}

function collectorLog({ cluster, serviceName, line, fields }: OtlpLog): DeepPartial<AccessLog> {
  const config = {
    grpcService: grpcService(cluster),
    logName: "access",
    resourceAttributes: { values: [attribute("service.name", serviceName)] },
    body: text(line),
    attributes: { values: Object.entries(fields).map(([name, value]) => attribute(name, value)) },
    formatters: formatters([line, ...Object.values(fields)].join()),
  };
  return { name: "envoy.access_loggers.open_telemetry", configType: typedConfig(OpenTelemetryAccessLogConfig, config) };
}

function attribute(key: string, value: string): DeepPartial<KeyValue> {
  return { key, value: text(value) };
}

function text(value: string): DeepPartial<AnyValue> {
  return { value: { $case: "stringValue", value } };
}

/** Whether some line of an access log names the objects that routes are from, or something else that routes say about themselves. */
export function logsOrigins({ accessLogFormat: format, accessLogLevel, accessLogOtlp: otlp }: EnvoySettings): boolean {
  const ofFile = format.kind === "text" ? [format.text] : format.kind === "json" ? Object.values(format.fields) : [];
  const texts = [...ofFile, ...(otlp === undefined ? [] : [otlp.line, ...Object.values(otlp.fields)])];
  return accessLogLevel !== "disabled" && texts.some((line) => line.includes("%METADATA("));
}

/** The settings of a listener: those with TLS may have a file of their own. */
export function withListenerLog(settings: EnvoySettings, protocol: string): EnvoySettings {
  const { accessLogPathHttps } = settings;
  return protocol === "https" && accessLogPathHttps !== undefined ? { ...settings, accessLogPath: accessLogPathHttps } : settings;
}

function lineFormat(format: AccessLogFormat): SubstitutionFormatString | undefined {
  switch (format.kind) {
    case "default":
      return undefined;
    case "text":
      return { ...base, format: { $case: "textFormat", value: format.text }, formatters: formatters(format.text) };
    case "json":
      return { ...base, omitEmptyValues: true, format: { $case: "jsonFormat", value: { ...format.fields } }, formatters: formatters(Object.values(format.fields).join()) };
  }
}

const base = { omitEmptyValues: false, contentType: "", formatters: [], jsonFormatOptions: undefined };

/** Two operators are extensions of Envoy, to be named where they are used. */
function formatters(text: string): SubstitutionFormatString["formatters"] {
  return [
    ...(text.includes("%METADATA(") ? [{ name: "envoy.formatter.metadata", typedConfig: typedConfig(Metadata, {}).value }] : []),
    ...(text.includes("%REQ_WITHOUT_QUERY(") ? [{ name: "envoy.formatter.req_without_query", typedConfig: typedConfig(ReqWithoutQuery, {}).value }] : []),
  ];
}

/** The key of Envoy's runtime under which the lowest status can be changed, as in Go Contour. */
const statusKey = "contour.accesslog.filter.status_code";

function levelFilter(level: Exclude<AccessLogLevel, "disabled">): AccessLogFilter | undefined {
  if (level === "info") return undefined;
  const status = AccessLogFilter.fromPartial({ filterSpecifier: { $case: "statusCodeFilter", value: { comparison: { op: ComparisonFilter_Op.GE, value: { defaultValue: level === "error" ? 300 : 500, runtimeKey: statusKey } } } } });
  const flagged = AccessLogFilter.fromPartial({ filterSpecifier: { $case: "responseFlagFilter", value: { flags: [] } } });
  return AccessLogFilter.fromPartial({ filterSpecifier: { $case: "orFilter", value: { filters: [status, flagged] } } });
}
