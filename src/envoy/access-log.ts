import { typedConfig } from "#envoy/any";
import { AccessLog } from "#gen/envoy/envoy/config/accesslog/v3/accesslog";
import { FileAccessLog } from "#gen/envoy/envoy/extensions/access_loggers/file/v3/file";
import type { EnvoySettings } from "#settings/envoy";

/** A line per request or connection, in Envoy's default format. */
export function accessLog({ accessLogPath }: EnvoySettings): AccessLog[] {
  if (accessLogPath === undefined) return [];
  return [AccessLog.fromPartial({ name: "envoy.access_loggers.file", configType: typedConfig(FileAccessLog, { path: accessLogPath }) })];
}
