import { readFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "../..");

/** One file or folder of this machine, and its place in the image. */
export interface ImageEntry {
  readonly from: string;
  readonly to: string;
}

/** What the files of an image are. */
export interface ImageContents {
  readonly entries: readonly ImageEntry[];
  /** Programs: copied together with the shared libraries that they need. */
  readonly programs: readonly ImageEntry[];
}

interface Lockfile {
  readonly packages: Readonly<Record<string, { readonly dev?: boolean; readonly optional?: boolean }>>;
}

// Node itself is an optional dependency, and it goes into the image as a program of its own.
function productionPackages(): readonly string[] {
  const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as Lockfile;
  const wanted = Object.entries(lock.packages).filter(([path, entry]) => path.startsWith("node_modules/") && entry.dev !== true && entry.optional !== true);
  return wanted.map(([path]) => path).filter((path) => !path.slice("node_modules/".length).includes("/node_modules/"));
}

/** What the image starts: a program on its PATH, as manifests and hooks name it. */
export const entrypoint = "/bin/contour";

/** The image of the controller: Node, the sources as they are, and the packages that they need at run time. No shell, no package manager. */
export function contourContents(): ImageContents {
  const entry = (path: string): ImageEntry => ({ from: join(root, path), to: `/app/${path}` });
  return {
    programs: [{ from: process.execPath, to: "/usr/bin/node" }],
    entries: [entry("package.json"), entry("src"), entry("proto"), entry("LICENSE"), { from: join(root, "deploy/image/contour"), to: entrypoint }, ...productionPackages().map(entry)],
  };
}
