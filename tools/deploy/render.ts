import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { binaryPath } from "../../test/bed/cache.ts";

const deploy = join(import.meta.dirname, "../../deploy");

/** The installations that are also there as one file, by the name of that file. */
export const renders: Readonly<Record<string, string>> = { "contour.yaml": "daemonset", "contour-deployment.yaml": "deployment", "contour-gateway-provisioner.yaml": "gateway-provisioner" };

/** What kustomize, as kubectl has it, makes of a folder under deploy/. */
export function kustomize(folder: string): string {
  return execFileSync(binaryPath("kubectl"), ["kustomize", join(deploy, folder)], { encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
}

/** The text of a file under deploy/render/. */
export function render(folder: string): string {
  return `# Made of deploy/${folder} by \`npm run generate:deploy\`.\n${kustomize(folder)}`;
}
