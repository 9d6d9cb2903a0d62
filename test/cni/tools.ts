import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { cacheFolder } from "../bed/cache.ts";

/** Where setup.sh unpacks Debian's bird, Open vSwitch, clang, bpftool and ethtool. */
export const toolsFolder = join(cacheFolder(), "cni-tools");

const libraries = (): string => [...new Set(readdirSync(toolsFolder, { recursive: true, encoding: "utf8" }).filter((name) => name.includes(".so")).map((name) => dirname(join(toolsFolder, name))))].join(":");

let environment: Readonly<Record<string, string>> | undefined;

/** What unpacked programs need to find their libraries, and shells to find them. */
export function toolsEnv(): Readonly<Record<string, string>> {
  environment ??= {
    LD_LIBRARY_PATH: libraries(),
    PATH: [process.env["PATH"] ?? "", "/usr/sbin", "/sbin", ...["usr/bin", "usr/sbin", "sbin", "usr/lib/openvswitch-switch", "usr/lib/llvm-19/bin"].map((folder) => join(toolsFolder, folder))].join(":"),
  };
  return environment;
}
