import { Counter } from "prom-client";
import type { Registry } from "prom-client";

/** Creates the counter of events on objects. */
export function createEventCounter(registry: Registry): (outcome: "written" | "known" | "failed" | "dropped") => void {
  const counter = new Counter({ name: "contour_events_total", help: "Events on objects: written, known to the API server already, failed, or dropped because there were too many.", labelNames: ["outcome"], registers: [registry] });
  return (outcome) => counter.inc({ outcome });
}
