import { Counter, Summary } from "prom-client";
import type { Registry } from "prom-client";

/** Creates the metrics of status writing in a registry; names and labels as Go Contour's. */
export function createStatusMetrics(registry: Registry): { written(kind: string, outcome: "success" | "noop" | "failed" | "conflict", seconds: number): void } {
  const counter = (name: string, help: string): Counter<"kind"> => new Counter({ name, help, labelNames: ["kind"], registers: [registry] });
  const total = counter("contour_status_update_total", "Status updates by kind.");
  const outcomes = {
    success: counter("contour_status_update_success_total", "Status updates that were written, by kind."),
    noop: counter("contour_status_update_noop_total", "Status updates that changed nothing, by kind."),
    failed: counter("contour_status_update_failed_total", "Status updates that failed, by kind."),
    conflict: counter("contour_status_update_conflict_total", "Status updates that met a conflict, by kind."),
  };
  const duration = new Summary({ name: "contour_status_update_duration_seconds", help: "How long status updates take, by kind and whether they failed.", labelNames: ["kind", "error"], registers: [registry] });
  return {
    written(kind, outcome, seconds) {
      total.inc({ kind });
      // A series that begins at 1 has no increase: the first failure would go unseen.
      for (const counted of Object.values(outcomes)) counted.inc({ kind }, 0);
      outcomes[outcome].inc({ kind });
      if (outcome !== "noop") duration.observe({ kind, error: String(outcome !== "success") }, seconds);
    },
  };
}
