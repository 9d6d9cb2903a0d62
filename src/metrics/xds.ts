import { Counter, Gauge, Histogram } from "prom-client";
import type { Registry } from "prom-client";

type Mode = "delta" | "sotw";

/** Counts what happens between the xDS server and its Envoys. */
export interface XdsMetrics {
  streamOpened(type: string, mode: Mode): void;
  streamClosed(type: string, mode: Mode): void;
  envoysConnected(count: number): void;
  acked(type: string): void;
  nacked(type: string): void;
  pushed(type: string, bytes: number): void;
  propagated(seconds: number): void;
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
  return {
    streamOpened: (type, mode) => streams.inc({ type, mode }),
    streamClosed: (type, mode) => streams.dec({ type, mode }),
    envoysConnected: (count) => envoys.set(count),
    acked: (type) => acks.inc({ type }),
    nacked: (type) => nacks.inc({ type }),
    pushed: (type, size) => (pushes.inc({ type }), bytes.inc({ type }, size)),
    propagated: (seconds) => propagation.observe(seconds),
  };
}

function byType(registry: Registry, name: string, help: string): Counter<"type"> {
  return new Counter({ name, help, labelNames: ["type"], registers: [registry] });
}

function propagationHistogram(registry: Registry): Histogram {
  return new Histogram({
    name: "contour_xds_propagation_seconds",
    help: "Time from the arrival of a change to its acknowledgement by an Envoy.",
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers: [registry],
  });
}
