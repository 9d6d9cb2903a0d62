// sbom.ts: writes the bill of materials (CycloneDX) of what ships to standard output.
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = join(import.meta.dirname, "../..");

/** What npm says about the lockfile without the development dependencies: `npm sbom --omit=dev` leaves out what both kinds need. */
export function billOfMaterials(): string {
  const folder = mkdtempSync(join(tmpdir(), "contour-sbom-"));
  const npm = (...args: readonly string[]): string => execFileSync("npm", args, { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  try {
    for (const file of ["package.json", "package-lock.json", ".npmrc"]) copyFileSync(join(root, file), join(folder, file));
    npm("pkg", "delete", "devDependencies");
    npm("prune", "--package-lock-only", "--offline");
    return npm("sbom", "--package-lock-only", "--sbom-format=cyclonedx", "--sbom-type=application");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (import.meta.main) process.stdout.write(billOfMaterials());
