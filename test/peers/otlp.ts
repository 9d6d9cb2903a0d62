import * as grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import type { MessageTypeDefinition } from "@grpc/proto-loader";

interface Attribute {
  readonly key: string;
  readonly value: { readonly stringValue?: string; readonly intValue?: string };
}

/** A log record. */
export interface OtlpLogRecord {
  readonly body: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly resource: Readonly<Record<string, string>>;
}

/** A counter or gauge, at its first data point. */
export interface OtlpMetric {
  readonly name: string;
  readonly value: number;
  readonly attributes: Readonly<Record<string, string>>;
  readonly resource: Readonly<Record<string, string>>;
}

interface LogsRequest {
  readonly resourceLogs: readonly { readonly resource?: { readonly attributes: readonly Attribute[] }; readonly scopeLogs: readonly { readonly logRecords: readonly { readonly body?: Attribute["value"]; readonly attributes: readonly Attribute[] }[] }[] }[];
}

interface DataPoints {
  readonly dataPoints: readonly { readonly asInt?: string; readonly asDouble?: number; readonly attributes: readonly Attribute[] }[];
}

interface MetricsRequest {
  readonly resourceMetrics: readonly { readonly resource?: { readonly attributes: readonly Attribute[] }; readonly scopeMetrics: readonly { readonly metrics: readonly { readonly name: string; readonly gauge?: DataPoints; readonly sum?: DataPoints }[] }[] }[];
}

const types = loadSync(new URL("otlp.proto", import.meta.url).pathname, { longs: String, arrays: true });

/** What an OTLP server hears. */
export interface OtlpListener {
  readonly onLog?: (record: OtlpLogRecord) => void;
  readonly onMetric?: (metric: OtlpMetric) => void;
}

/** Adds the services for logs and metrics (OTLP 1) to a server. */
export function addOtlp(server: grpc.Server, { onLog, onMetric }: OtlpListener): void {
  serve<LogsRequest>(server, "logs.v1.LogsService", "otlp.Logs", ({ resourceLogs }) => {
    for (const { resource, scopeLogs } of resourceLogs) for (const { logRecords } of scopeLogs) for (const { body, attributes } of logRecords) onLog?.({ body: body?.stringValue ?? "", attributes: record(attributes), resource: record(resource?.attributes) });
  });
  serve<MetricsRequest>(server, "metrics.v1.MetricsService", "otlp.Metrics", ({ resourceMetrics }) => {
    for (const { resource, scopeMetrics } of resourceMetrics) {
      for (const { name, gauge, sum } of scopeMetrics.flatMap(({ metrics }) => metrics)) {
        for (const { asInt, asDouble, attributes } of (gauge ?? sum)?.dataPoints ?? []) onMetric?.({ name, value: Number(asInt ?? asDouble), attributes: record(attributes), resource: record(resource?.attributes) });
      }
    }
  });
}

function serve<T>(server: grpc.Server, service: string, type: string, take: (request: T) => void): void {
  const request = types[type] as MessageTypeDefinition<object, object> | undefined;
  if (request === undefined) throw new Error(`otlp.proto has no ${type}`);
  const asIs = (bytes: Buffer): Buffer => bytes;
  const method: grpc.MethodDefinition<Buffer, Buffer> = { path: `/opentelemetry.proto.collector.${service}/Export`, requestStream: false, responseStream: false, requestSerialize: asIs, requestDeserialize: asIs, responseSerialize: asIs, responseDeserialize: asIs };
  const answer: grpc.handleUnaryCall<Buffer, Buffer> = (call, callback) => {
    take(request.deserialize(call.request) as T);
    callback(null, Buffer.alloc(0));
  };
  server.addService({ export: method }, { export: answer });
}

function record(attributes: readonly Attribute[] = []): Readonly<Record<string, string>> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, value.stringValue ?? value.intValue ?? ""]));
}
