import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import type { ImageContents } from "../../tools/image/contents.ts";
import { layOutRoot } from "../../tools/image/root-files.ts";

/** What a container image holds; it is made without any registry and without a container tool. */
export interface ImageWish extends ImageContents {
  readonly tags: readonly string[];
  readonly entrypoint: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly user?: string;
  readonly workingDir?: string;
}

/** Writes an archive that `ctr images import` and `docker load` read. */
export function buildImage(outPath: string, wish: ImageWish): void {
  const work = mkdtempSync(join(tmpdir(), "contour-image-"));
  try {
    const root = join(work, "root");
    layOutRoot(root, wish);
    packImage(work, root, wish);
    archive(join(work, "image"), `${outPath}.${process.pid}`);
    renameSync(`${outPath}.${process.pid}`, outPath);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function packImage(work: string, root: string, wish: ImageWish): void {
  const image = join(work, "image");
  mkdirSync(image);
  const layer = join(work, "layer.tar");
  archive(root, layer);
  const layerId = sha256(readFileSync(layer));
  mkdirSync(join(image, layerId));
  renameSync(layer, join(image, layerId, "layer.tar"));
  const config = JSON.stringify(imageConfig(wish, layerId));
  const configName = `${sha256(config)}.json`;
  writeFileSync(join(image, configName), config);
  writeFileSync(join(image, "manifest.json"), JSON.stringify([{ Config: configName, RepoTags: wish.tags, Layers: [`${layerId}/layer.tar`] }]));
}

function imageConfig(wish: ImageWish, layerId: string): object {
  const env = { PATH: "/usr/local/bin:/usr/bin:/bin", ...wish.env };
  return {
    architecture: process.arch === "x64" ? "amd64" : process.arch,
    os: "linux",
    created: "2026-01-01T00:00:00Z",
    config: {
      Env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
      WorkingDir: wish.workingDir ?? "/",
      Entrypoint: wish.entrypoint,
      ...(wish.user === undefined ? {} : { User: wish.user }),
    },
    rootfs: { type: "layers", diff_ids: [`sha256:${layerId}`] },
    history: [{ created: "2026-01-01T00:00:00Z" }],
  };
}

// The same files always give the same bytes, so that an unchanged image is not imported twice.
function archive(folder: string, outPath: string): void {
  execFileSync("tar", ["--create", "--file", outPath, "--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--mtime=2026-01-01T00:00Z", "--directory", folder, "."].concat(basename(folder) === "image" ? ["--transform=s,^\\./,,"] : []));
}

function sha256(data: string | Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}
