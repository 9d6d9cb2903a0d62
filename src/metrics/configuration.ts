import { Gauge } from "prom-client";
import type { Registry } from "prom-client";

/** Tells whether the last version of the configuration was taken over. `at` is when, in milliseconds since 1970. */
export type ConfigurationMetric = (taken: boolean, at: number) => void;

/** Creates the gauges of the configuration, as Prometheus names its own. They are there once a configuration was read. */
export function createConfigurationMetric(registry: Registry): ConfigurationMetric {
  const successful = new Gauge({ name: "contour_configuration_last_reload_successful", help: "Whether the last version of the configuration is in force: 1, or 0 while an older one is, because the last one is not valid or gone.", registers: [] });
  const at = new Gauge({ name: "contour_configuration_last_reload_success_timestamp_seconds", help: "When the configuration that is in force was taken over, in seconds since 1970.", registers: [] });
  let shown = false;
  return (taken, ms) => {
    if (!shown) for (const gauge of [successful, at]) registry.registerMetric(gauge);
    shown = true;
    successful.set(taken ? 1 : 0);
    if (taken) at.set(ms / 1000);
  };
}
