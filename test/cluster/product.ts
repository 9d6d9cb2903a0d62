import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ensureEnvoyBinary } from "#app/envoy-binary";
import { envoyVersion } from "#settings/envoy";
import type { Cluster } from "../bed/cluster.ts";
import { contourImage, envoyImage } from "../bed/product-image.ts";

const root = join(import.meta.dirname, "../..");

/** The release that the manifests install. */
export const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { readonly version: string };

/** Tags of images that hold the same as those of this release: a release to upgrade to. */
export const next = { contour: "v99.0.0", envoy: "distroless-v99.0.0" };

/** Gives the node the images that the manifests name, and those of the next release. */
export async function importProduct(cluster: Cluster): Promise<void> {
  const binary = await ensureEnvoyBinary({ env: process.env, progress() {} });
  const tagged = (image: string, ...tags: readonly string[]): readonly string[] => tags.map((tag) => `docker.io/${image}:${tag}`);
  await cluster.importImage({ ...contourImage(), tags: tagged("projectcontour/contour", `v${version}`, next.contour) });
  await cluster.importImage({ ...envoyImage(binary), tags: tagged("envoyproxy/envoy", `distroless-v${envoyVersion}`, next.envoy) });
}
