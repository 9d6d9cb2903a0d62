import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ImageEntry, ImageWish } from "./image.ts";

const root = join(import.meta.dirname, "../..");

interface Lockfile {
  readonly packages: Readonly<Record<string, { readonly dev?: boolean; readonly optional?: boolean }>>;
}

// Node itself is an optional dependency, and it goes into the image as a program of its own.
function productionPackages(): readonly string[] {
  const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as Lockfile;
  const wanted = Object.entries(lock.packages).filter(([path, entry]) => path.startsWith("node_modules/") && entry.dev !== true && entry.optional !== true);
  return wanted.map(([path]) => path).filter((path) => !path.slice("node_modules/".length).includes("/node_modules/"));
}

/** The image of this project's controller: Node, the sources as they are, and the packages they need at run time. */
export function contourImage(tag = "test.local/contour:latest"): ImageWish {
  const entry = (path: string): ImageEntry => ({ from: join(root, path), to: `/app/${path}` });
  return {
    tags: [tag],
    programs: [{ from: process.execPath, to: "/usr/bin/node" }],
    entries: [entry("package.json"), entry("src"), entry("proto"), ...productionPackages().map(entry)],
    entrypoint: ["/usr/bin/node", "--no-memory-reducer", "/app/src/cli/main.ts"],
    workingDir: "/app",
  };
}

/** The image of the Envoy binary at `binaryPath`. */
export function envoyImage(binaryPath: string, tag = "test.local/envoy:latest"): ImageWish {
  return {
    tags: [tag],
    programs: [{ from: binaryPath, to: "/usr/local/bin/envoy" }],
    entries: [],
    entrypoint: ["/usr/local/bin/envoy"],
  };
}
