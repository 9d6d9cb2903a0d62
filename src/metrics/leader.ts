import { Gauge } from "prom-client";
import type { Registry } from "prom-client";

/** Creates the gauge of leadership, under the name that Go's client gives it: 1 for the replica that writes statuses. */
export function createLeaderGauge(registry: Registry, lease: string): (leading: boolean) => void {
  const gauge = new Gauge({ name: "leader_election_master_status", help: "Whether this replica leads: 1, or 0.", labelNames: ["name"], registers: [registry] });
  gauge.set({ name: lease }, 0);
  return (leading) => gauge.set({ name: lease }, leading ? 1 : 0);
}
