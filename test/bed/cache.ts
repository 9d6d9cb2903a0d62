import { existsSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";

/** The Kubernetes release of the test bed; `kubernetes/build/hyperkube/go.mod` pins the same one. */
export const kubernetesVersion = "v1.37.2";

/** The folder where this machine keeps what is costly to make or to fetch. */
export function cacheFolder(): string {
  const base = process.env["CONTOUR_CACHE"] ?? process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache");
  return join(base, "contour");
}

/** The folder of the test bed's binaries and images, by Kubernetes version. */
export function testbedFolder(): string {
  return join(cacheFolder(), `testbed-${kubernetesVersion}`);
}

/** The binaries that make up a Kubernetes API without nodes. */
export type ControlPlaneBinary = "etcd" | "kube-apiserver" | "kubectl";

/** The path of a binary: from `KUBEBUILDER_ASSETS` (envtest's convention) when set, else from the test bed's cache. */
export function binaryPath(name: ControlPlaneBinary): string {
  const path = join(process.env["KUBEBUILDER_ASSETS"] ?? join(testbedFolder(), "bin"), name);
  if (!existsSync(path)) throw new Error(`${path} is missing: run test/bed/setup.sh, or set KUBEBUILDER_ASSETS`);
  return path;
}

/** The path of a program that tests start beside the API: the ACME server, its DNS server, and another one who asks for certificates. */
export function acmeBinary(name: "pebble" | "pebble-challtestsrv" | "certmanager"): string {
  const path = join(testbedFolder(), "bin", name);
  if (!existsSync(path)) throw new Error(`${path} is missing: run test/bed/setup.sh`);
  return path;
}

/** A program, with the libraries that it needs beside those of this machine. */
export interface Program {
  readonly path: string;
  readonly env: Readonly<Record<string, string>>;
}

/** The name server that tests start (BIND): unpacked by setup.sh, else the one of this machine. */
export function nameServerProgram(): Program {
  const folder = join(testbedFolder(), "bind");
  const unpacked = join(folder, "usr/sbin/named");
  if (existsSync(unpacked)) return { path: unpacked, env: { LD_LIBRARY_PATH: libraryFolders(folder).join(":") } };
  if (existsSync("/usr/sbin/named")) return { path: "/usr/sbin/named", env: {} };
  throw new Error(`${unpacked} is missing: run test/bed/setup.sh`);
}

/** The library that gives a process another time of day (libfaketime, the one for threads): unpacked by setup.sh. */
export function otherClock(offset: string): Readonly<Record<string, string>> {
  const folder = join(testbedFolder(), "faketime");
  const library = existsSync(folder) ? readdirSync(folder, { recursive: true, encoding: "utf8" }).find((name) => name.endsWith("libfaketimeMT.so.1")) : undefined;
  if (library === undefined) throw new Error(`libfaketime is missing in ${folder}: run test/bed/setup.sh`);
  // What is measured is not the time of day: that clock stays as it is.
  return { LD_PRELOAD: join(folder, library), FAKETIME: offset, FAKETIME_DONT_FAKE_MONOTONIC: "1", FAKETIME_NO_CACHE: "1" };
}

/** The load generator of tests (wrk): unpacked by setup.sh. */
export function loadGenerator(): Program {
  const folder = join(testbedFolder(), "wrk");
  const path = join(folder, "usr/bin/wrk");
  if (!existsSync(path)) throw new Error(`${path} is missing: run test/bed/setup.sh`);
  return { path, env: { LD_LIBRARY_PATH: libraryFolders(folder).join(":") } };
}

/** The scanner of what servers speak in TLS (sslscan): unpacked by setup.sh, else the one of this machine. */
export function tlsScanner(): Program {
  const folder = join(testbedFolder(), "sslscan");
  const unpacked = join(folder, "usr/bin/sslscan");
  if (existsSync(unpacked)) return { path: unpacked, env: { LD_LIBRARY_PATH: libraryFolders(folder).join(":") } };
  if (existsSync("/usr/bin/sslscan")) return { path: "/usr/bin/sslscan", env: {} };
  throw new Error(`${unpacked} is missing: run test/bed/setup.sh`);
}

function libraryFolders(folder: string): readonly string[] {
  const libraries = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.includes(".so"));
  return [...new Set(libraries.map((name) => dirname(join(folder, name))))];
}
