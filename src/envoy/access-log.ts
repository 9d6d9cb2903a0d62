import { typedConfig } from "#envoy/any";
import { AccessLog, AccessLogFilter, ComparisonFilter_Op } from "#gen/envoy/envoy/config/accesslog/v3/accesslog";
import type { SubstitutionFormatString } from "#gen/envoy/envoy/config/core/v3/substitution_format_string";
import { FileAccessLog } from "#gen/envoy/envoy/extensions/access_loggers/file/v3/file";
import { StdoutAccessLog } from "#gen/envoy/envoy/extensions/access_loggers/stream/v3/stream";
import { Metadata } from "#gen/envoy/envoy/extensions/formatter/metadata/v3/metadata";
import { ReqWithoutQuery } from "#gen/envoy/envoy/extensions/formatter/req_without_query/v3/req_without_query";
import type { AccessLogFormat, AccessLogLevel } from "#settings/access-log";
import type { EnvoySettings } from "#settings/envoy";

/** A line per request or connection. */
export function accessLog({ accessLogPath: path, accessLogFormat, accessLogLevel }: EnvoySettings): AccessLog[] {
  if (path === undefined || accessLogLevel === "disabled") return [];
  const filter = levelFilter(accessLogLevel);
  const format = lineFormat(accessLogFormat);
  const rest = filter === undefined ? {} : { filter };
  // Opening the path fails where the output is a socket, as it is for an Envoy that `contour run` starts.
  if (path === "/dev/stdout") return [AccessLog.fromPartial({ name: "envoy.access_loggers.stdout", configType: typedConfig(StdoutAccessLog, format === undefined ? {} : { accessLogFormat: { $case: "logFormat", value: format } }), ...rest })];
  return [AccessLog.fromPartial({ name: "envoy.access_loggers.file", configType: typedConfig(FileAccessLog, { path, ...(format === undefined ? {} : { accessLogFormat: { $case: "logFormat", value: format } }) }), ...rest })];
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
