import { execFileSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdirSync, realpathSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { ImageContents, ImageEntry } from "./contents.ts";

const users = [["root", 0], ["nobody", 65534], ["nonroot", 65532]] as const;
const triple = process.arch === "arm64" ? "aarch64-linux-gnu" : "x86_64-linux-gnu";

// glibc opens these by name at run time, so ldd does not list them.
const nameLookupLibraries = ["libnss_files.so.2", "libnss_dns.so.2", "libresolv.so.2"].map((name) => `/lib/${triple}/${name}`);

/** Lays an image's files out in a folder that becomes its root. */
export function layOutRoot(root: string, { entries, programs }: ImageContents): void {
  for (const folder of ["tmp", "etc", "root", "home/nonroot"]) mkdirSync(join(root, folder), { recursive: true });
  chmodSync(join(root, "tmp"), 0o1777);
  writeFileSync(join(root, "etc/passwd"), users.map(([name, id]) => `${name}:x:${id}:${id}:${name}:/tmp:/sbin/nologin\n`).join(""));
  writeFileSync(join(root, "etc/group"), users.map(([name, id]) => `${name}:x:${id}:\n`).join(""));
  writeFileSync(join(root, "etc/nsswitch.conf"), "hosts: files dns\n");
  for (const entry of entries) place(root, entry);
  for (const program of programs) placeProgram(root, program);
}

function place(root: string, { from, to }: ImageEntry): void {
  const target = join(root, to);
  mkdirSync(dirname(target), { recursive: true });
  cpSync(realpathSync(from), target, { recursive: true, verbatimSymlinks: true, filter: (path) => !path.endsWith(".test.ts") });
}

function placeProgram(root: string, program: ImageEntry): void {
  place(root, program);
  for (const library of [...librariesOf(program.from), ...nameLookupLibraries]) {
    if (existsSync(library) && !existsSync(join(root, library))) place(root, { from: library, to: library });
  }
}

function librariesOf(program: string): readonly string[] {
  try {
    const listing = execFileSync("ldd", [program], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    return [...listing.matchAll(/(\/\S+) \(0x/g)].map((match) => match[1] ?? "");
  } catch {
    return []; // a static program
  }
}
