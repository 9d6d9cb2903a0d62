import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";

/** One file or folder of this machine, and its place in the image. */
export interface ImageEntry {
  readonly from: string;
  readonly to: string;
}

/** What a container image holds; it is made without any registry and without a container tool. */
export interface ImageWish {
  readonly tags: readonly string[];
  readonly entries: readonly ImageEntry[];
  /** Programs: copied together with the shared libraries that they need. */
  readonly programs?: readonly ImageEntry[];
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

const users = [["root", 0], ["nobody", 65534], ["nonroot", 65532]] as const;

function layOutRoot(root: string, wish: ImageWish): void {
  for (const folder of ["tmp", "etc", "root", "home/nonroot"]) mkdirSync(join(root, folder), { recursive: true });
  execFileSync("chmod", ["1777", join(root, "tmp")]);
  writeFileSync(join(root, "etc/passwd"), users.map(([name, id]) => `${name}:x:${id}:${id}:${name}:/tmp:/sbin/nologin\n`).join(""));
  writeFileSync(join(root, "etc/group"), users.map(([name, id]) => `${name}:x:${id}:\n`).join(""));
  writeFileSync(join(root, "etc/nsswitch.conf"), "hosts: files dns\n");
  for (const entry of wish.entries) place(root, entry);
  for (const program of wish.programs ?? []) placeProgram(root, program);
}

function place(root: string, { from, to }: ImageEntry): void {
  const target = join(root, to);
  mkdirSync(dirname(target), { recursive: true });
  cpSync(realpathSync(from), target, { recursive: true, verbatimSymlinks: true });
}

function placeProgram(root: string, program: ImageEntry): void {
  place(root, program);
  for (const library of [...librariesOf(program.from), ...nameLookupLibraries]) {
    if (existsSync(library) && !existsSync(join(root, library))) place(root, { from: library, to: library });
  }
}

// glibc opens these by name at run time, so ldd does not list them.
const nameLookupLibraries = ["libnss_files.so.2", "libnss_dns.so.2", "libresolv.so.2"].map((name) => `/lib/x86_64-linux-gnu/${name}`);

function librariesOf(program: string): readonly string[] {
  try {
    const listing = execFileSync("ldd", [program], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    return [...listing.matchAll(/(\/\S+) \(0x/g)].map((match) => match[1] ?? "");
  } catch {
    return []; // a static program
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
