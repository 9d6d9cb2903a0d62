import { readFileSync } from "node:fs";
import type { BuildInfo } from "#metrics/build-info";

/** What runs: the version of the package, and what an image was built from (CONTOUR_BUILD_BRANCH, CONTOUR_BUILD_REVISION). */
export function buildInfo(env: NodeJS.ProcessEnv): BuildInfo {
  const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { readonly version: string };
  return { branch: env["CONTOUR_BUILD_BRANCH"] ?? "unknown", revision: env["CONTOUR_BUILD_REVISION"] ?? "unknown", version: manifest.version };
}
