import { Option } from "commander";
import type { Command } from "commander";
import type { SecretsFormat } from "#certs/xds-secrets";
import { parseCount } from "#cli/number-option";

interface Options {
  readonly kube?: boolean;
  readonly yaml?: boolean;
  readonly pem?: boolean;
  readonly incluster?: boolean;
  readonly kubeconfig?: string;
  readonly namespace: string;
  readonly certificateLifetime: number;
  readonly overwrite?: boolean;
  readonly secretsFormat: SecretsFormat;
  readonly secretsNameSuffix: string;
}

/** Defines `contour certgen`. Names and defaults as Go Contour's. */
export function defineCertgen(program: Command, finish: (code: number) => void): void {
  program
    .command("certgen")
    .description("make the certificates by which the controller and its Envoys know each other")
    .argument("[outputdir]", "where files are written", "certs")
    .option("--kube", "write them as Secrets into the cluster")
    .option("--yaml", "write them as files with Secrets")
    .option("--pem", "write them as PEM files")
    .option("--incluster", "use the service account of this pod")
    .option("--kubeconfig <file>", "how to reach the API server (default: what KUBECONFIG names, else ~/.kube/config)")
    .option("--namespace <name>", "namespace of the Secrets, and in the names of the certificates (env CONTOUR_NAMESPACE)", process.env["CONTOUR_NAMESPACE"] ?? "projectcontour")
    .option("--certificate-lifetime <days>", "days until the certificates end", parseCount, 365)
    .option("--overwrite", "replace files and Secrets that are there")
    .addOption(new Option("--secrets-format <format>", "compact: the authority is in each Secret; legacy: it has one of its own").choices(["legacy", "compact"]).default("legacy"))
    .option("--secrets-name-suffix <text>", "put behind the name of each Secret", "")
    .addHelpText("after", "\nExamples:\n  contour certgen --kube --namespace projectcontour --secrets-format compact\n  contour certgen --pem --yaml --overwrite certs")
    .action(async (folder: string, options: Options) => finish(await write(folder, options)));
}

async function write(folder: string, options: Options): Promise<number> {
  const { kube, yaml, pem } = options;
  if (kube !== true && yaml !== true && pem !== true) {
    process.stderr.write("contour certgen: say where the certificates go: --kube, --yaml, --pem, or several of them\n");
    return 2;
  }
  const [{ certgen }, { createApiClient }, { inClusterAccess }, { kubeconfigAccess }] = await Promise.all([import("#app/certgen"), import("#sources/kubernetes/client"), import("#sources/kubernetes/in-cluster"), import("#sources/kubernetes/kubeconfig-access")]);
  const { env } = process;
  const clock = (): number => Date.now();
  const access = kube !== true ? undefined : options.incluster === true ? inClusterAccess({ env, clock }) : kubeconfigAccess({ env, clock, ...(options.kubeconfig === undefined ? {} : { path: options.kubeconfig }) });
  const client = access === undefined ? undefined : createApiClient({ access, userAgent: "contour-certgen", env });
  await certgen({
    namespace: options.namespace,
    days: options.certificateLifetime,
    format: options.secretsFormat,
    suffix: options.secretsNameSuffix,
    overwrite: options.overwrite ?? false,
    ...(pem === true ? { pemFolder: folder } : {}),
    ...(yaml === true ? { yamlFolder: folder } : {}),
    ...(client === undefined ? {} : { client }),
    now: clock(),
    say: (line) => void process.stdout.write(`${line}\n`),
  });
  client?.close();
  return 0;
}
