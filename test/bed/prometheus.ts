import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { stringify } from "yaml";
import { testbedFolder } from "./cache.ts";
import type { ImageWish } from "./image.ts";
import { freePort } from "./free-port.ts";
import { startProcess } from "./process.ts";
import { waitFor } from "./wait.ts";

/** What Prometheus is to scrape. */
export interface ScrapeTarget {
  readonly job: string;
  readonly port: number;
  readonly path: string;
}

/** A running Prometheus. */
export interface Prometheus {
  /** How many series a query has now; throws Prometheus' words when it is not a query. */
  count(query: string): Promise<number>;
  /** The names of all metrics that it has seen. */
  names(): Promise<ReadonlySet<string>>;
  /** Why targets cannot be scraped. */
  failures(): Promise<readonly string[]>;
  stop(): Promise<void>;
}

function binary(name: "prometheus-kubernetes" | "promtool"): string {
  const path = join(testbedFolder(), "bin", name);
  if (!existsSync(path)) throw new Error(`${path} is missing: run test/bed/kubernetes/build/build.sh prometheus`);
  return path;
}

/** The image that examples/operations/prometheus.yaml names, of the binary that was built here. */
export const prometheusImage: ImageWish = { tags: ["docker.io/prom/prometheus:v3.16.0"], entries: [], programs: [{ from: join(testbedFolder(), "bin/prometheus-kubernetes"), to: "/bin/prometheus" }], entrypoint: ["/bin/prometheus"] };

/** Runs promtool in a folder; gives what it printed, and throws that when it fails. */
export async function promtool(folder: string, ...args: readonly string[]): Promise<string> {
  return promisify(execFile)(binary("promtool"), [...args], { cwd: folder }).then(({ stdout }) => stdout, (error: { readonly stdout: string; readonly stderr: string }) => Promise.reject(new Error(`${error.stdout}${error.stderr}`)));
}

/** Starts a real Prometheus that scrapes ports of this machine every second, with these rules. */
export async function startPrometheus(targets: readonly ScrapeTarget[], rulesFile: string): Promise<Prometheus> {
  const folder = mkdtempSync(join(tmpdir(), "contour-prometheus-"));
  const port = await freePort();
  const config = { global: { scrape_interval: "1s", evaluation_interval: "1s" }, rule_files: [rulesFile], scrape_configs: targets.map(({ job, port: at, path }) => ({ job_name: job, metrics_path: path, static_configs: [{ targets: [`127.0.0.1:${at}`] }] })) };
  writeFileSync(join(folder, "prometheus.yml"), stringify(config));
  const args = [`--config.file=${join(folder, "prometheus.yml")}`, `--storage.tsdb.path=${join(folder, "data")}`, `--web.listen-address=127.0.0.1:${port}`, "--log.level=warn"];
  const process = startProcess({ name: "prometheus", command: binary("prometheus-kubernetes"), args, logPath: join(folder, "prometheus.log") });
  const ask = async <T>(path: string): Promise<T> => {
    const answer = (await (await fetch(`http://127.0.0.1:${port}${path}`)).json()) as { readonly status: string; readonly error?: string; readonly data: T };
    if (answer.status !== "success") throw new Error(answer.error);
    return answer.data;
  };
  await waitFor(async () => (await fetch(`http://127.0.0.1:${port}/-/ready`)).ok, { what: `Prometheus is ready\n${process.logTail()}` });
  return {
    count: async (query) => (await ask<{ readonly result: readonly unknown[] }>(`/api/v1/query?query=${encodeURIComponent(query)}`)).result.length,
    names: async () => new Set(await ask<readonly string[]>("/api/v1/label/__name__/values")),
    failures: async () => (await ask<{ readonly activeTargets: readonly { readonly lastError: string; readonly scrapeUrl: string }[] }>("/api/v1/targets")).activeTargets.flatMap(({ lastError, scrapeUrl }) => (lastError === "" ? [] : [`${scrapeUrl}: ${lastError}`])),
    stop: async () => {
      await process.stop();
      rmSync(folder, { recursive: true });
    },
  };
}
