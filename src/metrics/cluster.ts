import { Counter, Gauge, Histogram } from "prom-client";
import type { Registry } from "prom-client";

/** Counts what happens between this controller and the Kubernetes API. */
export interface ClusterMetrics {
  /** A request was answered; code is the HTTP status, or `<error>` when none came. */
  requested(method: string, code: string, host: string, seconds: number): void;
  /** A kind is watched now, or is not any more. */
  watching(kind: string, established: boolean): void;
  /** A watch failed with this status (0 when the connection did). */
  watchFailed(kind: string, status: number): void;
}

/** Creates the metrics of the Kubernetes client; those of requests have the names of Go's. */
export function createClusterMetrics(registry: Registry): ClusterMetrics {
  const registers = [registry];
  const requests = new Counter({ name: "rest_client_requests_total", help: "Requests to the Kubernetes API, by status code, method and host.", labelNames: ["code", "method", "host"], registers });
  const duration = new Histogram({ name: "rest_client_request_duration_seconds", help: "How long the Kubernetes API takes to begin its answer, by method and host.", labelNames: ["verb", "host"], buckets: [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30], registers });
  const established = new Gauge({ name: "contour_watch_established", help: "Whether a kind is watched: 1, or 0 while its watch is broken.", labelNames: ["kind"], registers });
  const failures = new Counter({ name: "contour_watch_failures_total", help: "Watches that failed, by kind and HTTP status (0: the connection).", labelNames: ["kind", "status"], registers });
  return {
    requested(method, code, host, seconds) {
      requests.inc({ code, method, host });
      duration.observe({ verb: method, host }, seconds);
    },
    watching: (kind, now) => established.set({ kind }, now ? 1 : 0),
    watchFailed: (kind, status) => failures.inc({ kind, status: String(status) }),
  };
}
