import type { Command } from "commander";

interface Options {
  readonly contour: string;
  readonly cafile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
  readonly delta?: boolean;
  readonly nack?: boolean;
  readonly once?: boolean;
  readonly nodeId: string;
}

/** What there is to listen to, in Envoy's words. */
const services: Readonly<Record<string, string>> = {
  lds: "listeners",
  rds: "route configurations by name; those of hosts come with their scopes (srds)",
  srds: "scopes: a route configuration for each host",
  cds: "clusters",
  eds: "endpoints of clusters",
  sds: "certificates; their keys are left out",
  rtds: "runtime settings",
};

/** Defines `contour cli`. Names and defaults as Go Contour's. */
export function defineCli(program: Command, finish: (code: number) => void): void {
  const { env } = process;
  const cli = program.command("cli").description("show what an xDS server gives to Envoys, as it changes, until interrupted");
  for (const [service, description] of Object.entries(services)) {
    cli
      .command(service)
      .description(`show ${description}`)
      .argument("[names...]", "the resources to ask for; none asks for all")
      .option("--contour <address>", "host and port of the xDS server", "127.0.0.1:8001")
      .option("--cafile <file>", "authorities of the server's certificate (env CLI_CAFILE)", env["CLI_CAFILE"])
      .option("--cert-file <file>", "certificate to show (env CLI_CERT_FILE)", env["CLI_CERT_FILE"])
      .option("--key-file <file>", "its key (env CLI_KEY_FILE)", env["CLI_KEY_FILE"])
      .option("--delta", "ask for changes only, as Envoy does")
      .option("--once", "end after the first answer")
      .option("--nack", "refuse each response; a controller holds back from all its Envoys what one of them refuses, so not where users are served")
      .option("--node-id <id>", "who to be", "ContourCLI")
      .addHelpText("after", `\nExample, in the pod of an Envoy:\n  contour cli ${service} --contour contour:8001 --cafile /certs/ca.crt --cert-file /certs/tls.crt --key-file /certs/tls.key`)
      .action(async (names: string[], options: Options) => finish(await show(service, names, options)));
  }
}

async function show(service: string, names: readonly string[], options: Options): Promise<number> {
  const { cafile: caFile, certFile, keyFile } = options;
  const given = [caFile, certFile, keyFile].filter((file) => file !== undefined);
  if (given.length !== 0 && given.length !== 3) {
    process.stderr.write("contour cli: --cafile, --cert-file and --key-file belong together; give all three or none\n");
    return 2;
  }
  const { listen, typeOfService } = await import("#app/xds-listen");
  const type = typeOfService[service];
  if (type === undefined) return 2;
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
  await listen({
    address: options.contour,
    ...(caFile === undefined || certFile === undefined || keyFile === undefined ? {} : { tls: { caFile, certFile, keyFile } }),
    type,
    names,
    mode: options.delta === true ? "delta" : "sotw",
    refuse: options.nack ?? false,
    nodeId: options.nodeId,
    onResponse: (response) => {
      process.stdout.write(`${JSON.stringify(response, undefined, 2)}\n`);
      if (options.once === true) setImmediate(() => stop.abort());
    },
    signal: stop.signal,
  });
  return 0;
}
