import { Counter } from "prom-client";
import type { Registry } from "prom-client";

/** Counts calls of a gRPC server; names and labels as those of go-grpc-prometheus, which dashboards know. */
export interface GrpcMetrics {
  /** A call began; gives what counts its messages and its end. */
  started(path: string): { received(): void; sent(): void; ended(code: string): void };
}

const labelNames = ["grpc_type", "grpc_service", "grpc_method"] as const;

/** Creates the metrics of a gRPC server whose calls are streams in both directions. */
export function createGrpcMetrics(registry: Registry): GrpcMetrics {
  const counter = <T extends string>(name: string, help: string, names: readonly T[]): Counter<T> => new Counter({ name, help, labelNames: [...names], registers: [registry] });
  const started = counter("grpc_server_started_total", "RPCs that began.", labelNames);
  const handled = counter("grpc_server_handled_total", "RPCs that ended, whatever the outcome.", [...labelNames, "grpc_code"]);
  const received = counter("grpc_server_msg_received_total", "Messages that clients sent.", labelNames);
  const sent = counter("grpc_server_msg_sent_total", "Messages that clients were sent.", labelNames);
  return {
    started(path) {
      const [, service = "", method = ""] = path.split("/");
      const labels = { grpc_type: "bidi_stream", grpc_service: service, grpc_method: method };
      started.inc(labels);
      return { received: () => received.inc(labels), sent: () => sent.inc(labels), ended: (code) => handled.inc({ ...labels, grpc_code: code }) };
    },
  };
}
