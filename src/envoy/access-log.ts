import { typedConfig } from "#envoy/any";
import { AccessLog } from "#gen/envoy/envoy/config/accesslog/v3/accesslog";
import { FileAccessLog } from "#gen/envoy/envoy/extensions/access_loggers/file/v3/file";
import type { Any } from "#gen/envoy/google/protobuf/any";
import type { EnvoySettings } from "#settings/envoy";

/** A line per request or connection, in Envoy's default format. */
export function accessLog({ accessLogPath }: EnvoySettings): AccessLog[] {
  if (accessLogPath === undefined) return [];
  // Opening the path fails where the output is a socket, as it is for an Envoy that `contour run` starts.
  if (accessLogPath === "/dev/stdout") return [AccessLog.fromPartial({ name: "envoy.access_loggers.stdout", configType: { $case: "typedConfig", value: stdoutLog } })];
  return [AccessLog.fromPartial({ name: "envoy.access_loggers.file", configType: typedConfig(FileAccessLog, { path: accessLogPath }) })];
}

const stdoutLog: Any = { typeUrl: "type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog", value: new Uint8Array() };
