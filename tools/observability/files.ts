import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { controllerDashboard, envoyDashboard, grafanaDashboard } from "./dashboards.ts";

/** The folder of dashboards and alerts. */
export const folder = join(import.meta.dirname, "../../deploy/observability");

/** The files in it that are made from others, by name. */
export function generatedFiles(): ReadonlyMap<string, string> {
  const json = (value: object): string => `${JSON.stringify(value, undefined, 2)}\n`;
  const { groups } = parse(readFileSync(join(folder, "rules.yaml"), "utf8")) as { readonly groups: readonly object[] };
  const rules = { apiVersion: "monitoring.coreos.com/v1", kind: "PrometheusRule", metadata: { name: "contour" }, spec: { groups } };
  return new Map([
    ["controller.json", json(grafanaDashboard(controllerDashboard))],
    ["envoy.json", json(grafanaDashboard(envoyDashboard))],
    ["operator/rules.yaml", `# Made from ../rules.yaml: npm run generate:observability\n${stringify(rules, { lineWidth: 0 })}`],
  ]);
}
