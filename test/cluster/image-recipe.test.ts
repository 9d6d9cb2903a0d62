import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, lstatSync, mkdtempSync, readFileSync, readdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import { contourContents } from "../../tools/image/contents.ts";
import type { ImageEntry } from "../../tools/image/contents.ts";
import { layOutRoot } from "../../tools/image/root-files.ts";
import { buildImage } from "../bed/image.ts";

const run = promisify(execFile);
const root = join(import.meta.dirname, "../..");
const revision = "0123456789abcdef";
/** What a recipe's command finds in the official image of Node, as far as this recipe needs it. */
const baseTag = "docker.io/library/node:26-bookworm-slim";
const basePrograms = ["/bin/sh", "/bin/bash", "/usr/bin/dirname", "/usr/bin/env", "/usr/bin/uname"];

describe("deploy/image/Dockerfile", { timeout: 600_000 }, () => {
  const work = mkdtempSync(join(tmpdir(), "contour-recipe-"));
  const store = ["--root", join(work, "store"), "--runroot", join(work, "run"), "--storage-driver", "vfs"];
  const buildah = async (...args: readonly string[]): Promise<string> => (await run("buildah", [...store, ...args], { cwd: root, maxBuffer: 64 * 1024 * 1024 })).stdout.trim();
  let built: string;
  let image: string;

  before(async () => {
    // Nothing can be pulled here, so the base is made of this machine's programs, under the name of the official one.
    const archive = join(work, "base.tar");
    buildImage(archive, { tags: [baseTag], entrypoint: [], env: { npm_config_userconfig: userSettings }, ...baseContents(work) });
    await buildah("pull", "--quiet", `docker-archive:${archive}`);
    image = await buildah("build", "--quiet", "--isolation", "chroot", "--network", "host", "--pull-never", ...npmSettings(), "--build-arg", `REVISION=${revision}`, "--file", "deploy/image/Dockerfile", "--tag", "contour", ".");
    built = await buildah("mount", await buildah("from", "--pull-never", image));
  });
  after(() => {
    execFileSync("buildah", [...store, "umount", "--all"]);
    rmSync(work, { recursive: true, force: true });
  });

  it("gives the very files that the tests of this project run in pods, and a bill of materials", () => {
    const ours = join(work, "ours");
    layOutRoot(ours, contourContents());
    const [theirs, expected] = [contentsOf(built), contentsOf(ours)];
    assert.deepEqual([...theirs.keys()].filter((path) => !expected.has(path)), ["app/sbom.cdx.json"]);
    assert.deepEqual([...expected].filter(([path, digest]) => theirs.get(path) !== digest), []);
    const bill = JSON.parse(readFileSync(join(built, "app/sbom.cdx.json"), "utf8")) as { readonly bomFormat: string; readonly components: readonly object[] };
    assert.equal(bill.bomFormat, "CycloneDX");
    assert.ok(bill.components.length > 10);
  });

  it("says who it is: no root, and one program", async () => {
    const { Docker: { config } } = JSON.parse(await buildah("inspect", "--type", "image", image)) as { readonly Docker: { readonly config: Readonly<Record<string, unknown>> } };
    assert.equal(config["User"], "65534:65534");
    assert.deepEqual(config["Entrypoint"], ["/bin/contour"]);
    assert.ok((config["Env"] as readonly string[]).includes(`CONTOUR_BUILD_REVISION=${revision}`));
  });

  it("runs as nobody, on a root that nobody can write to", async () => {
    const manifest = readFileSync(join(root, "examples/operations/shop.yaml"));
    const inside = async (...args: readonly string[]): Promise<string> => {
      const script = 'mkdir -p "$0/dev" && mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && mount --bind /dev "$0/dev" && mount -t tmpfs none "$0/tmp" && cat > "$0/tmp/shop.yaml" && exec /usr/sbin/chroot --userspec=65534:65534 "$0" "$@"';
      const child = run("unshare", ["--mount", "sh", "-c", script, built, ...args], { env: { PATH: "/usr/local/bin:/usr/bin:/bin", CONTOUR_BUILD_REVISION: revision } });
      child.child.stdin?.end(manifest);
      return (await child).stdout;
    };
    assert.match(await inside("/bin/contour", "version"), new RegExp(revision));
    assert.match(await inside("/bin/contour", "translate", "/tmp/shop.yaml"), /shop\.example\.com/);
  });
});

function baseContents(work: string): { readonly entries: readonly ImageEntry[]; readonly programs: readonly ImageEntry[] } {
  const npm = join(execFileSync("npm", ["root", "--global"], { encoding: "utf8" }).trim(), "npm");
  writeFileSync(join(work, "npm"), '#!/bin/sh\nexec node /usr/local/lib/node_modules/npm/bin/npm-cli.js "$@"\n', { mode: 0o755 });
  const entries = [{ from: npm, to: "/usr/local/lib/node_modules/npm" }, { from: join(work, "npm"), to: "/usr/local/bin/npm" }, { from: "/usr/bin/ldd", to: "/usr/bin/ldd" }];
  return { entries, programs: [...basePrograms.map((path) => ({ from: realpathSync(path), to: path })), { from: process.execPath, to: "/usr/local/bin/node" }] };
}

/** Where the npm inside looks for what this machine's user has set. */
const userSettings = "/etc/npm-user-settings";

/** How npm reaches its registry on this machine, for the npm inside. */
function npmSettings(): readonly string[] {
  const setting = (key: string): string => execFileSync("npm", ["config", "get", key], { encoding: "utf8" }).trim();
  const files = [[setting("userconfig"), userSettings], [setting("globalconfig"), "/usr/local/etc/npmrc"], [setting("cafile"), setting("cafile")]] as const;
  return files.filter(([from]) => existsSync(from)).flatMap(([from, to]) => ["--volume", `${from}:${to}:ro`]);
}

/** A digest of each file, by its path. */
function contentsOf(folder: string): ReadonlyMap<string, string> {
  const paths = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((path) => lstatSync(join(folder, path)).isFile());
  return new Map(paths.toSorted().map((path) => [path, createHash("sha256").update(readFileSync(join(folder, path))).digest("hex")]));
}
