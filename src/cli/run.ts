import type { Command } from "commander";
import { parsePort } from "#cli/number-option";

interface Options {
  readonly address: string;
  readonly httpPort: number;
  readonly httpsPort: number;
  readonly output: string;
  readonly contourConfigName?: string;
  readonly zone?: string;
}

/** Defines `contour run`. */
export function defineRun(program: Command, finish: (code: number) => void): void {
  program
    .command("run")
    .description("serve manifests on this machine with a real Envoy, without a cluster; reloads on save")
    .argument("[paths...]", "files or folders with Kubernetes manifests", ["."])
    .option("--address <address>", "address to listen on", "127.0.0.1")
    .option("--http-port <port>", "port for plain HTTP hosts of Ingress and HTTPProxy", parsePort, 8080)
    .option("--https-port <port>", "port for their TLS hosts", parsePort, 8443)
    .option("--contour-config-name <name>", "the ContourConfiguration to use, where the files have several")
    .option("--zone <name>", "the zone to be in: endpoints with hints for it are preferred")
    .option("--output <format>", "text, or json for one JSON object a line", "text")
    .addHelpText("after", "\nExamples:\n  contour run examples/quickstart\n  contour run --http-port 9080 shop.yaml shared/\n\nTLS hosts use Secrets from the files; where a Secret is missing, a certificate authority of this machine fills in.")
    .action(async (paths: string[], options: Options) => finish(await start(paths, options)));
}

async function start(paths: readonly string[], options: Options): Promise<number> {
  const [{ run }, { terminalOutput, jsonOutput }, { pino }] = await Promise.all([import("#app/run"), import("#cli/terminal/run-output"), import("pino")]);
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => stop.abort());
  await run({
    paths,
    address: options.address,
    httpPort: options.httpPort,
    httpsPort: options.httpsPort,
    ...(options.contourConfigName === undefined ? {} : { contourConfigName: options.contourConfigName }),
    ...(options.zone === undefined ? {} : { zone: options.zone }),
    env: process.env,
    log: pino({ level: "warn" }, process.stderr),
    clock: () => Date.now(),
    signal: stop.signal,
    output: options.output === "json" ? jsonOutput() : terminalOutput(),
  });
  return 0;
}
