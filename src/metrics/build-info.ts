import { Gauge } from "prom-client";
import type { Registry } from "prom-client";

/** What a build says about itself. */
export interface BuildInfo {
  readonly branch: string;
  readonly revision: string;
  readonly version: string;
}

/** Creates the gauge that tells what runs; its value is 1. */
export function createBuildInfo(registry: Registry, build: BuildInfo): void {
  const gauge = new Gauge({ name: "contour_build_info", help: "What runs: the labels tell branch, revision and version.", labelNames: ["branch", "revision", "version"], registers: [registry] });
  gauge.set({ ...build }, 1);
}
