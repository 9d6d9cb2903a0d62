import { Counter, Gauge, Summary } from "prom-client";
import type { Registry } from "prom-client";

/** What a change of objects cost. Times in seconds. */
export interface ChangeCost {
  readonly translateSeconds: number;
  readonly feedSeconds: number;
}

/** What is asked for when metrics are read. */
export interface ControllerCounts {
  /** How many objects are known, by kind. */
  objects(): Iterable<readonly [kind: string, count: number]>;
  /** How many units of translation have run, by rule. */
  units(): Iterable<readonly [rule: string, runs: number]>;
}

/** Counts what the controller takes in and does about it. */
export interface ControllerMetrics {
  /** Changes of objects came, counted by `op kind` (add, update or delete). */
  received(counts: ReadonlyMap<string, number>): void;
  rebuilt(cost: ChangeCost): void;
}

/** The quantiles that Go Contour's summaries have. */
export const quantiles: number[] = [0.5, 0.9, 0.99];

/** Creates the metrics of the pipeline in a registry; names and labels as Go Contour's where it has them. */
export function createControllerMetrics(registry: Registry, counts: ControllerCounts): ControllerMetrics {
  const registers = [registry];
  const operations = new Counter({ name: "contour_eventhandler_operation_total", help: "Changes of Kubernetes objects that came, by operation and kind.", labelNames: ["op", "kind"], registers });
  const timestamp = new Gauge({ name: "contour_dagrebuild_timestamp", help: "When the configuration was last brought up to date, in seconds since 1970.", registers });
  const rebuilds = new Counter({ name: "contour_dagrebuild_total", help: "How often the configuration was brought up to date.", registers });
  const seconds = new Summary({ name: "contour_dagrebuild_seconds", help: "How long it takes to bring the configuration up to date.", percentiles: quantiles, registers });
  const feeding = new Summary({ name: "contour_cachehandler_onupdate_duration_seconds", help: "How long it takes to hand changed resources to the xDS server.", percentiles: quantiles, registers });
  new Gauge({
    name: "contour_dag_cache_object", help: "Objects that are known, by kind.", labelNames: ["kind"], registers,
    collect() {
      for (const [kind, count] of counts.objects()) this.set({ kind }, count);
    },
  });
  new Counter({
    name: "contour_units_recomputed_total", help: "Units of translation that ran because something that they read changed, by rule.", labelNames: ["rule"], registers,
    collect() {
      this.reset();
      for (const [rule, runs] of counts.units()) this.inc({ rule }, runs);
    },
  });
  return {
    received(found) {
      for (const [key, count] of found) {
        const [op = "", kind = ""] = key.split(" ");
        operations.inc({ op, kind }, count);
      }
    },
    rebuilt({ translateSeconds, feedSeconds }) {
      timestamp.setToCurrentTime();
      rebuilds.inc();
      seconds.observe(translateSeconds);
      feeding.observe(feedSeconds);
    },
  };
}
