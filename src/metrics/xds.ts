import { Counter, Gauge, Histogram } from "prom-client";
import type { Registry } from "prom-client";
import { createGrpcMetrics } from "#metrics/grpc";
import type { GrpcMetrics } from "#metrics/grpc";

type Mode = "delta" | "sotw";

/** Counts what happens between the xDS server and its Envoys. */
export interface XdsMetrics extends GrpcMetrics {
  streamOpened(type: string, mode: Mode): void;
  streamClosed(type: string, mode: Mode): void;
  envoysConnected(count: number): void;
  acked(type: string): void;
  nacked(type: string): void;
  pushed(type: string, bytes: number): void;
  propagated(type: string, seconds: number): void;
  certificateLoaded(expiresAt: number): void;
  /** When the certificates in Secrets end that the leader looks after, by name; milliseconds since 1970. */
  secretsEnd(ends: ReadonlyMap<string, number>): void;
}

/** Creates the metrics of the xDS server in a registry. */
export function createXdsMetrics(registry: Registry): XdsMetrics {
  const streams = new Gauge({ name: "contour_xds_streams", help: "Open xDS streams by type and mode.", labelNames: ["type", "mode"], registers: [registry] });
  const envoys = new Gauge({ name: "contour_xds_connected_envoys", help: "Envoys connected to this controller.", registers: [registry] });
  const acks = byType(registry, "contour_xds_acks_total", "Responses accepted by Envoys.");
  const nacks = byType(registry, "contour_xds_nacks_total", "Responses refused by Envoys.");
  const pushes = byType(registry, "contour_xds_pushes_total", "Responses sent to Envoys.");
  const bytes = byType(registry, "contour_xds_pushed_bytes_total", "Bytes of the responses sent to Envoys.");
  const propagation = propagationHistogram(registry);
  const certificate = new Gauge({ name: "contour_xds_certificate_expiry_timestamp_seconds", help: "When the certificate of the xDS server ends, in seconds since 1970; absent without TLS.", registers: [registry] });
  certificate.remove();
  const secrets = new Gauge({ name: "contour_xds_secret_expiry_timestamp_seconds", help: "When the certificates in the Secrets of the xDS connection end, in seconds since 1970; shown by the leader.", labelNames: ["name"], registers: [registry] });
  return {
    ...createGrpcMetrics(registry),
    streamOpened: (type, mode) => streams.inc({ type, mode }),
    streamClosed: (type, mode) => streams.dec({ type, mode }),
    envoysConnected: (count) => envoys.set(count),
    acked: (type) => acks.inc({ type }),
    nacked: (type) => nacks.inc({ type }),
    pushed(type, size) {
      pushes.inc({ type });
      bytes.inc({ type }, size);
      // A series that begins at 1 has no increase: the first refusal would go unseen.
      acks.inc({ type }, 0);
      nacks.inc({ type }, 0);
    },
    propagated: (type, seconds) => propagation.observe({ type }, seconds),
    certificateLoaded: (expiresAt) => certificate.set(expiresAt / 1000),
    secretsEnd(ends) {
      secrets.reset();
      for (const [name, at] of ends) secrets.set({ name }, at / 1000);
    },
  };
}

function byType(registry: Registry, name: string, help: string): Counter<"type"> {
  return new Counter({ name, help, labelNames: ["type"], registers: [registry] });
}

function propagationHistogram(registry: Registry): Histogram<"type"> {
  return new Histogram({
    name: "contour_xds_propagation_seconds",
    help: "Time from the arrival of a change to its acknowledgement by an Envoy, by type.",
    labelNames: ["type"],
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers: [registry],
  });
}
